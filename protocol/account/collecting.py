"""What a node can take home now: final pay, and the stake once nothing can be held against it. Pure."""

from __future__ import annotations

from typing import Final

from cupel.protocol.chain.ledger import TaskLedger
from cupel.protocol.spec.rollout import Commitment
from cupel.protocol.spec.rounds import round_start

# A claim's gas grows with its batch, and the ring holds 64 unpaid commitments.
MOST_CLAIMED: Final = 32


def claimable(ledger: TaskLedger, node: str, now: int) -> tuple[Commitment, ...]:
    """Commitments from the pay cursor on whose window is over, up to the first that is not final or is challenged."""
    member = ledger.members[node]
    if ledger.slashed(node):
        return ()
    challenged = {record.sequence for record in ledger.pending_challenges(node)}
    found: list[Commitment] = []
    for commitment in ledger.commitments(node)[member.paid :]:
        is_final = now >= commitment.time + ledger.params.challenge_window
        if not is_final or commitment.sequence in challenged or len(found) == MOST_CLAIMED:
            break
        found.append(commitment)
    return tuple(found)


def exit_time(ledger: TaskLedger, node: str) -> int | None:
    """From when on the stake can leave, if all is claimed; None for who has not asked, has left or was slashed."""
    member, params = ledger.members[node], ledger.params
    if member.exit_requested_at is None or member.exited or ledger.slashed(node):
        return None
    quiet_since = min(member.exit_requested_at, round_start(params, params.rounds))
    return quiet_since + params.challenge_window + params.dispute_seconds + params.exit_margin
