"""A channel's picture of what is wrong follows the truth, whatever happens while it is told."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.records import Notice
from appliance.store import Store
from tests.unit.examples import examples

SUBJECTS = ("debian", "ubuntu", "leaf/debian")
Truth = frozenset[str]
Step = tuple[Truth, bool, Truth]
"""What is wrong; whether the channel is told now; what is wrong by the time that it knows."""


def compare(store: Store, wrong: Truth) -> None:
    store.compare_notices("channel", [("FAILING", subject, "why") for subject in sorted(wrong)], 1.0)


def hear(picture: set[str], notices: list[Notice]) -> None:
    """What somebody believes who has read these. Raises when it is no news."""
    for notice in notices:
        if notice.over:
            picture.remove(notice.subject)
        else:
            assert notice.subject not in picture
            picture.add(notice.subject)


truths = st.frozensets(st.sampled_from(SUBJECTS))


@settings(max_examples=examples(200), deadline=None)
@given(st.lists(st.tuples(truths, st.booleans(), truths), max_size=8))
def test_after_the_last_notice_a_channel_knows_the_truth_and_was_told_no_news_twice(steps: list[Step]) -> None:
    with tempfile.TemporaryDirectory() as root:
        store, picture = Store(Path(root) / "store"), set[str]()
        wrong: Truth = frozenset()
        for wrong, is_told, meanwhile in steps:
            compare(store, wrong)
            if is_told:
                owed = store.notices("channel")
                hear(picture, owed)
                wrong = meanwhile
                compare(store, wrong)
                store.noticed("channel", owed, 2.0)
        for _ in range(3):
            owed = store.notices("channel")
            hear(picture, owed)
            store.noticed("channel", owed, 3.0)
        assert picture == set(wrong)
        assert not store.notices("channel")
        store.close()
