"""Counting what a verifier does: the numbers behind `cupel verifier status` and the Prometheus endpoint.

Labels come from this build's own tables of checks, reasons, judges and actions, so the number of counters is bounded
however long a verifier runs.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

from cupel.protocol import meters
from cupel.protocol.meters import Key, amount_of
from cupel.protocol.observe import Observer, Value
from cupel.protocol.storage import StorageError
from cupel.protocol.storage.replacing import replace_file

logger = logging.getLogger(__name__)

STATUS_FILE: Final = "status.json"
WRITE_SECONDS: Final = 5.0
PREFIX: Final = "cupel_verifier_"
HELP: Final = {
    "verdicts_total": "Checks that came to a verdict on a commitment.",
    "findings_total": "Lies found, by reason code.",
    "challenges_total": "Challenges brought, by judge.",
    "resolved_total": "Verdicts of judges on challenges brought or judged here.",
    "withheld_total": "Submissions that nobody served for long.",
    "suspected_total": "Nodes whose errors add up to more than an honest engine's.",
    "errors_total": "Failures on this side; none of them is held against a node.",
    "gas_total": "Gas spent, by action.",
    "low_balance_total": "Times that the gas money became low.",
    "block": "Block up to which the verifier has looked.",
    "chain_time": "Timestamp of the newest block when the verifier last looked.",
    "queue": "Commitments that are being checked or wait for it.",
    "skipped": "Rollouts that the budget did not reach.",
    "balance_gwei": "Gas money of the verifier's key; -1 before it was looked at.",
    "gas_left": "Units of gas that the balance pays for at the fee of now.",
    "failing": "1 while the verifier's loop cannot do its work and tries again.",
}


class Meters(meters.Meters):
    """A verifier's meters, which also keep its status file."""

    def __init__(self, observer: Observer, gauges: Callable[[], Mapping[str, int]] = dict) -> None:
        super().__init__(observer, PREFIX, HELP, counted, gauges)

    @asynccontextmanager
    async def writing(self, folder: Path) -> AsyncIterator[None]:
        """Keep the folder's status file up to date as long as the block runs, and once more at its end."""
        task = asyncio.create_task(self._write_often(folder / STATUS_FILE))
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            self._write_if_possible(folder / STATUS_FILE)

    async def _write_often(self, path: Path) -> None:
        while True:
            self._write_if_possible(path)
            await asyncio.sleep(WRITE_SECONDS)

    def _write_if_possible(self, path: Path) -> None:
        # A full disk must not end a verifier that still has disputes to answer.
        try:
            self._write(path)
        except StorageError as error:
            logger.warning("%s", error)

    def _write(self, path: Path) -> None:
        replace_file(path, json.dumps(self.as_json(time.time())).encode(), durable=False)


def counted(event: str, fields: Mapping[str, Value]) -> list[tuple[Key, int]]:
    """The counters that an event moves, and by how much. Pure."""

    def key(name: str, *labels: str) -> Key:
        return name, tuple((label, str(fields.get(label, ""))) for label in labels)

    match event:
        case "verdict":
            outcome = "passed" if fields.get("passed") is True else "failed"
            counts: list[tuple[Key, int]] = [
                (("verdicts_total", (("check", str(fields.get("check"))), ("outcome", outcome))), 1)
            ]
            return counts if outcome == "passed" else [*counts, (key("findings_total", "reason"), 1)]
        case "challenged":
            return [(key("challenges_total", "judge"), 1)]
        case "resolved":
            outcome = "guilty" if fields.get("guilty") is True else "not_guilty"
            return [(("resolved_total", (("outcome", outcome),)), 1)]
        case "transaction":
            return [(key("gas_total", "action"), amount_of(fields, "gas"))]
        case "low_balance":
            return [(("low_balance_total", ()), 1)]
        case "error" | "withheld" | "suspected":
            return [((f"{event}s_total" if event == "error" else f"{event}_total", ()), 1)]
    return []
