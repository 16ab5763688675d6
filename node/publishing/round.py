"""A round on the chain: order it, wait for rollouts and update, publish, see others hold it, commit.

Everything before the commitment can be done again after a crash and comes out the same; whether the commitment was
sent is asked of the chain, which takes one a round. Where a reorganisation gives the round another beacon, all of it is
made anew: under that one the chain would take what is there for work on problems that it did not assign.
"""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import Callable
from typing import Final

from cupel.node.metrics import MetricsLog, step_facts
from cupel.node.pipeline.rounds import Order
from cupel.node.pipeline.worker import Clock
from cupel.node.pipeline.workshop import Trained, Workshop
from cupel.node.publishing.memory import Memory
from cupel.node.publishing.own import Outdated, OwnWork
from cupel.node.publishing.replication import Replication
from cupel.node.publishing.seams import Seams
from cupel.node.publishing.submission import (
    Draft,
    RepeatedWork,
    Submission,
    distinct_rollouts,
    make_submission,
)
from cupel.node.publishing.waiting import Phase, until_trained
from cupel.node.rollout.worker import num_batches
from cupel.protocol.chain.errors import ContractError
from cupel.protocol.chain.ledger import TaskLedger
from cupel.protocol.model.canonical import CanonicalVersion
from cupel.protocol.model.layout import layout_of
from cupel.protocol.participant import Participant
from cupel.protocol.spans import Origin, note, span, steps
from cupel.protocol.spec import rollout_file
from cupel.protocol.spec.diloco.pace import training_seconds
from cupel.protocol.spec.hashing import sha256
from cupel.protocol.spec.rollout import LeafContext, Metrics, PolicyRef
from cupel.protocol.spec.rounds import commit_deadline
from cupel.protocol.spec.task import MILLION, TaskSpec
from cupel.protocol.spec.updates import codec_of, empty_update

COMMITTED: Final = "committed"
MISSED: Final = "missed"
BEGUN_ANEW: Final = "begun anew"
"""Not an end: the round is to be taken up again."""


class RoundPublisher:
    """Carries rounds through, one at a time."""

    def __init__(
        self,
        participant: Participant,
        ledger: TaskLedger,
        spec: TaskSpec,
        workshop: Workshop,
        memory: Memory,
        replication: Replication,
        metrics: MetricsLog,
        seams: Seams,
    ) -> None:
        self._participant = participant
        self._observer = participant.observer
        self._task = ledger.task
        self._own = OwnWork(participant, ledger.task)
        self._params = ledger.params
        self._spec = spec
        self._workshop = workshop
        self._memory = memory
        self._replication = replication
        self._metrics = metrics
        self._seams = seams
        self._clock = Clock(time.monotonic)
        self._mined_in: dict[int, int] = {}
        """Block of each commitment that this process saw mined, by round."""
        self.attempted = -1
        """Newest round that nothing more is to be done for, or -1."""

    def take_up(self, now: int) -> None:
        """Close the rounds that ended while we were away, by what the chain says of them."""
        committed = self._own.rounds()
        for files in self._workshop.rounds():
            if not files.closed and files.round in committed:
                self._workshop.close(files.round, COMMITTED)
            elif not files.closed and now >= commit_deadline(self._params, files.round):
                self._workshop.close(files.round, MISSED)
        # What was told as committed a reorganisation may have taken while we were away: in time it is sent again.
        done = [
            number
            for number, outcome in self._workshop.outcomes().items()
            if outcome != COMMITTED
            or number in self._mined_in
            or now >= commit_deadline(self._params, number)
        ]
        self.attempted = max([-1, *committed, *done])

    def settled(self) -> int:
        """Newest round that nothing more is to be done for, or -1.

        A commitment that a reorganisation took out of the chain is to be sent again: its transaction is often mined
        again by itself, but nobody promises that.
        """
        block, known = self._mined_in.get(self.attempted), self._participant.known_block
        if block is None or block > known or self.attempted in self._own.rounds():
            return self.attempted
        return self.attempted - 1

    async def work(self, round_index: int, canonical: CanonicalVersion) -> None:
        """Carry a round through, from wherever it was left; or leave it to be taken up again, where a reorganisation
        changed what it was made for."""
        node = self._participant.address
        origin = Origin.of(self._task, node, round_index)
        with span("round", origin, first=True, node=node, round=round_index), steps() as step:
            try:
                await self._work(round_index, canonical, self._phase(round_index, step))
            except Outdated as change:
                self._observer.emit("error", message=f"round {round_index} is worked anew: {change}")
                note(outcome=BEGUN_ANEW)
                self.take_up(await self._participant.chain.now())

    async def _work(self, round_index: int, canonical: CanonicalVersion, phase: Phase) -> None:
        self._workshop.reopen(round_index)
        began, self._clock = time.monotonic(), Clock(time.monotonic)
        until = await self._train_until(round_index)
        order = await asyncio.to_thread(self._ordered, round_index, canonical, until)

        async def still_time() -> bool:
            self._own.require(round_index, order.seed)
            return not await self._is_late(round_index, 1)

        trained = await until_trained(
            self._workshop,
            order,
            num_batches(self._params),
            still_time,
            self._clock,
            phase,
        )
        self._own.require(round_index, order.seed)
        manifest = ""
        if isinstance(trained, str):
            self._observer.emit("error", message=f"round {round_index} has nothing to commit: {trained}")
        else:
            manifest = await self._publish_and_commit(order, trained, phase)
        outcome = COMMITTED if manifest else MISSED
        phase(outcome, 0)
        note(outcome=outcome)
        facts = step_facts(self._workshop, order, outcome, self._clock, time.monotonic() - began, manifest)
        await asyncio.to_thread(self._end, order, outcome, facts)
        # Not before: whatever fails on the way is gone on with from the files, as long as there is time.
        self.attempted = max(self.attempted, round_index)

    async def _publish_and_commit(self, order: Order, trained: Trained, phase: Phase) -> str:
        """Digest of the manifest that was committed; empty if none was. Outdated."""
        try:
            submission = await asyncio.to_thread(self._submission, order, trained)
        except RepeatedWork as error:
            self._observer.emit("error", message=f"round {order.round} has nothing to commit: {error}")
            return ""
        phase("publishing", 0)
        began = time.monotonic()
        await self._replication.publish(submission, phase)
        self._clock.waited["peers"] = time.monotonic() - began
        phase("committing", 0)
        if await self._is_late(order.round, 1):
            return ""
        self._own.require(order.round, order.seed, submission.manifest.sequence)
        began = time.monotonic()
        committed = await self._commit(order, submission)
        self._clock.waited["chain"] = time.monotonic() - began
        return sha256(submission.manifest_file).hex() if committed else ""

    async def _commit(self, order: Order, submission: Submission) -> bool:
        manifest, hub = submission.manifest, self._participant.hub
        call = hub.commit(
            self._task,
            self._own.beacon(manifest.round),
            manifest.sequence,
            manifest.round,
            submission.root,
            sha256(submission.manifest_file),
            submission.units,
        )
        try:
            receipt = await self._participant.send("commit", call)
            self._mined_in[manifest.round] = receipt.block_number
        except ContractError as error:
            # The transaction of a predecessor that was killed may have been faster than ours, which says the same.
            await self._participant.refresh()
            if manifest.round not in self._own.rounds():
                self._own.require(order.round, order.seed, manifest.sequence)
                self._observer.emit("error", message=f"round {manifest.round} not committed: {error}")
                return False
        self._observer.emit(
            "committed",
            round=manifest.round,
            sequence=manifest.sequence,
            units=manifest.units,
            reward_millionths=manifest.metrics.reward_millionths,
            loss_millionths=manifest.metrics.loss_millionths,
            manifest="0x" + manifest.digest.hex(),
        )
        return True

    async def _train_until(self, round_index: int) -> int:
        """See `Order`; 0 where every node does all the steps."""
        if not self._spec.recipe.least_inner_steps:
            return 0
        left = commit_deadline(self._params, round_index) - await self._participant.chain.now()
        return int(time.time() + training_seconds(left, self._params.commit_seconds))

    def _ordered(self, round_index: int, canonical: CanonicalVersion, train_until: int = 0) -> Order:
        """The round's order: the one that is there, if it is for the seed of now, or one for this version. Outdated."""
        found = self._workshop.order(round_index)
        seed, version = self._own.seed(round_index), canonical.version
        if found is not None and found.seed == seed:
            return found
        # A round that was not committed, or not whole, taught the others nothing: training goes on from before it.
        whole = self._own.rounds(self._params.units_per_round)
        outcomes = self._workshop.outcomes().items()
        done = [number for number, outcome in outcomes if outcome == COMMITTED and number in whole]
        after = max([number for number in done if number < round_index], default=round_index)
        order = Order(round_index, seed, version, canonical.digest, version, after, train_until)
        self._workshop.save_version(version, canonical.manifest.to_bytes(), canonical.file)
        self._workshop.place(order)
        return order

    def _submission(self, order: Order, trained: Trained) -> Submission:
        """RepeatedWork if no rollout may be committed to."""
        participant, params = self._participant, self._params
        file = self._workshop.rollouts(order)
        assert file is not None, "what was trained on is sealed"
        rollouts = rollout_file.decode(file, params)
        account = participant.address
        sequence = self._own.sequence()
        context = LeafContext(
            participant.chain.chain_id, participant.hub.address, self._task, account, sequence, order.round
        )
        reference, proven = PolicyRef(order.sampler, order.sampler_digest), self._memory.beside(sequence)
        rollouts, repeated = distinct_rollouts(params, context, reference, rollouts, proven)
        if repeated is not None:
            if not rollouts:
                raise repeated
            self._observer.emit("error", message=f"{len(rollouts)} rollouts committed to: {repeated}")
            # Nobody could come to an update from rollouts that nobody else has.
            trained = dataclasses.replace(trained, update=self._empty_update(), inner_steps=0)
        facts = self._workshop.reported(order, "trainer")
        for remark in facts.get("notes", ()):
            self._observer.emit("error", message=str(remark))
        told = Metrics(
            round(facts.get("mean_reward", 0.0) * MILLION), round(abs(facts.get("loss", 0.0)) * MILLION)
        )
        submission = make_submission(
            params, context, reference, rollouts, trained.update, told, proven, trained.inner_steps
        )
        self._memory.record(sequence, submission.leaves)
        self._workshop.save_manifest(order, submission.manifest.to_bytes())
        if self._seams.submit is None:
            return submission
        version, task = self._workshop.version(order.sampler), self._workshop.task()
        assert version is not None, "what was sampled with is here"
        assert task is not None, "the task is saved before it is announced"
        draft = Draft(
            params,
            task.spec,
            context,
            reference,
            version[1],
            order.seed,
            rollouts,
            trained.update,
            told,
            trained.inner_steps,
        )
        return self._seams.submit(draft, submission)

    def _empty_update(self) -> bytes:
        size = layout_of(self._spec.model).num_parameters
        return codec_of(self._spec).to_bytes(empty_update(self._spec, size), size)

    def _end(self, order: Order, outcome: str, facts: dict[str, object]) -> None:
        self._metrics.write(facts)
        self._workshop.close(order.round, outcome)
        spared = 0 if self._spec.recipe.needs_genesis else -1
        self._workshop.sweep(order.sampler - self._params.max_staleness, spared)

    async def _is_late(self, round_index: int, margin_seconds: int) -> bool:
        deadline = commit_deadline(self._params, round_index)
        return await self._participant.chain.now() >= deadline - margin_seconds

    def _phase(self, round_index: int, step: Callable[[str], None]) -> Phase:
        def tell(phase: str, progress: int) -> None:
            step("" if phase in (COMMITTED, MISSED) else phase)
            self._observer.emit("phase", round=round_index, phase=phase, progress=progress, detail="")

        return tell
