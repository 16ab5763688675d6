"""The node: composition root, and the loop that asks for the next duty and carries it out."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import torch

from cupel.node import duties
from cupel.node.duties import Membership, View
from cupel.node.journal import Journal
from cupel.node.publishing.disclosure import Discloser
from cupel.node.publishing.memory import Memory
from cupel.node.publishing.submission import (
    RepeatedWork,
    Submission,
    distinct_rollouts,
    make_submission,
    published_leaves,
)
from cupel.node.rollout.rule import require_known_rule
from cupel.node.rollout.worker import RolloutWorker, Score, environment_reward
from cupel.node.training.batch import Batch, batch_of, fresh_groups, with_answers
from cupel.node.training.saved import SavedStates
from cupel.node.training.state import quantise
from cupel.node.training.trainer import PastWeights, schedule_of, train_round
from cupel.protocol.chain.errors import ContractError
from cupel.protocol.chain.ledger import TaskLedger
from cupel.protocol.custody import Custody
from cupel.protocol.environments.installed import check_environment
from cupel.protocol.environments.process import EnvironmentFailed
from cupel.protocol.keeping import Share, share_of_node
from cupel.protocol.model.canonical import CanonicalVersion
from cupel.protocol.model.checkpoint import to_floats
from cupel.protocol.model.policy import Policy
from cupel.protocol.model.weights import policy_of
from cupel.protocol.network import Announcement, AnnouncementKind, NetworkError
from cupel.protocol.observe import Observer
from cupel.protocol.participant import FETCH_SECONDS, POLL_SECONDS, Participant, participate
from cupel.protocol.settings import Settings
from cupel.protocol.spec.assignment import assigned_work, round_seed
from cupel.protocol.spec.environments.base import Environment
from cupel.protocol.spec.errors import Rejected
from cupel.protocol.spec.recipe import SFT
from cupel.protocol.spec.rollout import LeafContext, Metrics, PolicyRef, Rollout
from cupel.protocol.spec.rounds import commit_deadline
from cupel.protocol.spec.shardcast.cid import Cid
from cupel.protocol.spec.shardcast.versions import num_whole
from cupel.protocol.spec.task import MILLION, TaskSpec
from cupel.protocol.storage import VersionShelf, put_file
from cupel.protocol.submissions import count_holders, fetch_submission
from cupel.protocol.versions import Versions, VersionUnavailable

# Two others hold the data before the commitment: one of them may die as well.
WANTED_HOLDERS: Final = 2
# A commitment needs a block or two; replication stops this long before the deadline.
COMMIT_MARGIN_SECONDS: Final = 3
REPLICATION_POLL_SECONDS: Final = 0.3
BLOCKED_SECONDS: Final = 4.0
EXIT_SLASHED: Final = 3


def _same_policy(policy: Policy) -> Policy:
    return policy


@dataclass(frozen=True, slots=True)
class Parts:
    """What the composition may be given instead of the usual."""

    rollout_policy: Callable[[Policy], Policy] = _same_policy
    """The policy that generates, made from the canonical one."""
    score: Score = environment_reward


class Node:
    """One node's work on one task."""

    def __init__(
        self, participant: Participant, ledger: TaskLedger, spec: TaskSpec, folder: Path, parts: Parts
    ) -> None:
        self._participant = participant
        self._observer = participant.observer
        self._task = ledger.task
        self._params = ledger.params
        self._spec = spec
        self._parts = parts
        self._environment: Environment = check_environment(spec.environment)
        self._worker = RolloutWorker(ledger.params, spec, self._environment, parts.score)
        shelf = VersionShelf(participant.store, folder / "versions")
        self._versions = Versions(ledger, spec, participant.swarm, shelf, look=self._look)
        max_bytes = self._versions.max_checkpoint_bytes, self._versions.max_update_bytes
        self._custody = Custody(
            participant,
            shelf,
            ledger.params,
            self._share,
            max_bytes,
            self._versions.storing,
        )
        self._journal = Journal(folder / "journal")
        self._memory = Memory(self._journal)
        self._trainer_states = SavedStates(self._journal)
        self._discloser = Discloser(
            participant, lambda: self._ledger, max_bytes, self._versions.false_updates
        )
        self._past = PastWeights()
        self._attempted = -1
        self._blocked: tuple[int, float] = (-1, 0.0)
        self._replicated: set[bytes] = set()

    @property
    def _ledger(self) -> TaskLedger:
        return self._participant.ledger.tasks[self._task]

    async def _look(self) -> TaskLedger:
        """The chain as it is now; only while the loop below waits for a version, and so does not look itself."""
        await self._participant.refresh()
        return self._ledger

    async def run(self) -> int:
        """Work until the task is over and everything is paid out; the process's exit code."""
        await self._versions.start(await self._participant.chain.now(), FETCH_SECONDS)
        self._report_version(self._versions.newest)
        if self._spec.recipe.needs_genesis:
            genesis = await self._versions.genesis(FETCH_SECONDS)
            self._past = PastWeights(genesis=to_floats(genesis.state.weights))
        await self._recall()
        async with self._background():
            while True:
                await self._participant.refresh()
                duty = duties.next_duty(await self._view())
                if isinstance(duty, duties.Stop):
                    await self._discloser.collect()
                    return self._stop(duty)
                await self._carry_out(duty)

    async def _recall(self) -> None:
        """Learn again from our own published files what the journal does not hold of our commitments."""
        swarm, params, limit = self._participant.swarm, self._params, self._versions.max_update_bytes
        for lost in self._memory.gaps(self._ledger.commitments(self._participant.address)):
            try:
                files = await fetch_submission(swarm, lost.manifest, params, limit, FETCH_SECONDS)
                self._memory.record(lost.sequence, published_leaves(params, files))
            except (NetworkError, Rejected) as error:
                message = (
                    f"what commitment {lost.sequence} proved is forgotten, so a repetition would go unnoticed"
                )
                self._observer.emit("error", message=f"{message}: {error}")

    def _stop(self, duty: duties.Stop) -> int:
        if duty.reason == "slashed":
            self._observer.emit("slashed")
            return EXIT_SLASHED
        self._observer.emit("done", reason=duty.reason)
        return 0

    async def _view(self) -> View:
        ledger, account = self._ledger, self._participant.address
        blocked, until = self._blocked
        record = ledger.members.get(account)
        token = self._params.token
        credit = 0
        if record is not None and record.exited:
            credit = await self._participant.hub.credit(token, record.payout)
        newest = self._versions.newest_standing(ledger)
        return View(
            params=self._params,
            now=await self._participant.chain.now(),
            roster=ledger.roster(),
            account=account,
            membership=_membership(ledger, account),
            opened_rounds=frozenset(ledger.beacons),
            checkpoints={
                record.version: record.digest
                for record in ledger.posted
                if ledger.checkpoint(record.version) is record
            },
            # Nothing may be built on what a slashed node posted: the first duty is then to begin again.
            newest_version=-1 if newest is None else newest,
            attempted_round=self._attempted,
            credit=credit,
            blocked_version=blocked if asyncio.get_running_loop().time() < until else -1,
        )

    async def _carry_out(self, duty: duties.Duty) -> None:
        participant, hub, task = self._participant, self._participant.hub, self._task
        match duty:
            case duties.Wait():
                await asyncio.sleep(POLL_SECONDS)
            case duties.Join(quota):
                await participant.approve(self._params.token, hub.address, self._params.stake)
                call = hub.join(self._params, participant.address, participant.address, quota, b"")
                await participant.send("join", call)
                self._observer.emit("joined", quota=quota, stake=str(self._params.stake))
            case duties.OpenRound(round_index):
                # Another node may have been a moment faster; the beacon is then set, which is what was wanted.
                with contextlib.suppress(ContractError):
                    await participant.send("open round", hub.open_round(task, round_index))
            case duties.WorkRound(round_index, version):
                self._attempted = round_index
                await self._work(round_index, version)
            case duties.Aggregate(version):
                await self._aggregate(version)
            case duties.PostCheckpoint(version):
                with contextlib.suppress(ContractError):
                    digest = self._versions.newest.digest
                    await participant.send("post checkpoint", hub.post_checkpoint(task, version, digest))
                    self._observer.emit("checkpoint", version=version, digest="0x" + digest.hex())
            case duties.Claim(sequences):
                await self._claim(sequences)
            case duties.RequestExit():
                await participant.send("request exit", hub.request_exit(task, participant.address))
            case duties.Exit():
                await participant.send("exit", hub.exit(self._params, participant.address))
                self._observer.emit("exited")
            case duties.Withdraw():
                amount = await hub.credit(self._params.token, participant.address)
                await participant.send("withdraw", hub.withdraw(self._params.token, participant.address))
                self._observer.emit("withdrawn", amount=str(amount))

    async def _claim(self, sequences: tuple[int, ...]) -> None:
        participant = self._participant
        batch = [c for c in self._ledger.commitments(participant.address) if c.sequence in sequences]
        await participant.send("claim", participant.hub.claim(self._params, participant.address, batch))
        units = sum(commitment.units for commitment in batch)
        self._observer.emit("claimed", units=units, amount=str(units * self._params.rate))

    async def _aggregate(self, version: int) -> None:
        self._phase(version - 1, "aggregating")
        try:
            made = await self._versions.advance(self._ledger, BLOCKED_SECONDS)
        except VersionUnavailable as error:
            self._observer.emit("error", message=str(error))
            self._blocked = (version, asyncio.get_running_loop().time() + BLOCKED_SECONDS)
            return
        self._report_version(made)

    async def _work(self, round_index: int, version: int) -> None:
        canonical = self._versions.get(version)
        assert canonical is not None, "the newest version is held"
        beacon = self._ledger.beacons[round_index]
        try:
            submission = await asyncio.to_thread(self._produce, round_index, beacon, canonical)
        except (RepeatedWork, EnvironmentFailed) as error:
            self._observer.emit("error", message=f"round {round_index} has nothing to commit: {error}")
            self._phase(round_index, "missed")
            return
        self._phase(round_index, "publishing")
        await self._publish(submission)
        self._phase(round_index, "committing")
        if await self._participant.chain.now() >= commit_deadline(self._params, round_index) - 1:
            self._phase(round_index, "missed")
            return
        manifest, hub = submission.manifest, self._participant.hub
        call = hub.commit(
            self._task,
            beacon,
            manifest.sequence,
            round_index,
            submission.root,
            manifest.digest,
            manifest.units,
        )
        try:
            await self._participant.send("commit", call)
        except ContractError as error:
            self._observer.emit("error", message=f"round {round_index} not committed: {error}")
            self._phase(round_index, "missed")
            return
        self._observer.emit(
            "committed",
            round=round_index,
            sequence=manifest.sequence,
            units=manifest.units,
            reward_millionths=manifest.metrics.reward_millionths,
            loss_millionths=manifest.metrics.loss_millionths,
            manifest="0x" + manifest.digest.hex(),
        )
        self._phase(round_index, "committed")

    def _produce(self, round_index: int, beacon: bytes, canonical: CanonicalVersion) -> Submission:
        """Rollouts, training and update of a round; runs in a worker thread."""
        params, participant = self._params, self._participant
        account, chain_id, hub = participant.address, participant.chain.chain_id, participant.hub.address
        self._phase(round_index, "rollouts")
        seed = round_seed(chain_id, hub, self._task, account, round_index, beacon)
        policy = self._parts.rollout_policy(policy_of(self._spec.model, canonical.state))
        rollouts = self._worker.produce(
            policy, seed, lambda done, total: self._phase(round_index, "rollouts", done * 1000 // total)
        )
        sequence = len(self._ledger.commitments(account))
        context = LeafContext(chain_id, hub, self._task, account, sequence, round_index)
        reference, proven = PolicyRef(canonical.version, canonical.digest), self._memory.beside(sequence)
        rollouts, repeated = distinct_rollouts(params, context, reference, rollouts, proven)
        if repeated is not None:
            if not rollouts:
                raise repeated
            self._observer.emit("error", message=f"{len(rollouts)} rollouts committed to: {repeated}")
        self._phase(round_index, "training")
        update_file, metrics = self._train(round_index, canonical, rollouts, seed)
        submission = make_submission(params, context, reference, rollouts, update_file, metrics, proven)
        self._memory.record(sequence, submission.leaves)
        return submission

    def _train(
        self, round_index: int, canonical: CanonicalVersion, rollouts: tuple[Rollout, ...], seed: bytes
    ) -> tuple[bytes, Metrics]:
        weights = to_floats(canonical.state.weights)
        batch = self._batch(round_index, canonical.version, rollouts, seed)
        schedule = schedule_of(self._params, self._spec, round_index)
        committed = {work.round for work in self._ledger.commitments(self._participant.address)}
        state = self._trainer_states.load(committed, weights.size)
        gradient, state, metrics = train_round(
            self._spec.model, weights, batch, self._spec.recipe, schedule, state, self._past
        )
        update, state = quantise(gradient, state, self._versions.max_exponent, self._versions.codec)
        self._trainer_states.save(replace(state, round=round_index))
        told = Metrics(round(metrics.mean_reward * MILLION), round(abs(metrics.loss) * MILLION))
        return self._versions.codec.to_bytes(update, weights.size), told

    def _batch(self, round_index: int, version: int, rollouts: tuple[Rollout, ...], seed: bytes) -> Batch:
        params, spec, environment = self._params, self._spec, self._environment
        assigned = assigned_work(seed, params, range(len(rollouts)), spec.length)
        batch = batch_of(rollouts, assigned, environment, version, params.max_tokens, spec.length)
        if spec.recipe.objective == SFT:
            batch = with_answers(batch, assigned, environment)
        batch, refused = fresh_groups(batch, params, round_index)
        for reason in refused:
            self._observer.emit("error", message=f"not trained on: {reason}")
        return batch

    async def _publish(self, submission: Submission) -> None:
        """Store and announce everything, and wait until others hold it or time runs out."""
        participant, manifest = self._participant, submission.manifest
        for file in (submission.rollouts_file, submission.update_file):
            await asyncio.to_thread(put_file, participant.store, file)
        address = await asyncio.to_thread(participant.store.put, manifest.to_bytes())
        self._replicated.add(manifest.digest)
        await participant.swarm.announce(
            Announcement(AnnouncementKind.SUBMISSION, self._task, manifest.node, manifest.round, address)
        )
        self._phase(manifest.round, "replicating")
        latest = commit_deadline(self._params, manifest.round) - COMMIT_MARGIN_SECONDS
        while await participant.chain.now() < latest:
            if await count_holders(participant.swarm, manifest) >= WANTED_HOLDERS:
                return
            await asyncio.sleep(REPLICATION_POLL_SECONDS)

    @contextlib.asynccontextmanager
    async def _background(self) -> AsyncIterator[None]:
        """Hold what others publish, and show what is demanded of us, as long as the block runs."""
        async with asyncio.TaskGroup() as group:
            loops = (self._follow_gossip(group), self._report(), self._discloser.run(), self._custody.run())
            tasks = [group.create_task(loop) for loop in loops]
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()

    async def _follow_gossip(self, group: asyncio.TaskGroup) -> None:
        async for announcement in self._participant.swarm.announcements():
            if announcement.kind is AnnouncementKind.SUBMISSION and announcement.task == self._task:
                group.create_task(self._replicate(announcement.cid))

    async def _replicate(self, manifest: Cid) -> None:
        """Fetch and keep a submission. A failure costs nothing here: its node finds other holders."""
        if manifest.digest in self._replicated:
            return
        self._replicated.add(manifest.digest)
        try:
            await fetch_submission(
                self._participant.swarm,
                manifest.digest,
                self._params,
                self._versions.max_update_bytes,
                FETCH_SECONDS,
            )
        except NetworkError as error:
            self._replicated.discard(manifest.digest)
            self._observer.emit("error", message=str(error))

    def _share(self, ledger: TaskLedger, now: int) -> Share | None:
        """What we keep of a task: ours, and what else the hub has had us work on."""
        account, held = self._participant.address, {}
        if ledger.task == self._task:
            held = self._versions.digests()
        elif account not in ledger.members:
            return None
        return share_of_node(ledger, now, held, num_whole(ledger.params), account)

    async def _report(self) -> None:
        while True:
            self._participant.report_transfers()
            await asyncio.sleep(1.0)

    def _phase(self, round_index: int, phase: str, progress: int = 0) -> None:
        self._observer.emit("phase", round=round_index, phase=phase, progress=progress, detail="")

    def _report_version(self, version: CanonicalVersion) -> None:
        self._observer.emit("policy", version=version.version, digest="0x" + version.digest.hex())


async def run_node(settings: Settings, observer: Observer, parts: Parts | None = None) -> int:
    """Join the settings' task and work on it to the end; the process's exit code."""
    # Tiny models gain nothing from more threads, and the results must not depend on how many there are.
    torch.set_num_threads(1)
    async with participate(settings, observer) as participant:
        await participant.announce_endpoint()
        ledger = await participant.find_task(settings.task)
        observer.emit(
            "task", task="0x" + ledger.task.hex(), start=ledger.params.start, rounds=ledger.params.rounds
        )
        rule, twin = ledger.params.reward_rule, participant.deployment.sorting_reward
        await require_known_rule(participant.chain, rule, twin)
        spec = await participant.fetch_spec(ledger)
        node = Node(participant, ledger, spec, Path(settings.data_dir), parts or Parts())
        return await node.run()


def _membership(ledger: TaskLedger, account: str) -> Membership | None:
    record = ledger.members.get(account)
    if record is None:
        return None
    challenged = [challenge.sequence for challenge in ledger.pending_challenges(account)]
    return Membership(
        first_round=record.first_round,
        work=tuple(duties.Work(c.sequence, c.round, c.time) for c in ledger.commitments(account)),
        num_paid=record.paid,
        lowest_challenged=min(challenged, default=None),
        exit_requested_at=record.exit_requested_at,
        exited=record.exited,
        slashed=ledger.slashed(account),
    )
