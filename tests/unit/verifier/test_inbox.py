"""The inbox: from an event to a verdict, and nothing that fails on our side is held against a node."""

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from eth_account import Account

from cupel.protocol.attesting import attester
from cupel.protocol.chain.bindings import hub
from cupel.protocol.chain.bindings.structs import Challenge
from cupel.protocol.chain.contract import Logged
from cupel.protocol.chain.ledger import ChallengeRecord, TaskLedger
from cupel.protocol.environments.process import EnvironmentFailed
from cupel.protocol.model.canonical import CanonicalVersion, make_version
from cupel.protocol.model.checkpoint import genesis, to_floats
from cupel.protocol.model.generate import generate
from cupel.protocol.model.layout import layout_of
from cupel.protocol.model.quantise import quantised
from cupel.protocol.model.weights import flatten, policy_of
from cupel.protocol.network import Announcement, AnnouncementKind, BlockUnavailable
from cupel.protocol.spans import Origin
from cupel.protocol.spec.attestation import Attestation, statement
from cupel.protocol.spec.demand import DataDemand, Part, answer
from cupel.protocol.spec.errors import Reason
from cupel.protocol.spec.fraud import ObjectiveKind, kind_of
from cupel.protocol.spec.pieces import num_pieces
from cupel.protocol.spec.recipe import SFT
from cupel.protocol.spec.replay import ReplayRule
from cupel.protocol.spec.rollout import PolicyRef, Rollout
from cupel.protocol.spec.sampling import gumbel_noise
from cupel.protocol.spec.shardcast.cid import Cid
from cupel.protocol.spec.shardcast.unixfs import file_dag
from cupel.protocol.spec.task import Pooling
from cupel.protocol.spec.toploc import build_proofs_batch, pooled
from cupel.protocol.spec.toploc.pooled import SURE_FACTOR, Pool
from cupel.protocol.spec.updates import codec_of, max_exponent_of
from cupel.protocol.testing.recorded_spans import recorded_spans
from cupel.protocol.testing.waiting import eventually
from cupel.protocol.training.round import train
from cupel.protocol.training.state import fresh_state
from cupel.verifier import auditor as auditor_module
from cupel.verifier import inspection
from cupel.verifier.auditor import Auditor
from cupel.verifier.budget import Budget
from cupel.verifier.checks import CHEAP_NAMES, CHECK_NAMES, distribution
from cupel.verifier.checks.base import FetchedSubmission
from cupel.verifier.dispute.demands import DEFAULT_WHOLE_PIECES, SAMPLED_PIECES
from cupel.verifier.evidence import EvidenceDocument, Judges, JuryEvidence
from cupel.verifier.exhibit import Exhibit
from cupel.verifier.inbox import Inbox
from cupel.verifier.journal import Journal
from cupel.verifier.options import Options
from cupel.verifier.retraining import round_work
from cupel.verifier.watch import Watch

ACCOUNT = Account.from_key("0x" + "01" * 32)
ME, OBJECTIVE, JURY = ("0x" + digit * 20 for digit in ("0a", "0b", "0c"))


@dataclass
class Peers:
    """A swarm and a store in memory."""

    files: dict[Cid, bytes] = field(default_factory=dict)
    announced: list[Announcement] = field(default_factory=list)
    pinned: set[Cid] = field(default_factory=set)
    patience: list[float] = field(default_factory=list)

    def serve(self, submission: FetchedSubmission) -> None:
        for file in (submission.manifest_file, submission.rollouts_file, submission.update_file):
            assert isinstance(file, bytes)
            self.files[file_dag(file)[0]] = file

    async def fetch_block(self, cid: Cid, deadline_seconds: float, max_bytes: int) -> bytes:
        self.patience.append(deadline_seconds)
        if cid not in self.files:
            raise BlockUnavailable(cid, deadline_seconds, 0)
        return self.files[cid]

    async def fetch_file(self, root: Cid, max_bytes: int, deadline_seconds: float) -> bytes:
        return await self.fetch_block(root, deadline_seconds, max_bytes)

    async def missing_spans(self, root: Cid, max_bytes: int, deadline_seconds: float) -> None:
        return None  # it serves a file or nothing of it

    async def announce(self, announcement: Announcement) -> None:
        self.announced.append(announcement)

    def put(self, block: bytes) -> Cid:
        cid = Cid.raw_of(block)
        self.files[cid] = block
        return cid

    def pin(self, cid: Cid) -> None:
        assert cid in self.files
        self.pinned.add(cid)


@dataclass
class Held:
    """The canonical versions we hold."""

    versions: dict[int, CanonicalVersion]
    max_update_bytes: int = 1 << 20
    max_checkpoint_bytes: int = 1 << 20
    false_updates: set[bytes] = field(default_factory=set)

    def get(self, version: int) -> CanonicalVersion | None:
        return self.versions.get(version)

    def proven_digest(self, version: int) -> bytes | None:
        held = self.versions.get(version)
        return None if held is None else held.digest


@dataclass
class Recorder:
    """Remembers events; stands in for the screen."""

    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def emit(self, event: str, **fields: Any) -> None:
        self.events.append((event, fields))


@dataclass
class Desk:
    """An inbox with everything around it."""

    world: Any
    inbox: Inbox
    peers: Peers
    held: Held
    journal: Journal
    ledger: TaskLedger
    events: list[tuple[str, dict[str, Any]]]

    def commit(self, submission: FetchedSubmission) -> None:
        """The chain tells of a commitment."""
        work = submission.work
        event = hub.Committed(
            self.ledger.task,
            work.node,
            work.round,
            work.sequence,
            work.root,
            work.manifest,
            work.units,
            work.time,
        )
        self.ledger.apply(event)
        self.inbox.notice(Logged(event, "", 1, b"\1" * 32, b"", 0), self.ledger)

    def told(self, name: str) -> list[dict[str, Any]]:
        return [fields for event, fields in self.events if event == name]

    async def settled(self) -> None:
        """Until every task of the inbox has ended."""
        await eventually(lambda: all(task.done() for task in self.inbox._tasks.values()), 60)


@pytest.fixture(scope="module")
def canonical(world: Any) -> tuple[Any, CanonicalVersion]:
    """A world whose policy is canonical version 4, rounding included."""
    shape = world.rules.spec.model
    layout = layout_of(shape)
    version = make_version(4, b"\3" * 32, genesis(flatten(world.policy, layout)), layout)
    reference = PolicyRef(4, version.digest)
    return dataclasses.replace(world, policy=policy_of(shape, version.state), reference=reference), version


@pytest.fixture
def run(
    canonical: tuple[Any, CanonicalVersion], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Callable[[Desk], Awaitable[None]]], None]:
    """Runs a scenario at a desk; waiting costs no time."""
    world, version = canonical
    monkeypatch.setattr(inspection, "POLL_SECONDS", 0)

    async def scene(scenario: Callable[[Desk], Awaitable[None]]) -> None:
        peers, held = Peers(), Held({4: version})
        ledger = TaskLedger(world.rules.task, world.rules.params)
        ledger.beacons[world.round] = world.beacon
        journal = Journal(tmp_path, ledger.task)
        recorder = Recorder()
        participant: Any = SimpleNamespace(
            address=ME,
            observer=recorder,
            swarm=peers,
            store=peers,
            chain=SimpleNamespace(account=ACCOUNT, chain_id=world.rules.chain_id),
            hub=SimpleNamespace(address=world.rules.hub),
        )
        auditor = Auditor(world.rules, peers, held)  # type: ignore[arg-type]
        inbox = Inbox(participant, auditor, journal, Judges(OBJECTIVE, JURY), Options(4), tmp_path)
        inbox.now = 1115
        await scenario(Desk(world, inbox, peers, held, journal, ledger, recorder.events))
        await inbox.close()

    return lambda scenario: asyncio.run(scene(scenario))


Run = Callable[[Callable[[Desk], Awaitable[None]]], None]


def test_honest_work_passes_every_check_and_is_remembered(run: Run) -> None:
    async def scenario(desk: Desk) -> None:
        submission = desk.world.submission()
        desk.peers.serve(submission)
        desk.commit(submission)
        await desk.settled()
        verdicts = [(verdict["check"], verdict["passed"]) for verdict in desk.told("verdict")]
        assert verdicts == [(name, True) for name in CHECK_NAMES]
        assert desk.told("checking") == [{"node": submission.work.node, "round": 5}]
        assert (desk.inbox.findings, desk.inbox.accusations, desk.told("error")) == ({}, {}, [])
        assert desk.journal.has_passed(submission.work.root)

    run(scenario)


def test_an_audit_is_told_in_the_trace_of_its_commitment(run: Run) -> None:
    async def scenario(desk: Desk) -> None:
        submission = desk.world.submission()
        desk.peers.serve(submission)
        desk.commit(submission)
        await desk.settled()
        node = submission.work.node
        assert {one.origin for one in told.spans} == {Origin.of(desk.ledger.task, node, 5)}
        audit, fetch, examination = told.spans[:3]
        assert (audit.path, fetch.path, examination.path) == ("audit", "audit/fetch", "audit/examine")
        assert audit.attributes == {"node": node, "round": 5, "finding": ""}
        assert {"audit/recheck", "audit/recheck/recompute", "audit/recheck/check"} <= set(told.paths())
        checks = [one.attributes for one in told.named("check")]
        assert list(dict.fromkeys(one["check"] for one in checks)) == list(CHECK_NAMES)
        assert {one["finding"] for one in checks} == {""}
        assert all(one.ended and not one.error for one in told.spans)

    with recorded_spans() as told:
        run(scenario)


def test_the_check_that_finds_a_lie_is_told(run: Run) -> None:
    async def scenario(desk: Desk) -> None:
        submission = desk.world.submission(desk.world.changed(2, reward=1_000_000))
        desk.peers.serve(submission)
        desk.commit(submission)
        await desk.settled()
        assert told.spans[0].attributes["finding"] == "wrong-reward"
        assert told.named("check")[-1].attributes == {"check": "reward", "finding": "wrong-reward"}

    with recorded_spans() as told:
        run(scenario)


def test_without_means_only_the_cheap_checks_run(run: Run) -> None:
    async def scenario(desk: Desk) -> None:
        desk.inbox._auditor.budget = Budget(1e-9)
        submission = desk.world.submission()
        desk.peers.serve(submission)
        desk.commit(submission)
        await desk.settled()
        assert [verdict["check"] for verdict in desk.told("verdict")] == list(CHEAP_NAMES)
        assert desk.inbox._auditor.budget.skipped == 1

    run(scenario)


def test_what_passed_before_a_restart_is_not_checked_again(run: Run) -> None:
    async def scenario(desk: Desk) -> None:
        submission = desk.world.submission()
        desk.journal.record_pass(submission.work.root, submission.work.node, Pool())
        desk.commit(submission)
        await desk.settled()
        assert desk.events == []

    run(scenario)


def test_a_lie_becomes_an_accusation_and_public_evidence(run: Run) -> None:
    async def scenario(desk: Desk) -> None:
        submission = desk.world.submission(desk.world.changed(2, reward=1_000_000))
        desk.peers.serve(submission)
        desk.commit(submission)
        await desk.settled()
        *passed, failed = desk.told("verdict")
        assert [verdict["check"] for verdict in passed] == ["integrity", "termination", "assignment"]
        assert (failed["check"], failed["passed"], failed["reason"]) == ("reward", False, "wrong-reward")
        assert (failed["observed"], failed["allowed"]) == ("1000000", "0")
        accusation = desk.inbox.accusations[submission.work.node, 3]
        assert (accusation.judge, accusation.reason) == (OBJECTIVE, Reason.WRONG_REWARD)
        (announcement,) = desk.peers.announced
        assert desk.peers.pinned == {announcement.cid}
        document = EvidenceDocument.from_bytes(desk.peers.files[announcement.cid])
        assert (document.node, document.rollout, document.accuser) == (submission.work.node, 2, ME)
        assert not desk.journal.has_passed(submission.work.root)
        (told,) = desk.told("evidence")
        exhibit = Exhibit.from_bytes(await asyncio.to_thread(Path(told["path"]).read_bytes))
        assert exhibit.document == document
        assert {"rollouts", "update", "version", "checkpoint"} <= set(exhibit.parts)

    run(scenario)


@pytest.mark.parametrize("restarted", [False, True])
def test_work_of_an_earlier_round_counted_again_is_an_accusation(run: Run, restarted: bool) -> None:
    """Found beside what was checked before, also if that was before a restart."""

    async def scenario(desk: Desk) -> None:
        before = dataclasses.replace(desk.world, round=4, sequence=2)
        desk.ledger.beacons[4] = before.beacon
        earlier, copied = before.submission(), before.rollouts[6]
        changes = {"proofs": copied.proofs, "tokens": copied.tokens, "reward": 0}
        lie = desk.world.submission(desk.world.changed(1, **changes))
        if restarted:
            desk.journal.record_pass(earlier.work.root, earlier.work.node, Pool())
        for submission in (earlier, lie):
            desk.peers.serve(submission)
            desk.commit(submission)
            await desk.settled()
        assert list(desk.inbox.accusations) == [(lie.work.node, 3)]
        accusation = desk.inbox.accusations[lie.work.node, 3]
        assert (accusation.judge, accusation.reason) == (OBJECTIVE, Reason.TOPLOC_REPEATED)
        assert kind_of(accusation.evidence) is ObjectiveKind.REPEATED_PROOF

    run(scenario)


def test_another_policy_goes_to_the_jury(run: Run, stale_rollouts: Any) -> None:
    async def scenario(desk: Desk) -> None:
        submission = desk.world.submission(stale_rollouts)
        desk.peers.serve(submission)
        desk.commit(submission)
        await desk.settled()
        accusation = desk.inbox.accusations[submission.work.node, 3]
        assert (accusation.judge, accusation.reason) == (JURY, Reason.TOPLOC_EXPONENT)

    run(scenario)


def test_files_nobody_serves_are_asked_for_again_and_prove_nothing(run: Run) -> None:
    async def scenario(desk: Desk) -> None:
        submission = desk.world.submission()
        desk.commit(submission)
        for _ in range(20):
            await asyncio.sleep(0)
        assert desk.told("verdict") == []
        desk.peers.serve(submission)
        await eventually(lambda: bool(desk.told("verdict")), 60)
        assert desk.inbox.findings == {}

    run(scenario)


def test_what_cannot_be_checked_in_time_is_an_error_of_ours(run: Run) -> None:
    async def scenario(desk: Desk) -> None:
        submission = desk.world.submission()
        desk.commit(submission)
        await asyncio.sleep(0)
        desk.inbox.now = submission.work.time + desk.world.rules.params.challenge_window
        await desk.settled()
        (error,) = desk.told("error")
        assert "was not checked in time" in error["message"]
        assert (desk.told("verdict"), desk.inbox.findings) == ([], {})

    run(scenario)


def test_what_nobody_serves_for_long_is_demanded(run: Run) -> None:
    async def scenario(desk: Desk) -> None:
        submission = desk.world.submission()
        node = submission.work.node
        desk.inbox.answer_seconds = 20
        desk.commit(submission)
        # A quarter of the window of 40 s, which began at 1110.
        desk.inbox.now = 1119
        await turns()
        assert desk.inbox.wanted == {}
        # An attempt that outlived the second that is left would put the demand off.
        await eventually(lambda: bool(desk.peers.patience))
        assert max(desk.peers.patience) <= 1
        desk.inbox.now = 1120
        await eventually(lambda: bool(desk.inbox.wanted), 60)
        wanted = desk.inbox.wanted[node, submission.work.sequence]
        assert {part.commitment for part in wanted} == {submission.commitment}
        rollouts = [
            part.demand for part in wanted if part.demand.part in (Part.LEAF, Part.TOKENS, Part.PROOF)
        ]
        assert len({demand.index for demand in rollouts}) == 2
        assert {part.demand.part for part in wanted} == set(Part) - {Part.CHECKPOINT}
        assert desk.told("withheld") == [{"node": node, "round": 5, "demands": len(wanted)}]
        # Files that come late are checked all the same.
        desk.peers.serve(submission)
        await eventually(lambda: bool(desk.told("verdict")), 60)
        assert desk.inbox.findings == {}

    run(scenario)


def test_an_update_that_alone_is_withheld_is_demanded(run: Run) -> None:
    async def scenario(desk: Desk) -> None:
        submission = desk.world.submission()
        desk.inbox.answer_seconds = 20
        desk.peers.serve(submission)
        del desk.peers.files[Cid.parse(submission.manifest.update.cid)]
        desk.commit(submission)
        desk.inbox.now = 1120
        await eventually(lambda: bool(desk.inbox.wanted), 60)
        wanted = desk.inbox.wanted[submission.work.node, submission.work.sequence]
        assert {part.demand.part for part in wanted} == {Part.UPDATE}
        assert len(wanted) == num_pieces(submission.manifest.update.size) <= DEFAULT_WHOLE_PIECES

    run(scenario)


@pytest.mark.parametrize("fault", ["withheld", "computed", "served", "no judge"])
def test_a_posted_version_nobody_can_have_is_demanded(run: Run, fault: str) -> None:
    async def scenario(desk: Desk) -> None:
        node, version = desk.world.node, desk.held.versions[4]
        if fault != "computed":
            desk.held.versions = {}
        if fault == "served":
            for file in (version.manifest.to_bytes(), version.file):
                desk.peers.files[file_dag(file)[0]] = file
        desk.inbox.answer_seconds = None if fault == "no judge" else 20
        event = hub.CheckpointPosted(desk.ledger.task, 4, node, 6, version.digest, 1110)
        desk.ledger.apply(event)
        desk.inbox.notice(Logged(event, "", 1, b"\1" * 32, b"", 0), desk.ledger)
        desk.inbox.now = 1120
        await eventually(lambda: fault != "withheld" or bool(desk.inbox.wanted), 60)
        await turns()
        if fault != "withheld":
            assert desk.inbox.wanted == {}
            return
        manifest, *pieces = desk.inbox.wanted[node, 6]
        assert manifest.demand == DataDemand(Part.MANIFEST)
        assert {piece.demand.part for piece in pieces} == {Part.CHECKPOINT}
        assert manifest.commitment == desk.ledger.commitments(node)[-1]
        assert desk.told("withheld") == [{"node": node, "round": 4, "demands": 1 + SAMPLED_PIECES}]

    run(scenario)


def test_without_a_judge_nothing_is_demanded(run: Run) -> None:
    async def scenario(desk: Desk) -> None:
        desk.commit(desk.world.submission())
        desk.inbox.now = 1149
        await turns()
        assert desk.inbox.wanted == {}

    run(scenario)


def test_what_a_node_had_to_show_can_accuse_it(run: Run) -> None:
    async def scenario(desk: Desk) -> None:
        submission = desk.world.submission(desk.world.changed(5, seed=bytes(32)))
        work, leaf = submission.work, DataDemand(Part.LEAF, 5)
        assert isinstance(submission.rollouts_file, bytes)
        desk.commit(submission)
        await turns()
        given = answer(
            leaf,
            submission.manifest_file,
            submission.rollouts_file,
            desk.world.rules.params,
            submission.context,
        )
        desk.inbox.consider((work.node, work.sequence), {}, desk.ledger)
        assert desk.inbox.accusations == {}
        desk.inbox.consider((work.node, work.sequence), {leaf: given}, desk.ledger)
        accusation = desk.inbox.accusations[work.node, work.sequence]
        assert (accusation.judge, accusation.reason) == (OBJECTIVE, Reason.WRONG_SEED)
        assert accusation.commitment == submission.commitment

    run(scenario)


async def turns() -> None:
    """Let the inbox's tasks run for a while."""
    for _ in range(20):
        await asyncio.sleep(0)


def test_an_environment_that_fails_leaves_the_policy_to_be_checked(
    run: Run, stale_rollouts: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(auditor: Auditor, submission: FetchedSubmission) -> None:
        raise EnvironmentFailed("it gave no answer within 20 s")

    async def scenario(desk: Desk) -> None:
        monkeypatch.setattr(Auditor, "examine", fails)
        submission = desk.world.submission(stale_rollouts)
        desk.peers.serve(submission)
        desk.commit(submission)
        await desk.settled()
        assert "were not judged: it gave no answer" in str(desk.told("error"))
        accusation = desk.inbox.accusations[submission.work.node, 3]
        assert (accusation.judge, accusation.reason) == (JURY, Reason.TOPLOC_EXPONENT)
        assert "reward" not in {verdict["check"] for verdict in desk.told("verdict")}

    run(scenario)


def test_a_commitment_whose_window_is_over_is_left_alone(run: Run) -> None:
    async def scenario(desk: Desk) -> None:
        submission = desk.world.submission()
        desk.inbox.now = submission.work.time + desk.world.rules.params.challenge_window
        desk.commit(submission)
        assert desk.inbox._tasks == {}

    run(scenario)


def test_without_the_policy_cheap_lies_are_found_and_the_rest_waits(run: Run) -> None:
    async def scenario(desk: Desk) -> None:
        versions, desk.held.versions = desk.held.versions, {}
        honest = desk.world.submission()
        lying = desk.world.submission(desk.world.changed(2, reward=1_000_000), time=1111)
        for submission in (honest, lying):
            desk.peers.serve(submission)
            desk.commit(submission)
        await eventually(lambda: bool(desk.inbox.accusations), 60)
        assert not desk.journal.has_passed(honest.work.root)
        desk.held.versions = versions
        await desk.settled()
        assert desk.journal.has_passed(honest.work.root)

    run(scenario)


def test_a_bug_of_ours_is_no_finding_and_stops_nothing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(submission: FetchedSubmission) -> None:
        raise ZeroDivisionError("oops")

    async def scenario(desk: Desk) -> None:
        submission = desk.world.submission()
        desk.peers.serve(submission)
        with monkeypatch.context() as patch:
            patch.setattr(auditor_module, "examine", broken)
            desk.commit(submission)
            await desk.settled()
        (error,) = desk.told("error")
        assert error["message"] == "a check failed: ZeroDivisionError: oops"
        assert (desk.inbox.findings, desk.told("verdict")) == ({}, [])
        other = desk.world.submission(time=1111)
        desk.commit(other)
        await desk.settled()
        assert desk.journal.has_passed(other.work.root)

    run(scenario)


def record_of(node: str, sequence: int, evidence: bytes) -> ChallengeRecord:
    accused = Challenge(bytes(32), node, sequence, JURY, OBJECTIVE, JURY, 100, 5, 2000, bytes(32))
    return ChallengeRecord(9, accused, evidence, 1112)


def challenge(submission: FetchedSubmission, evidence: bytes) -> ChallengeRecord:
    work = submission.work
    return record_of(work.node, work.sequence, evidence)


@pytest.mark.parametrize("reason", ["toploc-exponent", "token-distribution"])
@pytest.mark.parametrize("rollout", [3, None, 2**32 - 2])
def test_a_juror_acquits_honest_work_whatever_it_is_accused_of(
    run: Run, rollout: int | None, reason: str
) -> None:
    evidence = JuryEvidence(rollout, reason, bytes(32)).to_bytes()

    async def scenario(desk: Desk) -> None:
        submission = desk.world.submission()
        desk.peers.serve(submission)
        desk.ledger.work[submission.work.node, 3] = submission.work
        desk.inbox.judge(challenge(submission, evidence), desk.ledger, 1130)
        await desk.settled()
        assert desk.inbox.verdicts == {9: False}

    run(scenario)


def test_a_juror_acquits_when_the_evidence_is_noise(run: Run) -> None:
    async def scenario(desk: Desk) -> None:
        submission = desk.world.submission()
        desk.peers.serve(submission)
        desk.ledger.work[submission.work.node, 3] = submission.work
        desk.inbox.judge(challenge(submission, b"\xff" * 40), desk.ledger, 1130)
        await desk.settled()
        assert desk.inbox.verdicts == {9: False}

    run(scenario)


def test_a_juror_whose_environment_fails_convicts_on_the_rest_and_does_not_acquit(
    run: Run, stale_rollouts: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(auditor: Auditor, submission: FetchedSubmission) -> None:
        raise EnvironmentFailed("it gave no answer within 20 s")

    async def scenario(desk: Desk) -> None:
        monkeypatch.setattr(Auditor, "examine", fails)
        submission = desk.world.submission([*desk.world.rollouts[:7], stale_rollouts[7]])
        desk.peers.serve(submission)
        desk.ledger.work[submission.work.node, 3] = submission.work
        desk.inbox.now = 1130
        for index in (6, 7):
            evidence = JuryEvidence(index, "toploc-exponent", bytes(32)).to_bytes()
            record = dataclasses.replace(challenge(submission, evidence), challenge_id=index)
            desk.inbox.judge(record, desk.ledger, 1130)
            await desk.settled()
        assert desk.inbox.verdicts == {7: True}

    run(scenario)


def test_a_juror_recomputes_the_rollout_it_is_shown(run: Run, stale_rollouts: Any) -> None:
    """One rollout of another policy among honest ones: the accused index tells the juror where to look."""

    async def scenario(desk: Desk) -> None:
        submission = desk.world.submission([*desk.world.rollouts[:7], stale_rollouts[7]])
        desk.peers.serve(submission)
        desk.ledger.work[submission.work.node, 3] = submission.work
        for index, guilty in ((6, False), (7, True)):
            evidence = JuryEvidence(index, "toploc-exponent", bytes(32)).to_bytes()
            record = dataclasses.replace(challenge(submission, evidence), challenge_id=index)
            desk.inbox.judge(record, desk.ledger, 1130)
            await desk.settled()
            assert desk.inbox.verdicts[index] is guilty

    run(scenario)


def written(world: Any, noise: Any) -> list[Rollout]:
    """The honest policy's text under this noise, [N, T, V], with honest proofs and rewards."""
    environment, params = world.rules.environment, world.rules.params
    prompts = np.array([environment.prompt(rollout.problem) for rollout in world.rollouts])
    made = generate(world.policy, prompts, noise, environment.end_token, 1.0)
    proofs = build_proofs_batch(made.hidden, made.lengths, params.chunk_tokens, params.topk)
    texts = [tuple(row[:length].tolist()) for row, length in zip(made.tokens, made.lengths, strict=True)]
    return [
        Rollout(rollout.problem, rollout.seed, text, environment.reward(rollout.problem, text), tuple(proof))
        for rollout, text, proof in zip(world.rollouts, texts, proofs, strict=True)
    ]


def tolerant(desk: Desk) -> None:
    """Let every token of whatever the desk sees pass the seeded check."""
    rules = desk.world.rules
    sampling = dataclasses.replace(rules.spec.sampling, tolerance_millionths=10**9)
    desk.inbox._auditor.rules = dataclasses.replace(
        rules, spec=dataclasses.replace(rules.spec, sampling=sampling)
    )


def with_rules(desk: Desk, submission: FetchedSubmission) -> FetchedSubmission:
    """The submission as the desk would fetch it."""
    return dataclasses.replace(submission, rules=desk.inbox._auditor.rules)


def test_a_charge_about_all_rollouts_is_judged_by_all(run: Run) -> None:
    """Where the tolerance lets every token pass, auditor and juror come to the same charge, of the same rollouts."""

    async def scenario(desk: Desk) -> None:
        tolerant(desk)
        silence = np.zeros((len(desk.world.rollouts), desk.world.rules.params.max_tokens, 64))
        submission = desk.world.submission(written(desk.world, silence))
        desk.peers.serve(submission)
        desk.ledger.work[submission.work.node, 3] = submission.work
        for number, rollout, guilty in ((1, 0, False), (2, None, True)):
            evidence = JuryEvidence(rollout, "token-distribution", bytes(32)).to_bytes()
            record = dataclasses.replace(challenge(submission, evidence), challenge_id=number)
            desk.inbox.judge(record, desk.ledger, 1130)
            await desk.settled()
            assert desk.inbox.verdicts[number] is guilty
        desk.commit(submission)
        await desk.settled()
        accusation = desk.inbox.accusations[submission.work.node, 3]
        assert (accusation.judge, accusation.reason) == (JURY, Reason.TOKEN_DISTRIBUTION)
        assert JuryEvidence.from_bytes(accusation.evidence).rollout is None

    run(scenario)


def test_the_odds_of_one_rollout_that_an_accuser_picked_convict_nobody(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A greedy rollout is beyond the limit alone, and not among all: the bound is about all."""
    # Nine tokens cannot show more.
    monkeypatch.setattr(distribution, "LIMIT_BITS", 20)

    async def scenario(desk: Desk) -> None:
        tolerant(desk)
        world = desk.world
        max_tokens = world.rules.params.max_tokens
        noise = np.stack([gumbel_noise(one.seed, max_tokens, 64) for one in world.rollouts])
        noise[0] = 0
        submission = world.submission(written(world, noise))
        alone = (await desk.inbox._auditor.recheck(with_rules(desk, submission), (0,))).finding
        assert alone is not None
        assert (alone.reason, alone.rollout) == (Reason.TOKEN_DISTRIBUTION, None)
        desk.peers.serve(submission)
        desk.ledger.work[submission.work.node, 3] = submission.work
        evidence = JuryEvidence(0, "token-distribution", bytes(32)).to_bytes()
        desk.inbox.judge(challenge(submission, evidence), desk.ledger, 1130)
        await desk.settled()
        assert desk.inbox.verdicts == {9: False}

    run(scenario)


def watchful(desk: Desk, limit: int) -> None:
    """Let the desk judge the mean of a few chunks by this limit."""
    rules = desk.inbox._auditor.rules
    pooling = Pooling(limit)
    desk.inbox._auditor.rules = dataclasses.replace(
        rules, spec=dataclasses.replace(rules.spec, pooling=pooling)
    )
    desk.inbox._watch = Watch(desk.journal, pooling, desk.inbox._observer, 8)


async def pool_seen(desk: Desk, submission: FetchedSubmission) -> Pool:
    every = range(submission.work.units)
    return (await desk.inbox._auditor.recheck(with_rules(desk, submission), every)).pool


def test_an_error_of_the_mean_goes_to_the_jury_where_every_juror_must_see_it(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pooled, "POOLED_CHUNKS", 16)

    async def scenario(desk: Desk) -> None:
        submission = desk.world.submission(desk.world.roll_out(quantised(desk.world.policy, 18)))
        desk.peers.serve(submission)
        seen = (await pool_seen(desk, submission)).mean_millionths
        watchful(desk, seen // SURE_FACTOR - 1)
        desk.commit(submission)
        await desk.settled()
        accusation = desk.inbox.accusations[submission.work.node, 3]
        assert (accusation.judge, accusation.reason) == (JURY, Reason.TOPLOC_POOLED)
        assert desk.told("suspected") == []
        desk.inbox.findings.clear()
        desk.inbox.judge(challenge(submission, accusation.evidence), desk.ledger, 1130)
        await desk.settled()
        assert desk.inbox.verdicts == {9: True}, "a juror recomputes all and comes to the same"

    run(scenario)


def test_an_error_of_the_mean_near_the_limit_is_a_suspicion_and_no_challenge(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pooled, "POOLED_CHUNKS", 16)

    async def scenario(desk: Desk) -> None:
        submission = desk.world.submission(desk.world.roll_out(quantised(desk.world.policy, 18)))
        node = submission.work.node
        desk.peers.serve(submission)
        seen = await pool_seen(desk, submission)
        limit = seen.mean_millionths - 1
        watchful(desk, limit)
        desk.commit(submission)
        await desk.settled()
        assert (desk.inbox.accusations, desk.peers.announced, desk.told("error")) == ({}, [], [])
        *_, last = desk.told("verdict")
        assert (last["check"], last["passed"], last["reason"]) == ("pooled", False, "toploc-pooled")
        fields = {"chunks": seen.chunks, "observed": seen.mean_millionths, "allowed": limit}
        assert desk.told("suspected") == [{"node": node, **fields}]
        assert (desk.journal.suspects, desk.journal.pools) == ({node}, {node: seen})
        assert desk.journal.has_passed(submission.work.root)

    run(scenario)


def test_every_rollout_of_a_suspect_is_recomputed(run: Run) -> None:
    async def scenario(desk: Desk) -> None:
        submission = desk.world.submission()
        desk.peers.serve(submission)
        desk.journal.record_pass(bytes(32), submission.work.node, Pool(), is_suspect=True)
        desk.commit(submission)
        await desk.settled()
        chunks = sum(len(rollout.proofs) for rollout in desk.world.rollouts)
        assert desk.journal.pools[submission.work.node].chunks == chunks

    run(scenario)


def test_a_juror_without_the_files_has_no_verdict(run: Run) -> None:
    async def scenario(desk: Desk) -> None:
        submission = desk.world.submission()
        desk.ledger.work[submission.work.node, 3] = submission.work
        desk.inbox.judge(challenge(submission, b""), desk.ledger, 1130)
        await asyncio.sleep(0)
        desk.inbox.now = 1130
        await desk.settled()
        assert desk.inbox.verdicts == {}

    run(scenario)


def test_a_juror_that_was_late_for_one_jury_tries_again_for_the_next(run: Run) -> None:
    async def scenario(desk: Desk) -> None:
        submission = desk.world.submission()
        desk.inbox.now = 1116
        desk.ledger.work[submission.work.node, 3] = submission.work
        accused = challenge(submission, b"")
        desk.inbox.judge(accused, desk.ledger, 1116)
        await desk.settled()
        assert desk.inbox.verdicts == {}
        desk.inbox.judge(accused, desk.ledger, 1116)
        assert desk.inbox.num_open == 0
        desk.peers.serve(submission)
        desk.inbox.judge(accused, desk.ledger, 1130)
        await desk.settled()
        assert desk.inbox.verdicts == {9: False}

    run(scenario)


@pytest.mark.parametrize("honest", [True, False])
def test_a_posted_checkpoint_is_compared_with_our_own(run: Run, honest: bool) -> None:
    async def scenario(desk: Desk) -> None:
        digest = desk.world.reference.digest if honest else b"\7" * 32
        event = hub.CheckpointPosted(desk.ledger.task, 4, desk.world.node, 1, digest, 1110)
        desk.ledger.apply(event)
        desk.inbox.notice(Logged(event, "", 1, bytes(32), b"", 0), desk.ledger)
        record = record_of(desk.world.node, 1, b"")
        desk.inbox.judge(record, desk.ledger, 1130)
        await desk.settled()
        assert desk.inbox.verdicts == {9: not honest}
        assert len(desk.inbox.accusations) == (0 if honest else 1)
        if not honest:
            (accusation,) = desk.inbox.accusations.values()
            assert (accusation.judge, accusation.reason) == (JURY, Reason.CHECKPOINT)
            assert (accusation.commitment.units, accusation.commitment.round) == (0, 4)

    run(scenario)


def trained(desk: Desk, lie: int = 1) -> FetchedSubmission:
    """A submission under a rule that has updates trained again; `lie` multiplies the honest update."""
    recipe = dataclasses.replace(desk.world.rules.spec.recipe, objective=SFT, inner_steps=1)
    spec = dataclasses.replace(desk.world.rules.spec, recipe=recipe, replay=ReplayRule(300))
    desk.inbox._auditor.rules = dataclasses.replace(desk.world.rules, spec=spec)
    world = dataclasses.replace(desk.world, rules=desk.inbox._auditor.rules)
    start = fresh_state(world.rules.num_parameters)
    weights = {4: to_floats(desk.held.versions[4].state.weights)}
    gradient = train(round_work(world.submission()), weights, start).pseudo_gradient
    update, _ = codec_of(spec).encode(lie * gradient, max_exponent_of(spec))
    return world.submission(update_file=codec_of(spec).to_bytes(update, world.rules.num_parameters))


def exhibit_at(path: str) -> Exhibit:
    return Exhibit.from_bytes(Path(path).read_bytes())


def attested(desk: Desk) -> list[Attestation]:
    kinds = [one.cid for one in desk.peers.announced if one.kind is AnnouncementKind.ATTESTATION]
    return [Attestation.from_bytes(desk.peers.files[cid]) for cid in kinds]


def test_what_passed_every_check_is_attested_and_nothing_else(run: Run) -> None:
    async def scenario(desk: Desk) -> None:
        honest = desk.world.submission()
        other = dataclasses.replace(desk.world, sequence=9, round=6)
        desk.ledger.beacons[6] = other.beacon
        desk.peers.serve(honest)
        desk.commit(honest)
        await desk.settled()
        (signed,) = attested(desk)
        rules = desk.world.rules
        said = statement(rules.chain_id, rules.hub, rules.task, honest.work)
        assert (signed.node, signed.sequence) == (honest.work.node, honest.work.sequence)
        assert attester(said, signed) == ACCOUNT.address
        desk.inbox._auditor.budget = Budget(1e-9)
        skipped = other.submission()
        desk.peers.serve(skipped)
        desk.commit(skipped)
        await desk.settled()
        assert len(attested(desk)) == 1

    run(scenario)


def test_a_lie_is_not_attested(run: Run) -> None:
    async def scenario(desk: Desk) -> None:
        submission = desk.world.submission(desk.world.changed(0, reward=1))
        desk.peers.serve(submission)
        desk.commit(submission)
        await desk.settled()
        assert desk.inbox.accusations
        assert attested(desk) == []

    run(scenario)


def test_an_update_that_was_trained_passes_one_check_more(run: Run) -> None:
    async def scenario(desk: Desk) -> None:
        submission = trained(desk)
        desk.peers.serve(submission)
        desk.commit(submission)
        await desk.settled()
        verdicts = [(verdict["check"], verdict["passed"]) for verdict in desk.told("verdict")]
        assert verdicts == [(name, True) for name in (*CHECK_NAMES, "training")]
        assert desk.journal.has_passed(submission.work.root)

    run(scenario)


def test_an_update_against_the_training_goes_to_the_jury_and_jurors_train_again(run: Run) -> None:
    async def scenario(desk: Desk) -> None:
        submission = trained(desk, lie=-1)
        desk.peers.serve(submission)
        desk.commit(submission)
        await desk.settled()
        (accusation,) = desk.inbox.accusations.values()
        assert (accusation.judge, accusation.reason) == (JURY, Reason.TRAINING)
        (told,) = desk.told("evidence")
        exhibit = exhibit_at(told["path"])
        assert (exhibit.document.reason, exhibit.document.allowed) == ("training", "300")
        desk.inbox.findings.clear()
        desk.inbox.judge(challenge(submission, accusation.evidence), desk.ledger, 1130)
        await desk.settled()
        assert desk.inbox.verdicts == {9: True}

    run(scenario)


def test_a_juror_acquits_an_update_that_was_trained(run: Run) -> None:
    async def scenario(desk: Desk) -> None:
        submission = trained(desk)
        desk.peers.serve(submission)
        desk.commit(submission)
        evidence = JuryEvidence(None, Reason.TRAINING.value, bytes(32)).to_bytes()
        desk.inbox.judge(challenge(submission, evidence), desk.ledger, 1130)
        await desk.settled()
        assert desk.inbox.verdicts == {9: False}

    run(scenario)


def test_whoever_does_not_know_a_trainers_state_neither_accuses_nor_votes(run: Run) -> None:
    async def scenario(desk: Desk) -> None:
        submission = trained(desk, lie=-1)
        work = submission.work
        earlier = dataclasses.replace(work, sequence=work.sequence - 1, round=work.round - 1)
        desk.ledger.work[work.node, earlier.sequence] = earlier
        desk.peers.serve(submission)
        desk.commit(submission)
        evidence = JuryEvidence(None, Reason.TRAINING.value, bytes(32)).to_bytes()
        desk.inbox.judge(challenge(submission, evidence), desk.ledger, 1130)
        await desk.settled()
        assert (desk.inbox.accusations, desk.inbox.verdicts) == ({}, {})
        assert "training" not in [verdict["check"] for verdict in desk.told("verdict")]
        assert len(desk.told("error")) == 2

    run(scenario)
