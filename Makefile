# Two commands for a fresh machine: `make demo` shows it working, `make test` proves it. Each does its own set-up.
PYTHON ?= python3
GROUND = $(PYTHON) -m tests.ground
PYTEST = .venv/bin/python -m pytest
# Tests wait for programs, mirrors and deadlines more than they work: two processes share them.
SHARED = --numprocesses 2 --dist loadfile

.DEFAULT_GOAL := help
.PHONY: help demo demo-update test lint unit unit-image integration single interop page swarm bench bench-consistency bench-fanout bench-first bench-slice chaos accidents image programs down clean

help: ## what can be made
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 20

demo: image .venv/.complete ## three tiers of mirrors with a signed archive, left running
	@.venv/bin/python -m tests.demo show

demo-update: .venv/.complete ## a changed package, from the origin to the leaves of the running demo
	@.venv/bin/python -m tests.demo update

# What each part needs is made first, once. Most of the long ones is waiting, so they come first.
test: programs image .venv/.complete ## linters, types, unit tests here and in the image, integration tests
	@$(GROUND) prometheus
	@$(MAKE) --no-print-directory swarm
	@echo "· images, linters, unit and integration tests side by side: each part's output comes when it ends"
	@$(PYTHON) -m tests.ground.parts "$(MAKE)" interop integration accidents unit-image single unit page lint

lint: programs .venv/.complete ## ruff, mypy, shellcheck
	$(PYTEST) -m linters tests/unit

unit: programs .venv/.complete ## unit tests with this machine's Python; most of the examples of properties are in unit-image
	$(PYTEST) -m 'not linters and not integration' --hypothesis-profile=few $(SHARED) tests/unit

unit-image: image ## the same unit tests with the image's Python and libraries
	@$(GROUND) runner
	docker run --rm --network none --read-only --tmpfs /tmp:exec --volume "$(CURDIR):/source:ro" "$${PUSH_MIRROR_NAMESPACE:-push-mirror}-unit"

integration: image .venv/.complete ## the real image in a real topology
	@$(GROUND) prometheus
	$(PYTEST) -m 'topology and not page' tests/integration

single: image .venv/.complete ## the real image alone, or with one neighbour
	@$(GROUND) prometheus
	$(PYTEST) $(SHARED) -m 'integration and not topology and not interop and not chaos and not page and not swarm' tests/integration

interop: image .venv/.complete ## the real image among mirrors that run Debian's own scripts
	@$(GROUND) peer prometheus
	$(PYTEST) $(SHARED) -m interop tests/integration

page: .venv/.complete ## the status page in Chromium; SHOTS=directory keeps the pictures
	@$(GROUND) engine browser
	$(PYTEST) -m page tests/integration

swarm: image .venv/.complete ## the stack file, deployed while nobody else runs on this engine
	$(PYTEST) -m swarm tests/integration

bench: image .venv/.complete ## what a sync costs by changes and by size: ours, ftpsync, plain rsync; BENCH="--quick", "--sizes 10k,100k"; an hour
	@$(GROUND) peer
	.venv/bin/python -m tests.bench $(BENCH)

accidents: image .venv/.complete ## a short, fixed part of `chaos`: minutes
	@$(GROUND) peer hands
	$(PYTEST) -m chaos tests/integration

chaos: image .venv/.complete ## SEED=7 MINUTES=20: mirrors, ours and stock, under every accident there is; prints a table
	@$(GROUND) peer hands
	.venv/bin/python -m tests.chaos $(if $(SEED),--seed $(SEED)) $(if $(MINUTES),--minutes $(MINUTES))

bench-consistency: image .venv/.complete ## what readers meet while mirrors sync: ours, ftpsync, plain rsync; 15 minutes
	@$(GROUND) peer
	.venv/bin/python -m tests.bench.reading

bench-fanout: image .venv/.complete ## 200 downstreams told, against 200 single ssh; some of them silent; 4 minutes
	@$(GROUND) peer
	.venv/bin/python -m tests.bench.fanout

bench-first: .venv/.complete ## a first sync against one rsync, over loopback and over a long line; as root; 8 minutes
	@.venv/bin/python -m tests.bench.firstsync

bench-slice: .venv/.complete ## a real suite of the distribution through the verification: time and memory
	@.venv/bin/python -m tests.bench.slice

image: ## the Docker Engine if there is none, the base, our images
	@$(GROUND) engine images

down: ## removes the containers, networks and volumes that demo and tests made
	@$(GROUND) down

clean: down ## removes our images too
	@$(GROUND) clean

programs:
	@$(GROUND) programs

.venv/.complete: pyproject.toml
	@$(GROUND) venv
