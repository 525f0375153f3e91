"""A mirror with a token: it joins, by HTTP or by paste, has its password changed, or is told why not."""

from __future__ import annotations

import asyncio
import functools
import json
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from appliance.container import render
from appliance.controller import Controller, new_request
from appliance.doors import cli, program
from appliance.joining import effective, guest
from appliance.joining.invitation import Invitation
from appliance.joining.member import passwords
from appliance.settings import Settings
from tests.unit.house import House, until
from tests.unit.joining.hub import NAME, Hub, hub
from tests.unit.joining.joiner import Joiner
from tests.unit.samples import HUB_KEY, LEAF_KEY, OTHER_KEY
from tests.unit.service import Service
from tests.unit.upstream import eventually


def in_a_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """A test that is a coroutine."""

    @functools.wraps(test)
    def run(*args: Any, **named: Any) -> None:
        asyncio.run(test(*args, **named))

    return run


@pytest.fixture
def upstream(tmp_path: Path) -> Iterator[Hub]:
    with hub(tmp_path / "hub", tree(tmp_path)) as found:
        yield found


def tree(root: Path) -> Path:
    found = root / "tree"
    found.mkdir()
    (found / "file").write_text("content")
    return found


class Leaf(House):
    """A house whose only variable is a token."""

    offer: Invitation

    @property
    def environ(self) -> dict[str, str]:
        return {"MIRROR_INVITE": self.offer.token, **self.extra}

    def settings(self) -> Settings:
        return effective.load(self.environ, self.places)


@pytest.fixture
def leaf(tmp_path: Path, upstream: Hub, monkeypatch: pytest.MonkeyPatch) -> Iterator[Leaf]:
    monkeypatch.setattr(guest, "FIRST", 0.05)
    monkeypatch.setattr(guest, "LONGEST", {True: 0.2, False: 0.2})
    found = Leaf(tmp_path / "leaf")
    found.offer = upstream.offer()
    found.places.keys.mkdir()
    found.places.host_public_key.write_text(f"{LEAF_KEY}\n")
    yield found
    found.store.close()


@asynccontextmanager
async def living(leaf: Leaf) -> AsyncIterator[Controller]:
    """The leaf's controller as its container has it: begun by boot, its first sync asked for, settings taken over."""
    effective.begin(leaf.settings(), leaf.places)
    async with leaf.open() as controller:
        controller.guest.renew = lambda: controller.reload(leaf.settings())
        if not leaf.store.archive("debian").publication:
            controller.accept([new_request("debian", "all", "schedule", "first sync")])
        yield controller


def state(controller: Controller) -> str:
    assert controller.guest.picture
    return str(controller.guest.picture["state"])


def trouble(controller: Controller) -> str:
    assert controller.guest.picture
    return f"{controller.guest.picture['trouble']} {controller.guest.picture['cure']}"


def results(leaf: Leaf) -> list[str | None]:
    return [run.result for run in leaf.store.runs("debian")]


def is_synced(leaf: Leaf) -> bool:
    """By the first run there was, and it is over."""
    return results(leaf) == ["success"]


@in_a_loop
async def test_it_joins_and_syncs(leaf: Leaf, upstream: Hub) -> None:
    async with living(leaf) as controller:
        await until(lambda: is_synced(leaf))
        assert state(controller) == "joined"
        assert controller.guest.paste is None
    known = upstream.member
    assert (known.state, known.ssh, known.site) == ("joined", f"{NAME}:2222", f"http://{NAME}/*")
    assert (known.host_keys, known.carries) == ((" ".join(LEAF_KEY.split()[:2]),), ("debian",))


@in_a_loop
async def test_it_is_a_member_behind_a_restart(leaf: Leaf, upstream: Hub) -> None:
    async with living(leaf):
        await until(lambda: is_synced(leaf))
    async with living(leaf) as controller:
        await until(lambda: len(upstream.answers) == 2)
        assert state(controller) == "joined"
    assert upstream.member.generation == 1


@in_a_loop
async def test_an_answer_that_was_lost_is_asked_for_again(leaf: Leaf, upstream: Hub) -> None:
    upstream.is_lost = True
    async with living(leaf) as controller:
        # It is in, knows nothing of it, and finds out by its password.
        await until(lambda: upstream.member.is_joined and is_synced(leaf))
        assert state(controller) == "joined"
        upstream.is_lost = False
        await until(lambda: controller.guest.picture is not None and controller.guest.picture["answered_at"])
    assert upstream.member.generation == 1


def final(upstream: Hub, word: str) -> None:
    if word == "used":
        thief = Joiner(upstream.offer())
        upstream.hear(thief.says())
        upstream.answers.clear()
    else:
        upstream.change(expires=1.0, state="revoked" if word == "revoked" else "invited")


@pytest.mark.parametrize(
    ("word", "told"),
    [("expired", "had expired when hub"), ("used", "was used already"), ("revoked", "has ended our membership")],
)
@in_a_loop
async def test_what_is_final_is_said_once(leaf: Leaf, upstream: Hub, word: str, told: str) -> None:
    final(upstream, word)
    async with living(leaf) as controller:
        await until(lambda: state(controller) == "refused")
        assert told in trouble(controller)
        assert "mirrorctl invite" in trouble(controller)
        await controller.guest.again(renew=True)
    assert len(upstream.answers) == 1
    assert not results(leaf)


@in_a_loop
async def test_a_refusal_in_words_is_told_and_tried_again(leaf: Leaf, upstream: Hub) -> None:
    alone = upstream.ours
    upstream.ours = replace(alone, others={(NAME, 2222)})
    async with living(leaf) as controller:
        await until(lambda: "is somebody else's" in trouble(controller))
        assert "MIRROR_PUBLIC__SSH" in trouble(controller)
        upstream.ours = alone
        await until(lambda: is_synced(leaf))


@pytest.mark.parametrize(
    ("status", "words"),
    [(403, "does not know what we were invited by"), (404, "no door"), (503, "no time for us"), (301, "status 301")],
)
@in_a_loop
async def test_no_answer_is_told_in_words(leaf: Leaf, upstream: Hub, status: int, words: str) -> None:
    upstream.status = status
    async with living(leaf) as controller:
        await until(lambda: words in trouble(controller))
        assert state(controller) == "waiting"
        assert not results(leaf)
        upstream.status = 200
        await until(lambda: is_synced(leaf))


@in_a_loop
async def test_an_answer_that_is_old_is_not_believed(leaf: Leaf, upstream: Hub) -> None:
    async with living(leaf) as controller:
        await joined(leaf, controller)
        upstream.old = upstream.answers[0]
        await controller.guest.again(renew=False)
        await until(lambda: "is sealed by another secret" in trouble(controller))
        upstream.old = ""
        await controller.guest.again(renew=False)
        upstream.ours = replace(upstream.ours, push_keys=(OTHER_KEY,))
        upstream.old = upstream.answers[-1]
        await controller.guest.again(renew=False)
        await until(lambda: "is an old answer" in trouble(controller))
        assert {one.key for one in controller.settings.triggers.values()} == {HUB_KEY}


@pytest.mark.parametrize("callback", ["", "http://127.0.0.1:1/join"])
@in_a_loop
async def test_it_is_let_in_by_paste(leaf: Leaf, upstream: Hub, callback: str) -> None:
    leaf.offer = upstream.offer(callback=callback)
    async with living(leaf) as controller:
        await until(lambda: "mirrorctl join" in trouble(controller))
        assert not list(leaf.store.runs("debian"))
        assert controller.guest.paste
        upstream.paste(controller.guest.paste)
        await until(lambda: is_synced(leaf))
        assert state(controller) == "joined"
        if not callback:  # of a new address it can be told in no other way
            before = upstream.member.said
            upstream.paste(controller.guest.paste or "")
            assert upstream.member.said > before


@in_a_loop
async def test_an_open_archive_syncs_and_says_nothing_about_us(leaf: Leaf, tmp_path: Path) -> None:
    with hub(tmp_path / "open", tmp_path / "tree", closed=False) as upstream:
        leaf.offer = upstream.offer(callback="")
        async with living(leaf) as controller:
            await until(lambda: is_synced(leaf))
            assert state(controller) == "waiting"
            controller.accept([new_request("debian", "all", "ssh", "hub 127.0.0.1")])
            await until(lambda: state(controller) == "joined")


@in_a_loop
async def test_a_trigger_by_somebody_else_lets_nobody_in(leaf: Leaf, upstream: Hub) -> None:
    leaf.offer = upstream.offer(callback="")
    leaf.extra = {"MIRROR_TRIGGERS__OTHER__KEY": OTHER_KEY}
    async with living(leaf) as controller:
        controller.accept([new_request("debian", "all", "ssh", "other 127.0.0.1")])
        await until(lambda: controller.guest.paste is not None)
        assert state(controller) == "waiting"


async def joined(leaf: Leaf, controller: Controller) -> None:
    await until(lambda: "success" in results(leaf) and state(controller) == "joined")


def password(controller: Controller) -> str:
    word = controller.settings.archives["debian"].password
    assert word
    return word.get_secret_value()


def is_current(controller: Controller, upstream: Hub) -> bool:
    """Whether both ends have the second password."""
    known = upstream.member
    return known.generation == 2 and password(controller) == passwords(known, 0.0)[known.user]


@pytest.mark.parametrize("is_lost", [False, True])
@in_a_loop
async def test_a_password_is_changed_when_the_upstream_asks(leaf: Leaf, upstream: Hub, is_lost: bool) -> None:
    async with living(leaf) as controller:
        await joined(leaf, controller)
        old = password(controller)
        upstream.change(renew=True)
        upstream.is_lost = is_lost
        await controller.guest.again(renew=is_lost)
        await until(lambda: is_current(controller, upstream))
        assert password(controller) != old
        assert upstream.member.user == f"{NAME}_2"
        upstream.is_lost = False
        await until(lambda: results(leaf)[0] == "noop")
    assert set(results(leaf)) == {"success", "noop"}


@in_a_loop
async def test_a_password_is_changed_by_paste(leaf: Leaf, upstream: Hub) -> None:
    leaf.offer = upstream.offer(callback="")
    async with living(leaf) as controller:
        await until(lambda: controller.guest.paste is not None)
        upstream.paste(controller.guest.paste or "")
        await joined(leaf, controller)
        await controller.guest.again(renew=True)
        upstream.paste(controller.guest.paste or "")
        await until(lambda: is_current(controller, upstream))


@in_a_loop
async def test_news_are_new_keys(leaf: Leaf, upstream: Hub) -> None:
    def keys() -> set[str]:
        return {one.key for one in controller.settings.triggers.values()}

    async with living(leaf) as controller:
        await joined(leaf, controller)
        for known in ((HUB_KEY, OTHER_KEY), (OTHER_KEY,)):
            upstream.ours = replace(upstream.ours, push_keys=known)
            await controller.guest.again(renew=False)
            await until(lambda known=known: keys() == set(known))  # type: ignore[misc]


@in_a_loop
async def test_a_refused_password_is_asked_about(leaf: Leaf, upstream: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guest, "SELDOM", 0.0)
    async with living(leaf) as controller:
        await joined(leaf, controller)
        upstream.change(state="revoked")
        controller.accept([new_request("debian", "all", "cli", "test", full=True)])
        await until(lambda: state(controller) == "refused")
        assert "has ended our membership" in trouble(controller)
        await until(lambda: results(leaf)[0] == "error")
        assert "mirrorctl join" in leaf.store.last_error("debian")


@in_a_loop
async def test_nothing_that_is_shown_is_secret(leaf: Leaf, upstream: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    upstream.status = 404
    async with living(leaf) as controller:
        await until(lambda: "no door" in trouble(controller))
        shown = json.dumps([controller.guest.picture, controller.guest.paste])
        upstream.status = 200
        await joined(leaf, controller)
        shown += json.dumps([controller.guest.picture, controller.guest.paste])
        shown += capsys.readouterr().out
    assert not any(word in shown for word in (*upstream.secrets, leaf.offer.token))


def test_the_verb_shows_the_state_and_the_line(leaf: Leaf, upstream: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a controller that is a process of its own."""

    def verb(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(cli.app, ["join", *words])
        return done.exit_code, done.output

    upstream.status = 404
    effective.begin(leaf.settings(), leaf.places)
    render.apply(leaf.settings(), leaf.places)
    monkeypatch.setattr(program, "PLACES", leaf.places)
    service = Service(leaf)
    try:
        eventually(lambda: "no door for those who join" in verb()[1])
        status, text = verb()
        assert (status, "\nmirrorctl admit push-mirror-join-1." in text) == (1, True)
        assert json.loads(verb("--json")[1])["paste"].startswith("mirrorctl admit push-mirror-join-1.")
        upstream.status = 200
        status, text = verb("--renew")  # a second one for who was let in by himself a moment ago
        before = upstream.member
        assert before.is_joined
        assert (status, text.startswith(f"joined hub.example.org as {before.user} on ")) == (0, True)
        assert "paste" not in text
        verb("--renew")
        assert upstream.member.generation == before.generation + 1
        assert upstream.member.user == f"{NAME}_{upstream.member.generation}"
    finally:
        assert service.end() == 0
    said = service.log.read_text()
    assert "not let in yet" in said
    assert not any(word in said for word in upstream.secrets)


def test_a_mirror_without_a_token_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    house = House(tmp_path / "house")
    render.apply(house.settings(), house.places)
    monkeypatch.setattr(program, "PLACES", house.places)
    service = Service(house)
    try:
        for words in (["join"], ["join", "--renew"]):
            done = CliRunner().invoke(cli.app, words)
            assert "nobody has invited us" in f"{done.exception}{done.output}"
            assert done.exit_code == 1
    finally:
        service.end()
        house.store.close()
