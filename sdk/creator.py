"""An account that creates tasks: opens key, chain, store and peers once, and serves what its nodes need."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from cupel.protocol.chain.ledger import TaskLedger
from cupel.protocol.config import ConfigError
from cupel.protocol.observe import Observer
from cupel.protocol.participant import Participant, participate_as_owner
from cupel.protocol.settings import Settings, load_settings
from cupel.protocol.spec.errors import Rejected
from cupel.protocol.spec.task import TaskParams, task_id
from cupel.protocol.storage import VersionShelf
from cupel.protocol.task.creator import create_task, custody, read_genesis
from cupel.protocol.task.plan import TaskPlan
from cupel.sdk.plans import load_plan
from cupel.sdk.task import Task


class Silent:
    """Hears what the process tells, and says nothing."""

    def emit(self, event: str, **fields: object) -> None:
        """Nothing."""


class Creator:
    """Use as an async context manager.

    settings: a `Settings`, or the path of the TOML file that `cupel init creator` writes; CUPEL_* variables win over
    the file. observer: hears of transactions. On entry ConfigError or an EnvironmentProblem, as every `cupel` command.
    """

    def __init__(self, settings: Settings | str | Path, observer: Observer | None = None) -> None:
        self._settings = settings if isinstance(settings, Settings) else load_settings(Path(settings), {})
        self._observer = observer or Silent()
        self._open = AsyncExitStack()
        self._refreshing = asyncio.Lock()
        self._participant: Participant | None = None

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            self._participant = await stack.enter_async_context(
                participate_as_owner(self._settings, self._observer)
            )
            await self.participant.announce_endpoint()
            self._open = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._open.aclose()
        self._participant = None

    @property
    def address(self) -> str:
        """The account that pays and is refunded."""
        return self.participant.address

    @property
    def participant(self) -> Participant:
        """What the commands are built on: chain, hub, store and peers."""
        assert self._participant is not None, "use the creator as an async context manager"
        return self._participant

    async def create(
        self, plan: TaskPlan | str | Path, genesis: str | Path, start_in_seconds: int = 120
    ) -> Task:
        """Approve and escrow the bounty, create the task, and serve plan and weights as long as this is open.

        genesis: checkpoint file, as `cupel task genesis` writes one. start_in_seconds: the nodes' time to join.
        ConfigError for a plan or weights that do not fit, and for an account without the bounty.
        """
        wanted = plan if isinstance(plan, TaskPlan) else load_plan(plan)
        participant, shelf = self.participant, self._shelf()
        version = read_genesis(Path(genesis), wanted)
        try:
            params = await create_task(participant, shelf, wanted, version, start_in_seconds)
        except Rejected as rejected:
            raise ConfigError("plan", rejected.detail, "Correct the plan") from None
        await self._keep(shelf, params)
        await self.refresh()
        return Task(self, task_id(participant.chain.chain_id, participant.hub.address, params))

    async def task(self, identifier: str = "newest") -> Task:
        """A task that exists: its id, or this account's newest. ConfigError if there is none."""
        await self.refresh()
        tasks = self.participant.ledger.tasks.values()
        own = [one for one in tasks if _is_meant(one, identifier, self.address)]
        if not own:
            raise ConfigError(
                "task", f"this account created no task {identifier}", "`cupel status` lists them"
            )
        await self._keep(self._shelf(), own[-1].params)
        return Task(self, own[-1].task)

    async def refresh(self) -> None:
        """Take in what the hub did."""
        async with self._refreshing:
            await self.participant.refresh()

    def _shelf(self) -> VersionShelf:
        return VersionShelf(self.participant.store, Path(self._settings.data_dir) / "versions")

    async def _keep(self, shelf: VersionShelf, params: TaskParams) -> None:
        await self._open.enter_async_context(custody(self.participant, shelf, params).running())


def _is_meant(ledger: TaskLedger, identifier: str, account: str) -> bool:
    named = identifier in ("newest", "0x" + ledger.task.hex())
    return named and ledger.params.creator == account
