"""Round arithmetic at its edges, and the accepted set."""

import dataclasses

import pytest

from cupel.protocol.spec.errors import Reason
from cupel.protocol.spec.rounds import (
    CommittedWork,
    PostRecord,
    SlashRecord,
    accepted_work,
    decided_at,
    given_up_at,
    refused_policy,
    round_at,
)
from cupel.protocol.testing.vectors import HUB, NODE, example_params

PARAMS = dataclasses.replace(example_params(), start=1000, round_seconds=100, commit_seconds=60, rounds=3)
OTHER = "0x0900000000000000000000000000000000000009"


def work(node: str, round_index: int = 1, units: int = 5) -> CommittedWork:
    return CommittedWork(node, 1, round_index, b"", b"", units, 1110)


def test_rounds_begin_and_end_on_the_second() -> None:
    times = (999, 1000, 1099, 1100, 1299, 1300)
    assert [round_at(PARAMS, now) for now in times] == [None, 0, 0, 1, 2, None]


def test_accepted_work_is_ordered_and_without_the_slashed() -> None:
    commitments = [work(NODE), work(HUB), work(OTHER), work(OTHER, round_index=0), work(OTHER, units=0)]
    slashes = [SlashRecord(NODE, 1199), SlashRecord(HUB, 1200)]
    accepted = accepted_work(PARAMS, 1, commitments, slashes, [], 1200)
    assert [item.node for item in accepted] == [OTHER, HUB]


@pytest.mark.parametrize(
    ("posted", "now", "decided"),
    [
        ([], 1150, 1200),
        ([], 1299, 1200),
        ([], 1300, 1300),
        ([(1, 1100)], 1450, 1400),
        ([(2, 1299)], 1450, 1200),
        ([(2, 1300), (2, 1299)], 1450, 1200),
        ([(2, 1399)], 1450, 1300),
        # Nobody posts a version that is not the newest any more.
        ([(3, 1310)], 1450, 1300),
    ],
)
def test_what_counts_is_decided_by_the_round_in_which_the_version_is_posted(
    posted: list[tuple[int, int]], now: int, decided: int
) -> None:
    assert decided_at(PARAMS, 1, [PostRecord(*one) for one in posted], now) == decided


def test_who_is_slashed_while_nobody_posts_is_left_out_from_the_next_round_on() -> None:
    commitments, slashes = [work(NODE), work(OTHER)], [SlashRecord(NODE, 1250)]

    def nodes(now: int, *posted: PostRecord) -> list[str]:
        accepted = accepted_work(PARAMS, 1, commitments, slashes, posted, now)
        return [item.node for item in accepted]

    assert nodes(1299) == [OTHER, NODE]
    assert nodes(1300) == [OTHER]
    assert nodes(1300, PostRecord(2, 1299)) == [OTHER, NODE]
    assert nodes(1300, PostRecord(3, 1299), PostRecord(2, 1320)) == [OTHER, NODE]


def test_a_round_that_nobody_can_be_asked_about_any_more_is_given_up() -> None:
    params = dataclasses.replace(PARAMS, challenge_window=200, dispute_seconds=50)
    # Commitments until 1160, challenges until 1360, verdicts until 1410.
    assert given_up_at(params, 1) == 1500

    def accepted(now: int, *posted: PostRecord) -> int:
        return len(accepted_work(params, 1, [work(NODE)], [], posted, now))

    assert [accepted(1499), accepted(1500)] == [1, 0]
    assert accepted(1500, PostRecord(2, 1499)) == 1
    assert accepted(1600, PostRecord(2, 1500)) == 0


@pytest.mark.parametrize("max_staleness", [0, 1, 2, 3, 4])
@pytest.mark.parametrize("round_index", [0, 1, 4, 9])
def test_a_round_takes_versions_up_to_the_allowed_age(max_staleness: int, round_index: int) -> None:
    params = dataclasses.replace(PARAMS, max_staleness=max_staleness)
    taken = [v for v in range(round_index + 3) if refused_policy(params, round_index, v) is None]
    assert taken == [v for v in range(round_index + 1) if round_index - v <= max_staleness]


def test_the_refusal_names_reason_and_bounds() -> None:
    refused = refused_policy(dataclasses.replace(PARAMS, max_staleness=4), 9, 4)
    assert refused is not None
    assert refused.reason is Reason.POLICY_VERSION
    assert refused.detail == "policy version 4, round 9 accepts 5 to 9"
