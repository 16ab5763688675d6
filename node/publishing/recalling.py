"""Learning again from our own published files what the journal does not hold of our commitments."""

from __future__ import annotations

from cupel.node.publishing.memory import Memory
from cupel.node.publishing.submission import published_leaves
from cupel.protocol.chain.ledger import TaskLedger
from cupel.protocol.network import NetworkError
from cupel.protocol.participant import FETCH_SECONDS, Participant
from cupel.protocol.spec.errors import Rejected
from cupel.protocol.submissions import fetch_submission


async def recall(participant: Participant, ledger: TaskLedger, memory: Memory, max_update_bytes: int) -> None:
    """Fill the memory's gaps, and report those that stay. StorageError."""
    for lost in memory.gaps(ledger.commitments(participant.address)):
        try:
            files = await fetch_submission(
                participant.swarm, lost.manifest, ledger.params, max_update_bytes, FETCH_SECONDS
            )
            memory.record(lost.sequence, published_leaves(ledger.params, files))
        except (NetworkError, Rejected) as error:
            message = (
                f"what commitment {lost.sequence} proved is forgotten, so a repetition would go unnoticed"
            )
            participant.observer.emit("error", message=f"{message}: {error}")
