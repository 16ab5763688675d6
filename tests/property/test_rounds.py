"""Which work makes a version: whoever reads the chain, and whenever, agrees."""

import dataclasses

from hypothesis import given
from hypothesis import strategies as st

from cupel.protocol.spec.rounds import (
    CommittedWork,
    PostRecord,
    SlashRecord,
    accepted_work,
    given_up_at,
    round_start,
)
from cupel.protocol.testing.vectors import example_params

PARAMS = dataclasses.replace(
    example_params(),
    start=1000,
    round_seconds=100,
    commit_seconds=60,
    challenge_window=150,
    dispute_seconds=80,
)
NODES = [f"0x{number:040x}" for number in range(1, 6)]
WORK = [CommittedWork(node, 0, 0, b"", b"", 1, 1050) for node in NODES]
TIMES = st.integers(1000, 1700)
SLASHES = st.lists(st.builds(SlashRecord, st.sampled_from(NODES), TIMES), max_size=5)
POSTS = st.lists(st.builds(PostRecord, st.integers(1, 3), st.integers(1100, 1700)), max_size=3)


def accepted_at(now: int, slashes: list[SlashRecord], posts: list[PostRecord]) -> tuple[CommittedWork, ...]:
    """What somebody finds who knows everything up to `now`."""
    known = [record for record in slashes if record.time <= now]
    return accepted_work(PARAMS, 0, WORK, known, [post for post in posts if post.time <= now], now)


@given(SLASHES, POSTS, TIMES, st.integers(0, 300))
def test_the_set_changes_between_rounds_only_and_never_after_it_was_posted(
    slashes: list[SlashRecord], posts: list[PostRecord], now: int, later: int
) -> None:
    before, after = accepted_at(now, slashes, posts), accepted_at(now + later, slashes, posts)
    assert set(after) <= set(before) or now < round_start(PARAMS, 1)
    same_round = (now - PARAMS.start) // 100 == (now + later - PARAMS.start) // 100
    if now >= round_start(PARAMS, 1) and (same_round or any(post.time <= now for post in posts)):
        assert after == before


@given(SLASHES, TIMES)
def test_whatever_is_withheld_somebody_is_waited_for_no_longer_in_the_end(
    slashes: list[SlashRecord], extra: int
) -> None:
    assert accepted_at(given_up_at(PARAMS, 0) + extra, slashes, []) == ()
