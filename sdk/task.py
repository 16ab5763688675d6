"""One task of a creator, from its first round to its refund."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cupel.protocol.chain.ledger import TaskLedger
from cupel.protocol.config import ConfigError, EnvironmentProblem
from cupel.protocol.model.checkpoint import max_checkpoint_bytes
from cupel.protocol.model.layout import layout_of
from cupel.protocol.submissions import fetch_posted
from cupel.protocol.task.creator import take_home
from cupel.sdk.progress import Progress, progress_of

if TYPE_CHECKING:
    from cupel.sdk.creator import Creator

POLL_SECONDS: Final = 0.5
FETCH_SECONDS: Final = 60.0


class Task:
    """Made by `Creator.create` and `Creator.task`; lives as long as its creator is open."""

    def __init__(self, creator: Creator, identifier: bytes) -> None:
        self._creator = creator
        self._identifier = identifier

    @property
    def id(self) -> str:
        """The task's id: 0x and 64 hex digits."""
        return "0x" + self._identifier.hex()

    async def progress(self) -> Progress:
        """How far it is now. ChainUnavailable (an EnvironmentProblem) if the chain does not answer."""
        ledger = await self._ledger()
        return progress_of(ledger, await self._creator.participant.chain.now())

    async def watch(self) -> AsyncIterator[Progress]:
        """Every change of its progress, until the refund is open."""
        told = None
        while True:
            now = await self._creator.participant.chain.now()
            found = progress_of(await self._ledger(), now)
            if found != told:
                told = found
                yield found
            if now >= found.refundable_at:
                return
            await asyncio.sleep(POLL_SECONDS)

    async def download(self, path: str | Path, deadline_seconds: float = FETCH_SECONDS) -> int:
        """Write the newest version's checkpoint, checked against the chain, to a new file; the version's number.

        ConfigError if the file exists; BlockUnavailable (an EnvironmentProblem) if nobody serves the weights in time.
        """
        ledger, participant = await self._ledger(), self._creator.participant
        newest = max(ledger.standing(), key=lambda record: record.version, default=None)
        digest = ledger.params.genesis_digest if newest is None else newest.digest
        spec = await participant.fetch_spec(ledger)
        most = max_checkpoint_bytes(layout_of(spec.model))
        _, file = await fetch_posted(participant.swarm, digest, most, deadline_seconds)
        _write_new(Path(path), file)
        return 0 if newest is None else newest.version

    async def refund(self) -> int:
        """Wait until the refund is open, take home what nobody earned; the amount in the token's smallest unit."""
        participant = self._creator.participant
        params = (await self._ledger()).params
        async for _ in self.watch():
            pass
        stored = await participant.hub.task_of(self._identifier)
        if stored.units > stored.reserved:
            await participant.send("refund", participant.hub.refund(params))
        return await take_home(participant, params)

    async def _ledger(self) -> TaskLedger:
        await self._creator.refresh()
        return self._creator.participant.ledger.tasks[self._identifier]


def _write_new(path: Path, content: bytes) -> None:
    try:
        with path.open("xb") as target:
            target.write(content)
    except FileExistsError:
        raise ConfigError("path", f"{path} exists", "Choose another name; nothing was overwritten") from None
    except OSError as error:
        raise EnvironmentProblem(f"cannot write {path} ({error.strerror}); choose another folder") from error
