"""Fault injection: three tiers of mirrors under a list of accidents, ours and stock's scripts on the same list.

`python -m tests.chaos --seed 7 --minutes 20`, or `make chaos SEED=7 MINUTES=20`. After every accident the
same is asked: did what the origin has reach every mirror without another push, did readers meet anything that does not
fit together, is anything gone that was to stay, is anything left behind. The schedule comes from the seed, and is
printed as it goes.
"""
