"""What the API answers: plain values from a reading. Pure. `openapi.json` describes them."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from cupel.protocol.account import page
from cupel.protocol.account.reading import HubReading
from cupel.protocol.account.why import answers
from cupel.protocol.activity import newest_events, newest_transfers
from cupel.protocol.chain.charges import charge_of
from cupel.protocol.chain.ledger import ChallengeRecord, TaskLedger
from cupel.protocol.spec.rollout import Metrics
from cupel.protocol.spec.rounds import commit_deadline, round_at, round_start

MOST_EVENTS: Final = 200
_MOVED: Final = ("time", "bytes_in", "bytes_out", "downloads", "uploads", "connected_peers")


def hub_view(reading: HubReading, problem: str) -> dict[str, Any]:
    """The hub and its tasks, the newest first."""
    tasks = reversed(reading.ledger.tasks.values())
    return {
        "hub": reading.deployment.hub,
        "chain_id": reading.deployment.chain_id,
        "time": reading.now,
        "problem": problem,
        "tasks": [page.plain_task(ledger, reading.now) for ledger in tasks],
    }


def task_view(reading: HubReading, ledger: TaskLedger, metrics: Mapping[bytes, Metrics]) -> dict[str, Any]:
    """Everything about a task: clock, money, members, curves, versions, challenges."""
    params, now = ledger.params, reading.now
    number = round_at(params, now)
    return {
        **page.plain_task(ledger, now),
        "time": now,
        "start": params.start,
        "round_seconds": params.round_seconds,
        "round_began": None if number is None else round_start(params, number),
        "commit_until": None if number is None else commit_deadline(params, number),
        "token": params.token,
        "bond": str(params.bond),
        "endpoints": {node: reading.ledger.endpoints.get(node, "") for node in ledger.members},
        "earned": {node: str(_earned(ledger, node)) for node in ledger.members},
        "points": [
            {
                "node": work.node,
                "round": work.round,
                "units": work.units,
                "reward_millionths": None if known is None else known.reward_millionths,
                "loss_millionths": None if known is None else known.loss_millionths,
            }
            for work in ledger.work.values()
            for known in (metrics.get(work.manifest),)
        ],
        "versions": [
            {"version": one.version, "digest": "0x" + one.digest.hex(), "node": one.node, "time": one.time}
            for one in ledger.standing()
        ],
        "challenges": [_challenge(reading, record) for record in reversed(ledger.challenges.values())],
    }


def node_view(reading: HubReading, ledger: TaskLedger, node: str) -> dict[str, Any]:
    """Why each round of a node is paid or not, the newest first."""
    found = answers(reading.deployment, ledger, reading.events_of(ledger), node, reading.now)
    return {
        "node": node,
        "time": reading.now,
        "rounds": [page.plain_answer(answer) for answer in reversed(found)],
    }


def activity_view(data_dir: Path) -> dict[str, Any]:
    """What the process of a data folder does: its newest events, the newest first, and what moves now.

    Written by a process of this machine, and shown as far as it has the form that ours have.
    """
    told = newest_transfers(data_dir)
    moving: dict[str, Any] | None = None
    if told is not None:
        with contextlib.suppress(KeyError, TypeError, ValueError):
            moving = {name: int(told[name]) for name in _MOVED}
            moving["files"] = [
                {
                    "root": str(one["root"]),
                    **{name: int(one[name]) for name in ("leaves_here", "leaves", "asked")},
                }
                for one in told["files"]
            ]
    events = [
        {"event": one.pop("event"), "time": int(one.pop("time", 0)), "fields": one}
        for one in reversed(newest_events(data_dir, MOST_EVENTS))
    ]
    return {"transfers": moving, "events": events}


def _earned(ledger: TaskLedger, node: str) -> int:
    paid = ledger.members[node].paid
    units = sum(work.units for work in ledger.work.values() if work.node == node and work.sequence < paid)
    return units * ledger.params.rate


def _challenge(reading: HubReading, record: ChallengeRecord) -> dict[str, Any]:
    charge = charge_of(reading.deployment, record.judge, record.evidence)
    return {
        "id": hex(record.challenge_id),
        "node": record.node,
        "sequence": record.sequence,
        "judge": charge.judge,
        "accusation": charge.accusation,
        "rollout": charge.rollout,
        "challenger": record.challenger,
        "status": record.status.name.lower(),
        "time": record.time,
        "decided_by": record.challenge.deadline,
    }
