"""The traces of commitments that a ledger knows."""

from __future__ import annotations

from cupel.protocol.chain.ledger import TaskLedger
from cupel.protocol.spans import Origin


def origin_of(ledger: TaskLedger | None, node: str, sequence: int) -> Origin | None:
    """The trace of a node's commitment; None for one that was not heard of."""
    if ledger is None:
        return None
    work = ledger.work.get((node, sequence))
    if work is not None:
        return Origin.of(ledger.task, node, work.round)
    for posted in ledger.posted:
        if (posted.node, posted.sequence) == (node, sequence):
            return Origin.of(ledger.task, node, posted.version, is_version=True)
    return None
