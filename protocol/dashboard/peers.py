"""Who announced an address, in which role, and whether it can be connected to from here."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from cupel.protocol.account.reading import HubReading
from cupel.protocol.network.endpoint import Endpoint
from cupel.protocol.spec.errors import Rejected

LOOK_SECONDS: Final = 10.0
CONNECT_SECONDS: Final = 3.0
MOST_PEERS: Final = 64
"""A map of more cannot be read; those that announced themselves last are shown."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a look at a peer's block server told."""

    answers: bool
    milliseconds: int


class PeerWatch:
    """Connects to every peer again and again."""

    def __init__(self) -> None:
        self.seen: dict[str, Seen] = {}
        """By the text that the account announced."""

    async def run(self, reading: Callable[[], HubReading]) -> None:
        """Look until cancelled."""
        while True:
            announced = {text for _, text in newest_endpoints(reading())}
            found = await asyncio.gather(*(look(text) for text in announced))
            self.seen = {text: seen for text, seen in zip(announced, found, strict=True) if seen is not None}
            await asyncio.sleep(LOOK_SECONDS)


async def look(text: str) -> Seen | None:
    """Whether somebody listens there; None for who says that it accepts nobody, or says nothing usable."""
    endpoint = _parsed(text)
    if endpoint is None or not endpoint.accepts:
        return None
    began = time.monotonic()
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            _, writer = await asyncio.open_connection(endpoint.data_host, endpoint.data_port)
        writer.close()
        answers = True
    except (OSError, TimeoutError):
        answers = False
    return Seen(answers, round(1000 * (time.monotonic() - began)))


def newest_endpoints(reading: HubReading) -> list[tuple[str, str]]:
    """Accounts and what they announced, those that did so last."""
    return list(reading.ledger.endpoints.items())[-MOST_PEERS:]


def peers_view(reading: HubReading, seen: Mapping[str, Seen]) -> dict[str, Any]:
    """For the API."""
    ledger = reading.ledger
    creators = {task.params.creator for task in ledger.tasks.values()}
    nodes = {node for task in ledger.tasks.values() for node in task.members}
    slashed = {node for task in ledger.tasks.values() for node in task.members if task.slashed(node)}

    def peer(account: str, text: str) -> dict[str, Any]:
        endpoint, found = _parsed(text), seen.get(text)
        state = "unusable" if endpoint is None else "outbound" if not endpoint.accepts else "unknown"
        if found is not None:
            state = "answers" if found.answers else "silent"
        reached = endpoint is not None and endpoint.accepts
        return {
            "account": account,
            "role": "creator" if account in creators else "node" if account in nodes else "other",
            "slashed": account in slashed,
            "address": f"{endpoint.data_host}:{endpoint.data_port}" if endpoint and reached else "",
            "state": state,
            "milliseconds": found.milliseconds if found is not None and found.answers else None,
        }

    return {"time": reading.now, "peers": [peer(*one) for one in newest_endpoints(reading)]}


def _parsed(text: str) -> Endpoint | None:
    try:
        return Endpoint.parse(text)
    except Rejected:
        return None
