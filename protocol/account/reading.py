"""A hub as anyone can read it: no key, no peers."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from cupel.protocol.chain.bindings.hub import Hub
from cupel.protocol.chain.contract import Event, Logged
from cupel.protocol.chain.cursor import LogCursor
from cupel.protocol.chain.deployments import Deployment
from cupel.protocol.chain.ledger import HubLedger, TaskLedger
from cupel.protocol.chain.opening import chain_of
from cupel.protocol.config import ConfigError
from cupel.protocol.settings import Settings


@dataclass(frozen=True, slots=True)
class HubReading:
    """Everything a hub has told of, up to `now` of the chain's clock."""

    deployment: Deployment
    now: int
    events: tuple[Logged[Event], ...]
    ledger: HubLedger = field(default_factory=HubLedger)

    def task(self, selector: str) -> TaskLedger:
        """The task of this id, or the one created last for `newest`. ConfigError if there is none."""
        tasks = list(self.ledger.tasks.values())
        if not tasks:
            raise ConfigError(
                "task", f"hub {self.deployment.hub} has no task yet", "Create one: cupel task run"
            )
        if selector == "newest":
            return tasks[-1]
        wanted = [ledger for ledger in tasks if "0x" + ledger.task.hex() == selector.lower()]
        if not wanted:
            remedy = "`cupel status` lists them"
            raise ConfigError("task", f"hub {self.deployment.hub} has no task {selector}", remedy)
        return wanted[0]

    def events_of(self, ledger: TaskLedger) -> tuple[Logged[Event], ...]:
        """The events about a task and its challenges, in chain order."""
        return tuple(
            logged
            for logged in self.events
            if getattr(logged.event, "task", None) == ledger.task
            or getattr(logged.event, "challenge_id", None) in ledger.challenges
        )


async def read_hub(settings: Settings) -> HubReading:
    """Read all of a hub's events. ConfigError or ChainUnavailable as `ChainClient`."""
    deployment = Deployment.read(Path(settings.deployment), settings.chain_id)
    async with chain_of(settings, None) as chain:
        await chain.code_hash(deployment.hub)
        # The clock first: what happened until then is among the events.
        now = await chain.now()
        progress = await LogCursor(chain, Hub(chain, deployment.hub), deployment.first_block).advance()
    reading = HubReading(deployment, now, progress.events)
    for logged in progress.events:
        reading.ledger.apply(logged.event)
    return reading
