"""Which demands a node answers, and in which order."""

import dataclasses
from typing import Any

from cupel.node.publishing.disclosure import due_demands
from cupel.protocol.chain.bindings import structs
from cupel.protocol.chain.demands import DemandRecord
from cupel.protocol.spec.demand import ManifestAnswer

ME, OTHER, JUDGE, TASK = "0x" + "0a" * 20, "0x" + "0b" * 20, "0x" + "0c" * 20, b"\7" * 32


def record(number: int, answer_by: int, node: str = ME, task: bytes = TASK, **changes: Any) -> DemandRecord:
    challenge = structs.Challenge(task, node, 3, JUDGE, OTHER, OTHER, 10_000, 100, 1070, bytes(32))
    demand = structs.Demand(structs.DemandKind.LEAF, 0, 0, bytes(32), 8, 5, 4, 32, answer_by, 7)
    return dataclasses.replace(DemandRecord(number, challenge, demand), **changes)


def due(now: int, *records: DemandRecord) -> tuple[int, ...]:
    return tuple(one.challenge_id for one in due_demands(records, ME, TASK, now))


def test_the_most_urgent_comes_first() -> None:
    assert due(1000, record(1, 1030), record(2, 1020), record(3, 1040)) == (2, 1, 3)


def test_others_demands_are_not_ours() -> None:
    assert due(1000, record(1, 1030, node=OTHER), record(2, 1030, task=bytes(32))) == ()


def test_an_answer_counts_before_its_time_is_over() -> None:
    assert due(1029, record(1, 1030)) == (1,)
    assert due(1030, record(1, 1030)) == ()


def test_ended_demands_need_no_answer() -> None:
    assert due(1000, record(1, 1030, closed=True), record(2, 1030, shown=ManifestAnswer(b""))) == ()
