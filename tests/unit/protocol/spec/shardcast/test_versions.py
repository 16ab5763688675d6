"""What is kept: the newest versions, keyframes from a settled base on, and what can still be challenged."""

import dataclasses

from hypothesis import given
from hypothesis import strategies as st

from cupel.protocol.spec.repetition import RING
from cupel.protocol.spec.rounds import CommittedWork, oldest_policy_version
from cupel.protocol.spec.shardcast.versions import (
    KEYFRAME_VERSIONS,
    PostedVersion,
    TaskFacts,
    is_open,
    needed_versions,
    newest_settled,
    retain,
)
from cupel.protocol.testing.vectors import HUB, NODE, example_params

PARAMS = dataclasses.replace(
    example_params(),
    start=1000,
    round_seconds=100,
    commit_seconds=60,
    rounds=64,
    challenge_window=250,
    max_staleness=1,
)


def work(round_index: int, node: str = NODE) -> CommittedWork:
    made = PARAMS.start + PARAMS.round_seconds * round_index + 50
    return CommittedWork(node, round_index, round_index, b"", bytes([round_index]) * 32, 5, made)


def posted(version: int, contested: bool = False) -> PostedVersion:
    made = PARAMS.start + PARAMS.round_seconds * version + 1
    return PostedVersion(version, bytes([version]) * 32, made, contested)


def facts(rounds: int, **changes: object) -> TaskFacts:
    """The chain at the end of so many rounds, one commitment in each and every version posted."""
    now = PARAMS.start + PARAMS.round_seconds * rounds + 2
    every = tuple(work(index) for index in range(rounds)), tuple(posted(v) for v in range(1, rounds + 1))
    made = TaskFacts(PARAMS, now, *every, contested=frozenset(), gone=frozenset())
    return dataclasses.replace(made, **changes)  # type: ignore[arg-type]  # the caller names fields


def whole(rounds: int, num_newest: int = 3, **changes: object) -> list[int]:
    kept = retain(facts(rounds, **changes), rounds, num_newest, frozenset())
    return [version.version for version in kept.versions if version.whole]


def test_everything_stays_until_a_keyframe_is_settled() -> None:
    assert whole(2) == [0, 1, 2]
    assert whole(10) == [0, 8, 9, 10]
    kept = retain(facts(10), 10, 3, frozenset())
    assert kept.base == 0
    assert [version.version for version in kept.versions] == list(range(11))
    assert [one.work.round for one in kept.work] == list(range(10))


def test_what_led_to_a_settled_keyframe_goes() -> None:
    kept = retain(facts(14), 14, 3, frozenset())
    assert kept.base == 8
    assert [one.work.round for one in kept.work] == list(range(8, 14))
    assert whole(14) == [8, 12, 13, 14]
    assert whole(30) == [24, 28, 29, 30]


def test_recent_versions_are_everybodys_and_older_ones_the_holders() -> None:
    kept = retain(facts(14), 14, 3, frozenset())
    assert [version.version for version in kept.versions if version.everywhere] == [12, 13, 14]
    assert [one.work.round for one in kept.work if one.everywhere] == []
    behind = retain(facts(14), 12, 3, frozenset())
    assert [one.work.round for one in behind.work if one.everywhere] == [12, 13]


def test_rollouts_stay_as_long_as_they_can_be_challenged() -> None:
    kept = retain(facts(14), 14, 3, frozenset())
    assert [one.work.round for one in kept.work if one.rollouts] == [11, 12, 13]
    contested = retain(facts(14, contested=frozenset({(NODE, 2)})), 14, 3, frozenset())
    assert [one.work.round for one in contested.work if one.rollouts] == [2, 11, 12, 13]
    assert contested.base == 0


def test_a_contested_or_missing_checkpoint_settles_nothing() -> None:
    every = tuple(posted(v, contested=v == 8) for v in range(1, 31))
    assert retain(facts(30, posted=every), 30, 3, frozenset()).base == 0
    every = tuple(posted(v) for v in range(1, 31) if v != 24)
    assert retain(facts(30, posted=every), 30, 3, frozenset()).base == 16
    assert newest_settled(facts(30), 30) == (24, bytes([24]) * 32)
    assert newest_settled(facts(30), 23) == (16, bytes([16]) * 32)
    assert newest_settled(facts(30), -1) == (0, PARAMS.genesis_digest)


def test_rings_keep_rollouts_of_nodes_that_can_lose_a_stake() -> None:
    every = tuple(
        dataclasses.replace(work(30), node=node, sequence=s) for node in (NODE, HUB) for s in range(70)
    )
    late = facts(60, work=every)
    kept = retain(late, 60, 3, frozenset({NODE, HUB}))
    last = set(range(70 - RING, 70))
    assert {(one.work.node, one.work.sequence) for one in kept.work if one.rollouts} == {
        (node, sequence) for node in (NODE, HUB) for sequence in last
    }
    gone = dataclasses.replace(late, gone=frozenset({HUB}))
    kept = retain(gone, 60, 3, frozenset({NODE, HUB}))
    assert {one.work.node for one in kept.work} == {NODE}


@given(
    rounds=st.integers(0, 60),
    behind=st.integers(0, 5),
    num_newest=st.integers(1, 6),
    missing=st.sets(st.integers(1, 60)),
    contested=st.sets(st.integers(0, 60), max_size=3),
)
def test_whatever_may_be_judged_can_be_made_from_what_is_kept(
    rounds: int, behind: int, num_newest: int, missing: set[int], contested: set[int]
) -> None:
    every = tuple(posted(v, v in contested) for v in range(1, rounds + 1) if v not in missing)
    chain = facts(rounds, posted=every, contested=frozenset((NODE, s) for s in contested))
    newest = max(0, rounds - behind)
    kept = retain(chain, newest, num_newest, frozenset())
    held = {version.version for version in kept.versions if version.whole}
    updates = {one.work.round for one in kept.work}
    rollouts = {one.work.round for one in kept.work if one.rollouts}
    for open_work in (one for one in chain.work if is_open(chain, one)):
        assert open_work.round in rollouts
        wanted = range(oldest_policy_version(PARAMS, open_work.round), open_work.round + 1)
        for version in wanted:
            start = max(number for number in held if number <= version)
            assert set(range(start, version)) <= updates
            assert version - start < KEYFRAME_VERSIONS or start == newest
    assert {newest, kept.base} <= held
    assert kept.base <= min(needed_versions(chain), default=newest)


@given(st.integers(0, 50), st.integers(1, 6))
def test_the_base_never_goes_back_and_the_whole_versions_stay_few(rounds: int, num_newest: int) -> None:
    before, after = (retain(facts(n), n, num_newest, frozenset()) for n in (rounds, rounds + 1))
    assert before.base <= after.base
    # Window, its extra round and staleness reach back less than a keyframe here.
    assert sum(version.whole for version in after.versions) <= num_newest + 3
    # A later base was whole before it became one.
    assert after.base in {version.version for version in before.versions if version.whole} | {rounds + 1}
