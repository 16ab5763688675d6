"""The verifier: composition root, and the loop that looks at the chain, decides and acts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

import torch

from cupel.protocol.chain.bindings.jury_judge import JuryJudge
from cupel.protocol.chain.bindings.structs import ChallengeStatus
from cupel.protocol.chain.bindings.test_token import TestToken
from cupel.protocol.chain.contract import Event, Logged
from cupel.protocol.chain.ledger import TaskLedger
from cupel.protocol.config import ConfigError
from cupel.protocol.court import Courts, open_courts
from cupel.protocol.custody import Custody
from cupel.protocol.environments.installed import check_environment
from cupel.protocol.keeping import Share, share_of_verifier
from cupel.protocol.metrics_endpoint import HOST, address_of, metrics_endpoint
from cupel.protocol.model.engines import TORCH, check_engine
from cupel.protocol.model.layout import layout_of
from cupel.protocol.network import Swarm
from cupel.protocol.observe import Observer
from cupel.protocol.participant import FETCH_SECONDS, POLL_SECONDS, Participant, participate
from cupel.protocol.patience import Patience
from cupel.protocol.settings import Settings
from cupel.protocol.spans import traced
from cupel.protocol.spec.errors import Rejected
from cupel.protocol.spec.rounds import round_start
from cupel.protocol.spec.shardcast.versions import num_whole, spare_for_disputes
from cupel.protocol.spec.task import TaskSpec
from cupel.protocol.storage import VersionShelf
from cupel.protocol.versions import Versions
from cupel.verifier.attendance.opening import Attendance, open_attendance
from cupel.verifier.auditor import Auditor
from cupel.verifier.budget import Budget
from cupel.verifier.checks.base import Rules
from cupel.verifier.dispute.refutation import Refuter
from cupel.verifier.dispute.responder import Responder
from cupel.verifier.dispute.solver import Dispute, Stop, View, decide
from cupel.verifier.dispute.trial import JuryRules
from cupel.verifier.dispute.trials import TrialFeed, read_rules
from cupel.verifier.evidence import Judges
from cupel.verifier.inbox import Inbox
from cupel.verifier.journal import Journal
from cupel.verifier.meters import Meters
from cupel.verifier.options import Options
from cupel.verifier.recompute import prefill_of
from cupel.verifier.telling import Teller
from cupel.verifier.upkeep import Upkeep
from cupel.verifier.withheld import WithheldData

# A transaction needs a block or two; on a fast chain, our own loop is the slower part.
MARGIN_BLOCKS: Final = 3
MIN_MARGIN_SECONDS: Final = 4

MakeAuditor = Callable[[Rules, Swarm, Versions], Auditor]


class Verifier:
    """One verifier of one task."""

    def __init__(
        self,
        participant: Participant,
        ledger: TaskLedger,
        spec: TaskSpec,
        folder: Path,
        options: Options,
        make_auditor: MakeAuditor = Auditor,
        courts: Courts | None = None,
        engine: str = TORCH,
    ) -> None:
        """courts: where the task names a judge of computation. engine: what recomputes, of `check_engine`."""
        params, deployment = ledger.params, participant.deployment
        self._participant = participant
        self._observer = participant.observer
        self._task = ledger.task
        self._params = params
        self._options = options
        self._judges = Judges.among(
            params.judges,
            deployment.objective_judge,
            deployment.jury_judge,
            deployment.data_judge,
            None if courts is None else deployment.canonical_judge,
        )
        spare = spare_for_disputes(params)
        shelf = VersionShelf(participant.store, folder / "versions")
        self._versions = Versions(ledger, spec, participant.swarm, shelf, spare, trust_posted=False)
        rules = Rules(
            chain_id=participant.chain.chain_id,
            hub=participant.hub.address,
            task=ledger.task,
            params=params,
            spec=spec,
            environment=check_environment(spec.environment),
            num_parameters=layout_of(spec.model).num_parameters,
        )
        self._journal = Journal(folder, ledger.task)
        auditor = make_auditor(rules, participant.swarm, self._versions)
        auditor.budget = self._budget = Budget(options.budget_seconds)
        auditor.prefill = prefill_of(engine)
        refuter = None
        if courts is not None:
            refuter = Refuter(courts.computation.terms, self._versions, courts.versions is not None)
        self._inbox = Inbox(participant, auditor, self._journal, self._judges, options, folder, refuter)
        self._players = (
            ()
            if courts is None
            else courts.players(participant, lambda: self._ledger, self._versions, helps=True)
        )
        self._withheld = WithheldData(
            participant, ledger.task, self._judges, self._inbox, self._versions.false_updates
        )
        self._responder = Responder(
            participant, ledger.task, params, self._judges, self._journal, self._withheld.feed
        )
        jury = self._judges.jury
        self._jury = None if jury is None else JuryJudge(participant.chain, jury)
        self._feed = TrialFeed(participant.chain, self._jury, deployment.first_block)
        self._teller = Teller(participant, self._judges, self._inbox, self._feed)
        self._rules: JuryRules | None = None
        self._head = 0
        custody = Custody(participant, shelf, params, self._share, storing=self._versions.storing)
        self._upkeep = Upkeep(
            participant, self._versions, custody, lambda: self._ledger, lambda: self._inbox.now
        )
        self._first_look: tuple[int, int] | None = None
        self._unnoticed: list[Logged[Event]] = []
        self._patience = Patience(participant.observer)
        self._spec = spec
        self._attendance: Attendance | None = None

    @property
    def _ledger(self) -> TaskLedger:
        return self._participant.ledger.tasks[self._task]

    def _share(self, ledger: TaskLedger, now: int) -> Share:
        """What we keep of a task: all that can be judged, of other tasks as far as it is here."""
        held = self._versions.digests() if ledger.task == self._task else {}
        return share_of_verifier(ledger, now, held, num_whole(ledger.params))

    async def run(self) -> int:
        """Check and challenge until the task is over and nothing is open; the process's exit code."""
        await self._prepare()
        self._inbox.now = await self._participant.chain.now()
        for logged in self._participant.events:
            self._inbox.notice(logged, self._ledger)
        try:
            async with self._upkeep.running(), self._playing():
                while True:
                    with self._patience.attempt():
                        if await self._look():
                            break
                    await self._patience.pause()
                    await asyncio.sleep(POLL_SECONDS)
        finally:
            await self._inbox.close()
        await self._responder.collect()
        self._observer.emit("done")
        return 0

    @asynccontextmanager
    async def _playing(self) -> AsyncIterator[None]:
        """Move in our disputes, and answer in the audit task, as long as the block runs."""
        runs = [player.run() for player in self._players]
        if self._attendance is not None:
            runs += [self._attendance.player.run(), self._attendance.attendant.run()]
        async with asyncio.TaskGroup() as group:
            playing = [group.create_task(run) for run in runs]
            try:
                yield
            finally:
                for one in playing:
                    one.cancel()

    async def _prepare(self) -> None:
        """A version to begin with, the means to challenge, and a juror's stake."""
        await self._patience.persist(self._begin)
        token = TestToken(self._participant.chain, self._params.token)
        balance = await token.balance_of(self._participant.address)
        if balance < self._params.bond:
            problem = f"{self._participant.address} has {balance} of token {self._params.token}"
            remedy = f"Send it at least one bond ({self._params.bond})"
            raise ConfigError("keystore", problem, remedy)
        if self._options.audit_task:
            self._attendance = await open_attendance(
                self._participant,
                self._task,
                bytes.fromhex(self._options.audit_task[2:]),
                self._spec,
                self._versions,
                self._journal.secret,
                lambda: self._inbox.now,
            )
        await self._withheld.prepare()
        if self._jury is not None:
            self._rules = await read_rules(self._jury)
            if self._options.jury_places:
                await self._enlist(self._jury, self._options.jury_places)

    async def _begin(self) -> None:
        await self._versions.start(await self._participant.chain.now(), FETCH_SECONDS)

    async def _enlist(self, jury: JuryJudge, places: int) -> None:
        juror = await jury.juror_of(self._participant.address)
        if juror.places < places:
            missing = places * await jury.juror_stake() - juror.stake
            await self._participant.approve(await jury.token(), jury.address, missing)
            await self._participant.send("register juror", jury.register(places - juror.places))

    async def _look(self) -> bool:
        """Take in what is new on the chain and act on it. Whether all is done."""
        chain = self._participant.chain
        # The clock before the events: so whatever happened until then is known, and an accepted set is complete.
        now, head = await chain.now(), await chain.head()
        fresh = await self._participant.refresh()
        self._unnoticed = [*self._still_told(self._unnoticed), *fresh]
        # Should one of these fail, what was read before is still to be noticed.
        await self._feed.refresh()
        await self._withheld.refresh()
        self._inbox.now, self._head = now, head
        events, self._unnoticed = self._unnoticed, []
        for logged in events:
            self._inbox.notice(logged, self._ledger)
            self._teller.tell(logged.event, self._ledger)
        self._begin_jury_duty()
        for demand_action in self._withheld.actions(now, self._ledger):
            await self._responder.carry_out(demand_action)
        for action in decide(await self._view(now, head)):
            if isinstance(action, Stop):
                return self._attendance is None or self._attendance.attendant.is_over
            await self._responder.carry_out(action)
        return False

    def _still_told(self, events: list[Logged[Event]]) -> list[Logged[Event]]:
        """Those that no reorganisation took back."""
        told = {id(logged) for logged in self._participant.events} if events else set()
        return [logged for logged in events if id(logged) in told]

    def _begin_jury_duty(self) -> None:
        """Check what we may be asked to vote on, even before the jury is drawn: the time to vote is short."""
        account, ledger = self._participant.address, self._ledger
        for trial in self._feed.ledger.trials.values():
            challenge = ledger.challenges.get(trial.challenge_id)
            seats = trial.round.seats
            drawable = account in (self._feed.ledger.jurors if seats is None else seats)
            if challenge is None or challenge.challenger == account or not drawable or trial.closed:
                continue
            if self._inbox.now < trial.round.commit_deadline:
                self._inbox.judge(challenge, ledger, trial.round.commit_deadline)

    async def _view(self, now: int, head: int) -> View:
        ledger, params, account = self._ledger, self._params, self._participant.address
        times = [work.time for work in ledger.work.values()] + [posted.time for posted in ledger.posted]
        finished = now >= max([round_start(params, params.rounds), *times]) + params.challenge_window
        return View(
            account=account,
            params=params,
            now=now,
            block_number=head,
            margin_seconds=self._margin_seconds(now, head),
            slashed=frozenset(record.node for record in ledger.slashes),
            accusations=tuple(
                accusation
                for accusation in self._inbox.accusations.values()
                if accusation not in self._responder.unconvincing
            ),
            disputes=tuple(
                Dispute(
                    challenge_id=record.challenge_id,
                    node=record.node,
                    sequence=record.sequence,
                    challenger=record.challenger,
                    time=record.time,
                    pending=record.status is ChallengeStatus.PENDING,
                    is_demand=record.challenge.judge == self._judges.data,
                    dismissed=record.status is ChallengeStatus.DISMISSED,
                )
                for record in ledger.challenges.values()
            ),
            jury=self._rules,
            trials=tuple(self._feed.ledger.trials.values()),
            verdicts=self._inbox.verdicts,
            votes=self._journal.votes,
            funds=await self._appeal_funds(),
            is_juror=account in self._feed.ledger.jurors,
            finished=finished,
            credit=await self._participant.hub.credit(params.token, account) if finished else 0,
            jury_credit=0 if self._jury is None or not finished else await self._jury.credit(account),
        )

    async def _appeal_funds(self) -> int:
        """What we could put down as an appeal bond; only asked for while there is something to appeal against."""
        if self._jury is None or all(trial.closed for trial in self._feed.ledger.trials.values()):
            return 0
        token = TestToken(self._participant.chain, await self._jury.token())
        return await token.balance_of(self._participant.address)

    def _margin_seconds(self, now: int, head: int) -> int:
        """Three blocks at the pace seen so far."""
        if self._first_look is None:
            self._first_look = now, head
        since, first = self._first_look
        return max(MIN_MARGIN_SECONDS, -(-MARGIN_BLOCKS * (now - since) // max(1, head - first)))

    def gauges(self) -> dict[str, int]:
        """What is true now, in numbers."""
        inbox = self._inbox
        return {
            "block": self._head,
            "chain_time": inbox.now,
            "queue": inbox.num_open,
            "skipped": self._budget.skipped,
            "balance_gwei": self._participant.purse.balance_gwei,
            "gas_left": self._participant.purse.gas_left,
            "failing": int(self._patience.failing),
        }


async def run_verifier(
    settings: Settings, observer: Observer, options: Options, make_auditor: MakeAuditor = Auditor
) -> int:
    """Check the settings' task to its end; the process's exit code."""
    # Tiny models gain nothing from more threads, and the results must not depend on how many there are.
    torch.set_num_threads(1)
    meters, folder = Meters(observer), Path(settings.data_dir)
    async with AsyncExitStack() as stack:
        if options.metrics_port is not None or settings.metrics:
            host, wanted = address_of(settings.metrics or f"{HOST}:{options.metrics_port}")
            port = await stack.enter_async_context(metrics_endpoint(meters.prometheus, wanted, host))
            observer.emit("metrics", port=port)
        participant = await stack.enter_async_context(participate(settings, meters))
        await stack.enter_async_context(traced(settings.traces, "verifier", participant.address, meters))
        await participant.announce_endpoint(alone=True)
        try:
            ledger, spec = await participant.take_up(settings.task, settling=True)
            check_engine(settings.engine, spec.model)
            courts = await open_courts(participant, ledger.params, spec)
            if courts is not None and not courts.can_settle(ledger.params, spec):
                courts = None
            verifier = Verifier(
                participant, ledger, spec, folder, options, make_auditor, courts, settings.engine
            )
        except Rejected as error:
            raise ConfigError("task", f"this task cannot be checked ({error})", "Choose another") from None
        meters.gauges = verifier.gauges
        async with meters.writing(folder):
            return await verifier.run()
    raise AssertionError("the block above returns or raises")
