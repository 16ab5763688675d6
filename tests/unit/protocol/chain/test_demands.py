"""Demands follow from the judge's events."""

import dataclasses

from cupel.protocol.chain.bindings import data_judge as data
from cupel.protocol.chain.bindings import structs
from cupel.protocol.chain.demands import DemandLedger, DemandRecord
from cupel.protocol.spec.demand import ChunkAnswer, LeafAnswer, ManifestAnswer
from cupel.protocol.spec.rollout import RolloutLeaf

NODE, ME, JUDGE, TASK = "0x" + "0a" * 20, "0x" + "0b" * 20, "0x" + "0c" * 20, b"\7" * 32
CHALLENGE = structs.Challenge(TASK, NODE, 3, JUDGE, ME, ME, 10_000, 100, 1070, bytes(32))
DEMAND = structs.Demand(structs.DemandKind.LEAF, 0, 0, bytes(32), 8, 5, 4, 32, 1040, 7)
CHALLENGES = dict.fromkeys(range(1, 6), CHALLENGE)
LEAF = RolloutLeaf(0, 4, bytes(32), 7, bytes(32), 9, bytes(32), bytes(32), 0)
SIBLINGS = (b"\1" * 32,)


def ledger_of(*events: object) -> dict[int, DemandRecord]:
    return DemandLedger.of(events, CHALLENGES).demands


def asked(number: int) -> data.Demanded:
    return data.Demanded(number, TASK, NODE, DEMAND)


def test_a_demand_waits_until_it_is_answered_or_closed() -> None:
    waiting = DemandRecord(1, CHALLENGE, DEMAND)
    assert ledger_of(asked(1)) == {1: waiting}
    assert waiting.open
    (closed,) = ledger_of(asked(1), data.DemandClosed(1, 7, True)).values()
    assert closed == dataclasses.replace(waiting, closed=True)
    assert not closed.open


def test_what_was_shown_is_kept() -> None:
    records = ledger_of(
        *(asked(number) for number in range(1, 5)),
        data.LeafShown(1, NODE, LEAF, SIBLINGS),
        data.Answered(1, NODE, 3, 1, 3),
        data.ChunkShown(2, NODE, LEAF, SIBLINGS, b"data", ()),
        data.ManifestShown(3, ME, b"manifest"),
        data.Deposited(ME, ME, 9),
    )
    assert [record.shown for record in records.values()] == [
        LeafAnswer(LEAF, SIBLINGS),
        ChunkAnswer(LEAF, SIBLINGS, b"data", ()),
        ManifestAnswer(b"manifest"),
        None,
    ]
    assert [record.open for record in records.values()] == [False, False, False, True]
