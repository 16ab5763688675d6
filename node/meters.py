"""A node's counters and gauges for Prometheus."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from cupel.protocol.chain.demands import DemandRecord
from cupel.protocol.chain.ledger import TaskLedger
from cupel.protocol.meters import Key, Meters, amount_of
from cupel.protocol.observe import Observer, Value
from cupel.protocol.participant import Participant

PREFIX: Final = "cupel_node_"
HELP: Final = {
    "rounds_total": "Rounds that ended, by outcome: committed or missed.",
    "units_total": "Units of work committed to.",
    "claimed_units_total": "Units whose pay was claimed.",
    "answered_total": "Demands for data answered, by part.",
    "transactions_total": "Transactions mined, by action.",
    "gas_total": "Gas spent, by action.",
    "errors_total": "Failures that were reported.",
    "low_balance_total": "Times that the gas money became low.",
    "slashed_total": "Slashings of this node: 0, or 1 and the process ends.",
    "block": "Block up to which the hub's events are known.",
    "chain_time": "Timestamp of the newest block when the node last looked.",
    "newest_version": "Newest canonical version held; -1 for none.",
    "round": "Newest round that nothing more is to be done for; -1 for none.",
    "challenges": "Challenges against this node that await a verdict.",
    "demands": "Demands that this node has to answer.",
    "demand_seconds": "Seconds left to answer the most urgent demand; -1 if there is none.",
    "balance_gwei": "Gas money of the node's key; -1 before it was looked at.",
    "gas_left": "Units of gas that the balance pays for at the fee of now.",
    "failing": "1 while the node's loop cannot do its work and tries again.",
    "peers": "Connected peers.",
    "received_bytes": "Bytes received since the start.",
    "sent_bytes": "Bytes sent since the start.",
}


def node_meters(observer: Observer) -> Meters:
    """Counts what a node tells, and passes it on."""
    return Meters(observer, PREFIX, HELP, counted, dict)


def outside(
    participant: Participant, ledger: TaskLedger, due: Sequence[DemandRecord], now: int
) -> dict[str, int]:
    """The gauges of chain, key and network. due: demands that wait for an answer; now: the chain's time."""
    moved, account = participant.swarm.statistics(), participant.address
    return {
        "block": participant.known_block,
        "chain_time": now,
        "challenges": len(ledger.pending_challenges(account)),
        "demands": len(due),
        "demand_seconds": min((max(0, one.demand.answer_by - now) for one in due), default=-1),
        "balance_gwei": participant.purse.balance_gwei,
        "gas_left": participant.purse.gas_left,
        "peers": moved.connected_peers,
        "received_bytes": moved.bytes_in,
        "sent_bytes": moved.bytes_out,
    }


def counted(event: str, fields: Mapping[str, Value]) -> list[tuple[Key, int]]:
    """The counters that an event moves, and by how much. Pure."""
    match event:
        case "phase" if fields.get("phase") in ("committed", "missed"):
            return [(("rounds_total", (("outcome", str(fields["phase"])),)), 1)]
        case "committed":
            return [(("units_total", ()), amount_of(fields, "units"))]
        case "claimed":
            return [(("claimed_units_total", ()), amount_of(fields, "units"))]
        case "disclosed":
            return [(("answered_total", (("part", str(fields.get("part"))),)), 1)]
        case "transaction":
            action = (("action", str(fields.get("action"))),)
            return [(("transactions_total", action), 1), (("gas_total", action), amount_of(fields, "gas"))]
        case "error":
            return [(("errors_total", ()), 1)]
        case "low_balance" | "slashed":
            return [((f"{event}_total", ()), 1)]
    return []
