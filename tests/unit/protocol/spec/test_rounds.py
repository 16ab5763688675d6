"""Round arithmetic at its edges, and the accepted set."""

import dataclasses

import pytest

from cupel.protocol.spec.errors import Reason
from cupel.protocol.spec.rounds import (
    CommittedWork,
    SlashRecord,
    accepted_work,
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
    accepted = accepted_work(PARAMS, 1, commitments, slashes)
    assert [item.node for item in accepted] == [OTHER, HUB]


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
