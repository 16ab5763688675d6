"""Which trace a ledger's commitment is in: everybody's who read the same events."""

from cupel.protocol.chain.bindings import hub
from cupel.protocol.chain.ledger import TaskLedger
from cupel.protocol.chain.origins import origin_of
from cupel.protocol.spans import Origin
from cupel.protocol.testing.vectors import NODE, example_params

TASK = b"\1" * 32


def test_rounds_and_versions_have_their_own_and_what_was_never_told_has_none() -> None:
    ledger = TaskLedger(TASK, example_params())
    ledger.apply(hub.Committed(TASK, NODE, 7, 0, b"\2" * 32, b"\3" * 32, 8, 100))
    ledger.apply(hub.CheckpointPosted(TASK, 7, NODE, 1, b"\4" * 32, 101))
    found = [origin_of(ledger, NODE, sequence) for sequence in range(3)]
    assert found == [Origin.of(TASK, NODE, 7), Origin.of(TASK, NODE, 7, is_version=True), None]
    assert origin_of(None, NODE, 0) is None
