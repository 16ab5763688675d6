"""Which tasks a judge of versions may judge, and the earliest posting that a side tells of."""

from __future__ import annotations

import dataclasses

from cupel.protocol.chain.ledger import CheckpointRecord, TaskLedger
from cupel.protocol.model.layout import layout_of
from cupel.protocol.spec.aggregate.game import Terms
from cupel.protocol.testing.builders import example_spec
from cupel.protocol.testing.vectors import example_params
from cupel.protocol.version_court import earliest_posting, settles_versions

SPEC = example_spec()
TERMS = Terms(
    layout_of(SPEC.model).num_parameters,
    SPEC.aggregation,
    SPEC.recipe.max_exponent_offset,
    clock_seconds=60,
    grace_seconds=5,
)
NODE, OTHER = (f"0x{number:040x}" for number in (1, 2))


def test_a_judge_must_judge_by_the_tasks_own_rule() -> None:
    seconds = TERMS.needed_seconds
    assert settles_versions(TERMS, SPEC, seconds)
    assert settles_versions(None, SPEC, 0), "where there is none, nothing can go wrong"
    assert not settles_versions(TERMS, SPEC, seconds - 1)
    for change in ({"parameters": 1}, {"max_exponent_offset": 3}):
        assert not settles_versions(dataclasses.replace(TERMS, **change), SPEC, seconds)  # type: ignore[arg-type]


def test_the_earliest_posting_of_the_version_or_a_later_one_is_told() -> None:
    ledger = TaskLedger(bytes(32), example_params())
    ledger.posted = [
        CheckpointRecord(2, b"\1" * 32, NODE, 4, 1000),
        CheckpointRecord(4, b"\2" * 32, OTHER, 3, 1010),
        CheckpointRecord(3, b"\3" * 32, NODE, 5, 1020),
    ]
    told = earliest_posting(ledger, 3, 1020)
    assert told is not None
    assert (told.node, told.commitment.round, told.commitment.time) == (OTHER, 4, 1010)
    assert (told.commitment.units, told.commitment.manifest) == (0, b"\2" * 32)
    assert earliest_posting(ledger, 3, 1010) is None, "that is the accused's own"
    assert earliest_posting(ledger, 5, 1020) is None
