"""Serving a task's plan and weights to its nodes without a key: the wallet in the browser has that."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from cupel.protocol.chain.errors import ChainUnavailable
from cupel.protocol.chain.ledger import TaskLedger
from cupel.protocol.custody import Custody
from cupel.protocol.keeping import Share, share_of_creator
from cupel.protocol.observe import Observer
from cupel.protocol.participant import POLL_SECONDS, Participant, look_on
from cupel.protocol.settings import Settings
from cupel.protocol.spec.task import TaskSpec
from cupel.protocol.storage import VersionShelf
from cupel.protocol.task.creator import judges_of, read_genesis
from cupel.protocol.task.plan import load_plan
from cupel.protocol.web.files import network_of, page_files
from cupel.protocol.web.server import serve


@dataclass(frozen=True, slots=True)
class Hosted:
    """What a creator's machine serves while the wallet is elsewhere."""

    plan: Path
    genesis: Path


async def serve_pages(
    settings: Settings, observer: Observer, hosted: Hosted | None, port: int, told: Callable[[str], None]
) -> int:
    """The pages on loopback until cancelled, and with `hosted` its files for nodes. ConfigError as `read_genesis`."""
    if hosted is None:
        await serve(page_files(network_of(settings)), None, port, told)
        return 0
    plan = load_plan(hosted.plan)
    genesis = read_genesis(hosted.genesis, plan)
    async with look_on(settings, observer) as participant:
        shelf = VersionShelf(participant.store, Path(settings.data_dir) / "versions")
        shelf.put(genesis.manifest.to_bytes(), genesis.file)
        local = {
            "genesis_digest": "0x" + genesis.digest.hex(),
            "endpoint": participant.swarm.endpoint,
            "plan": hosted.plan.read_text(encoding="utf-8"),
        }
        publish = partial(_publish, participant)
        keeping = asyncio.create_task(_keep(participant, shelf, genesis.digest))
        try:
            await serve(page_files(network_of(settings, local)), publish, port, told)
        finally:
            keeping.cancel()
            with suppress(asyncio.CancelledError):
                await keeping
    return 0


async def _publish(participant: Participant, document: bytes, dispute_seconds: int) -> tuple[str, ...]:
    spec = TaskSpec.from_bytes(document)
    participant.store.put(document)
    return await judges_of(participant, spec, dispute_seconds)


async def _keep(participant: Participant, shelf: VersionShelf, genesis: bytes) -> None:
    """Follow the hub, and keep what a creator keeps of tasks that begin with these weights, until cancelled."""
    first = None
    while first is None:
        await _follow(participant)
        tasks = participant.ledger.tasks.values()
        first = next((one for one in tasks if one.params.genesis_digest == genesis), None)
    participant.observer.emit("task", task="0x" + first.task.hex(), start=first.params.start)
    async with Custody(participant, shelf, first.params, partial(_share, genesis)).running():
        while True:
            await _follow(participant)


async def _follow(participant: Participant) -> None:
    try:
        await participant.refresh()
    except ChainUnavailable as error:
        participant.observer.emit("error", message=str(error))
    await asyncio.sleep(POLL_SECONDS)


def _share(genesis: bytes, ledger: TaskLedger, now: int) -> Share | None:
    return share_of_creator(ledger) if ledger.params.genesis_digest == genesis else None
