"""What creator, node and verifier do alike: open key, chain, store and swarm, and follow the hub."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final

from cupel.protocol.activity import keep_transfers
from cupel.protocol.chain.bindings.hub import Hub
from cupel.protocol.chain.bindings.test_token import TestToken
from cupel.protocol.chain.client import ChainClient, Receipt
from cupel.protocol.chain.contract import Call, Event, Logged
from cupel.protocol.chain.cursor import LogCursor
from cupel.protocol.chain.deployments import Deployment
from cupel.protocol.chain.errors import EventsMissing
from cupel.protocol.chain.ledger import HubLedger, TaskLedger
from cupel.protocol.chain.opening import chain_of
from cupel.protocol.chain.signing import AnyAccount, RemoteAccount
from cupel.protocol.config import ConfigError
from cupel.protocol.environments.installed import open_environment
from cupel.protocol.heap import keep_trimming
from cupel.protocol.keys import load_account
from cupel.protocol.network import Swarm
from cupel.protocol.observe import Observer
from cupel.protocol.patience import Patience
from cupel.protocol.purse import Purse
from cupel.protocol.settings import Settings
from cupel.protocol.sole import KeyWatch, locked, refuse_second
from cupel.protocol.spec.environments.base import check_fit
from cupel.protocol.spec.rounds import round_start
from cupel.protocol.spec.shardcast.cid import Cid
from cupel.protocol.spec.task import MAX_SPEC_BYTES, TaskParams, TaskSpec, check_task
from cupel.protocol.storage import BlockStore, StorageError
from cupel.protocol.storage.opening import open_store
from cupel.protocol.storage.replacing import replace_file
from cupel.protocol.watchdog import watched

POLL_SECONDS: Final = 0.5
FETCH_SECONDS: Final = 20.0


class Participant:
    """One process's connection to one hub."""

    def __init__(
        self,
        chain: ChainClient,
        deployment: Deployment,
        store: BlockStore,
        swarm: Swarm,
        observer: Observer,
        owner: ChainClient | None = None,
    ) -> None:
        """owner: sends what moves a stake, where that is another account."""
        self.chain = chain
        self.owner = chain if owner is None else owner
        self.deployment = deployment
        self.store = store
        self.swarm = swarm
        self.observer = observer
        self.hub = Hub(chain, deployment.hub)
        self.ledger = HubLedger()
        self.events: list[Logged[Event]] = []
        self.purse = Purse(chain, observer)
        self.known_block = -1
        """Block up to which the ledger knows everything."""
        self._cursor = LogCursor(chain, self.hub, deployment.first_block)
        self._watch: KeyWatch | None = None

    @property
    def address(self) -> str:
        """This process's account."""
        return self.chain.address

    async def refresh(self) -> tuple[Logged[Event], ...]:
        """Take in what the hub did since the last call; returns the new events. ChainUnavailable."""
        progress = await self._cursor.advance()
        ledger, kept = self.ledger, self.events
        if progress.rewound_to is not None:
            kept = [logged for logged in kept if logged.block_number <= progress.rewound_to]
            ledger = HubLedger.of(logged.event for logged in kept)
        try:
            for logged in progress.events:
                ledger.apply(logged.event)
        except EventsMissing:
            # The ledger of before stays until everything was read again.
            self._cursor.restart()
            raise
        if progress.events or kept is not self.events:
            self.ledger, self.events = ledger, [*kept, *progress.events]
        self.known_block = self._cursor.known_block
        own = None if self.chain.account is None else self.address
        others = {account: text for account, text in self.ledger.endpoints.items() if account != own}
        self.swarm.set_peers(others)
        if self._watch is not None:
            self._watch.look(self.ledger.endpoints.get(self.address, ""))
        return progress.events

    async def send(self, action: str, call: Call[Any], by: ChainClient | None = None) -> Receipt:
        """Send a transaction and report it. by: whose it is, if not this process's own."""
        receipt = await (by or self.chain).send(call)
        digest = "0x" + receipt.transaction_hash.hex()
        self.observer.emit("transaction", action=action, hash=digest, gas=receipt.gas_used)
        return receipt

    async def announce_endpoint(self, alone: bool = False) -> None:
        """Put this process's addresses on the chain, if they changed, and report that it is ready.

        alone: ConfigError where another process with this key answers, and a line if one announces itself later.
        """
        await self.refresh()
        announced = self.ledger.endpoints.get(self.address, "")
        if alone:
            await refuse_second(self.swarm, announced, self.address)
            self._watch = KeyWatch(self.observer, self.swarm.endpoint, announced)
        if announced != self.swarm.endpoint:
            await self.send("set endpoint", self.hub.set_endpoint(self.swarm.endpoint))
        self.observer.emit("ready", account=self.address, endpoint=self.swarm.endpoint)

    async def approve(self, token: str, spender: str, amount: int, by: ChainClient | None = None) -> None:
        """Allow `spender` to take `amount`. ConfigError if the account does not have that much."""
        erc20, account = TestToken(self.chain, token), (by or self.chain).address
        balance = await erc20.balance_of(account)
        if balance < amount:
            problem = f"{account} has {balance} of token {token}, {amount} needed"
            raise ConfigError(
                "keystore" if account == self.address else "owner", problem, "Send it tokens first"
            )
        if await erc20.allowance(account, spender) < amount:
            await self.send("approve", erc20.approve(spender, amount), by)

    async def find_task(self, selector: str, settling: bool = False) -> TaskLedger:
        """The task that the settings name. `newest` is the one that holds a stake of ours, else the newest that is not
        over, which is waited for.

        settling: a task is over when nobody can be challenged for it any more, and not with its rounds.
        """
        while True:
            await self.refresh()
            ledger = await self._select(selector, settling)
            if ledger is not None:
                return ledger
            await asyncio.sleep(POLL_SECONDS)

    async def _select(self, selector: str, settling: bool) -> TaskLedger | None:
        if selector == "newest":
            now, own = await self.chain.now(), None if self.chain.account is None else self.address
            # One that audits another is nothing to train on; who means it names it.
            tasks = [
                ledger
                for ledger in self.ledger.tasks.values()
                if ledger.params.genesis_digest not in self.ledger.tasks
            ]
            # Whoever was down when the rounds ended still has its pay and its stake to take home.
            staked = [ledger for ledger in tasks if own in ledger.roster()]
            found = staked or [ledger for ledger in tasks if now < _over_at(ledger.params, settling)]
            return found[-1] if found else None
        ledger = self.ledger.tasks.get(bytes.fromhex(selector.removeprefix("0x")))
        if ledger is None:
            raise ConfigError(
                "task", f"hub {self.hub.address} has no task {selector}", "Correct task or deployment"
            )
        return ledger

    async def fetch_spec(self, ledger: TaskLedger) -> TaskSpec:
        """The task's document. NetworkError if nobody serves it, Rejected if the task cannot work."""
        address = Cid.from_digest(ledger.params.spec_digest)
        document = await self.swarm.fetch_block(
            address, deadline_seconds=FETCH_SECONDS, max_bytes=MAX_SPEC_BYTES
        )
        spec = TaskSpec.from_bytes(document)
        check_task(ledger.params, spec)
        check_fit(ledger.params, spec, open_environment(spec.environment))
        return spec

    async def take_up(self, selector: str, settling: bool = False) -> tuple[TaskLedger, TaskSpec]:
        """`find_task` and `fetch_spec`, both waited for. Rejected as the latter."""

        async def found() -> tuple[TaskLedger, TaskSpec]:
            ledger = await self.find_task(selector, settling)
            return ledger, await self.fetch_spec(ledger)

        return await Patience(self.observer).persist(found)

    def report_transfers(self) -> None:
        """Emit what moved so far."""
        statistics = self.swarm.statistics()
        self.observer.emit(
            "transfer",
            bytes_in=statistics.bytes_in,
            bytes_out=statistics.bytes_out,
            peers=statistics.connected_peers,
        )


@asynccontextmanager
async def participate(settings: Settings, observer: Observer) -> AsyncIterator[Participant]:
    """Open everything in an order that leaves nothing half-started when a setting is wrong."""
    async with _opened(settings, observer, load_account(settings), None) as participant:
        yield participant


@asynccontextmanager
async def participate_for_owner(settings: Settings, observer: Observer) -> AsyncIterator[Participant]:
    """The same, and with `settings.owner` its signer beside this process's key."""
    account = load_account(settings)
    if not settings.owner:
        async with _opened(settings, observer, account, None) as participant:
            yield participant
        return
    async with (
        RemoteAccount(settings.owner, settings.chain_id) as owner,
        _opened(settings, observer, account, owner) as participant,
    ):
        yield participant


@asynccontextmanager
async def participate_as_owner(settings: Settings, observer: Observer) -> AsyncIterator[Participant]:
    """The same with nothing but the account of `settings.owner`'s signer, or without one this process's key."""
    if not settings.owner:
        async with _opened(settings, observer, load_account(settings), None) as participant:
            yield participant
        return
    async with (
        RemoteAccount(settings.owner, settings.chain_id) as owner,
        _opened(settings, observer, owner, None) as participant,
    ):
        yield participant


@asynccontextmanager
async def look_on(settings: Settings, observer: Observer) -> AsyncIterator[Participant]:
    """The same without a key: it follows, fetches and serves, and sends nothing."""
    async with _opened(settings, observer, None, None) as participant:
        yield participant


@asynccontextmanager
async def _opened(
    settings: Settings, observer: Observer, account: AnyAccount | None, owner: RemoteAccount | None
) -> AsyncIterator[Participant]:
    deployment = Deployment.read(Path(settings.deployment), settings.chain_id)
    async with AsyncExitStack() as stack:
        chain = await stack.enter_async_context(chain_of(settings, account))
        await _check_chain(chain, deployment, account)
        owner_chain = None
        if owner is not None:
            owner_chain = await stack.enter_async_context(chain_of(settings, owner))
            await _check_chain(owner_chain, deployment, owner)
        folder = Path(settings.data_dir)
        stack.enter_context(locked(folder))
        store = stack.enter_context(open_store(settings.store, folder))
        swarm = Swarm(
            store,
            identity_key=_identity(folder),
            listen_host=settings.listen_host,
            p2p_port=settings.p2p_port,
            http_port=settings.http_port,
            topic=f"cupel/1/{settings.chain_id}/{deployment.hub}",
            accepts=settings.inbound == "yes",
        )
        async with swarm, watched():
            participant = Participant(chain, deployment, store, swarm, observer, owner_chain)
            beside = (participant.purse.run(), keep_transfers(folder, swarm.statistics), keep_trimming())
            watching = [asyncio.create_task(loop) for loop in beside]
            try:
                yield participant
            finally:
                for task in watching:
                    task.cancel()


async def _check_chain(chain: ChainClient, deployment: Deployment, account: AnyAccount | None) -> None:
    await chain.code_hash(deployment.hub)
    if account is not None and await chain.balance(account.address) == 0:
        problem = f"account {account.address} is empty, it cannot pay for gas"
        key = "owner" if isinstance(account, RemoteAccount) else "keystore"
        raise ConfigError(key, problem, "Send it some of the chain's native coin")


def _identity(folder: Path) -> bytes:
    """The libp2p identity of this data folder, made on first use. StorageError if it cannot be written or read."""
    path = folder / "identity"
    try:
        return path.read_bytes()
    except FileNotFoundError:
        key = secrets.token_bytes(32)
    except OSError as error:
        raise StorageError(f"cannot read {path} ({error.strerror})", "correct its permissions") from error
    replace_file(path, key, mode=0o600)
    return key


def _over_at(params: TaskParams, settling: bool) -> int:
    """When a process that begins now finds nothing to do in a task any more."""
    last = round_start(params, params.rounds)
    return last + params.challenge_window + params.dispute_seconds if settling else last
