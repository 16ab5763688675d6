"""Coming to a finding again from its evidence file alone: everyone gets the same answer, the accused included."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from enum import StrEnum

from eth_utils.address import is_checksum_address

from cupel.protocol.model.canonical import CanonicalVersion, read_version
from cupel.protocol.model.checkpoint import to_floats
from cupel.protocol.model.layout import layout_of
from cupel.protocol.model.weights import policy_of
from cupel.protocol.spec import merkle
from cupel.protocol.spec.environments.base import check_fit, get_environment
from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.hashing import sha256
from cupel.protocol.spec.repetition import ProvenWork
from cupel.protocol.spec.rollout import Commitment, FileRef, PiecedRef, SubmissionManifest
from cupel.protocol.spec.rounds import CommittedWork
from cupel.protocol.spec.shardcast.cid import Cid
from cupel.protocol.spec.shardcast.unixfs import file_dag
from cupel.protocol.spec.task import TaskSpec, check_task, task_id
from cupel.protocol.training.state import DamagedState, fresh_state, state_from_bytes
from cupel.verifier.audit import examine, recheck
from cupel.verifier.checks import training
from cupel.verifier.checks.base import FetchedSubmission, Finding, Rules
from cupel.verifier.evidence import WHOLE_SUBMISSION, objective_evidence
from cupel.verifier.exhibit import Exhibit
from cupel.verifier.recompute import recompute
from cupel.verifier.retraining import judge_training


class Outcome(StrEnum):
    """What a file says to whoever checks it."""

    CONFIRMED = "confirmed"
    """The same check comes to the same reason."""
    REFUTED = "refuted"
    """It does not: the accusation is false."""
    UNDECIDED = "undecided"
    """It takes a checkpoint or a trainer's state that is not in the file."""


@dataclass(frozen=True, slots=True)
class Report:
    """The answer, and the facts that only the chain can confirm."""

    outcome: Outcome
    finding: Finding | None
    """What was found here; None if nothing."""
    why: str
    chain_facts: dict[str, str]


def verify(exhibit: Exhibit) -> Report:
    """Come to the file's finding again. Rejected for a file that contradicts itself or breaks a format."""
    submission = submission_of(exhibit)
    document, commitment = exhibit.document, exhibit.document.commitment
    facts = {
        "commitment": f"0x{commitment.hash().hex()} of {document.node}, sequence {commitment.sequence}",
        "beacon": f"0x{exhibit.parts['beacon'].hex()} of round {commitment.round}",
    }
    finding = examine(submission)
    if finding is None:
        version = _version(exhibit, submission)
        if version is None:
            why = "the policy's checkpoint is not in the file"
            return Report(Outcome.UNDECIDED, None, why, facts)
        facts["version"] = f"{version.version} has digest 0x{version.digest.hex()}"
        finding = _recheck(exhibit, submission, version)
        if finding is None and document.check == training.NAME:
            return _told_alike(exhibit, submission, _retrained(exhibit, submission, version, facts))
    return _told_alike(exhibit, submission, _compared(exhibit, finding, facts))


def _told_alike(exhibit: Exhibit, submission: FetchedSubmission, report: Report) -> Report:
    """The report. Rejected(SCHEMA) if the file would have the ObjectiveJudge told something else than was confirmed."""
    told, finding = exhibit.parts.get("objective"), report.finding
    if told is None or report.outcome is not Outcome.CONFIRMED:
        return report
    if finding is None or finding.objective is None:
        raise Rejected(Reason.SCHEMA, "the objective judge has nothing to do with this finding")
    if objective_evidence(finding, submission, _twin(exhibit, submission)) != told:
        raise Rejected(Reason.SCHEMA, "what the objective judge is told is not what was found")
    return report


def submission_of(exhibit: Exhibit) -> FetchedSubmission:
    """The accused submission as the file holds it.

    Environments of installed packages are left alone: a file from anybody must not choose what code runs here.

    Rejected(TASK_PARAMETERS, TASK_SPEC, MANIFEST) if parts are not what the others say, and as the parsers.
    """
    document, params, parts = exhibit.document, exhibit.params, exhibit.parts
    spec = TaskSpec.from_bytes(parts["spec"])
    check_task(params, spec)
    environment = get_environment(spec.environment)
    check_fit(params, spec, environment)
    for address in (document.hub, document.node):
        if not is_checksum_address(address):
            raise Rejected(Reason.SCHEMA, "not a checksum address")
    if task_id(document.chain_id, document.hub, params) != document.task:
        raise Rejected(Reason.TASK_PARAMETERS, "the parameters are of another task")
    rules = Rules(
        chain_id=document.chain_id,
        hub=document.hub,
        task=document.task,
        params=params,
        spec=spec,
        environment=environment,
        num_parameters=layout_of(spec.model).num_parameters,
    )
    rollouts, update = _files(
        document.commitment, parts["manifest"], parts.get("rollouts"), parts.get("update")
    )
    submission = FetchedSubmission(
        rules, _work(document.node, document.commitment), parts["beacon"], parts["manifest"], rollouts, update
    )
    return _beside_twin(exhibit, submission)


def _work(node: str, commitment: Commitment) -> CommittedWork:
    one = commitment
    return CommittedWork(node, one.sequence, one.round, one.root, one.manifest, one.units, one.time)


def _files(
    commitment: Commitment, manifest_file: bytes, rollouts: bytes | None, update: bytes | None
) -> tuple[bytes | Rejected, bytes | Rejected]:
    """The two files, each of which is what the manifest names, or its Rejected if that names none."""
    if sha256(manifest_file) != commitment.manifest:
        raise Rejected(Reason.MANIFEST, "the manifest is not the committed one")
    try:
        manifest = SubmissionManifest.from_bytes(manifest_file)
    except Rejected as rejected:
        return rejected, rejected
    return _named(manifest.rollouts, rollouts, "rollouts"), _named(manifest.update, update, "update")


def _named(reference: FileRef | PiecedRef, file: bytes | None, name: str) -> bytes | Rejected:
    try:
        address = Cid.parse(reference.cid)
    except Rejected as rejected:
        return rejected
    if file is None or file_dag(file)[0] != address:
        raise Rejected(Reason.MANIFEST, f"the {name} file is not what the manifest names")
    return file


def _beside_twin(exhibit: Exhibit, submission: FetchedSubmission) -> FetchedSubmission:
    """With the roots of the node's other commitment, whose leaves have to be the committed ones."""
    other = _twin(exhibit, submission)
    if other is None:
        return submission
    if merkle.root(other.leaf_hashes) != other.work.root:
        raise Rejected(Reason.COMMITMENT_ROOT, "the other rollouts are not the committed ones")
    proven = ProvenWork().add(other.work.sequence, other.leaves).beside(submission.work.sequence)
    return dataclasses.replace(submission, proven=proven)


def _twin(exhibit: Exhibit, submission: FetchedSubmission) -> FetchedSubmission | None:
    """The node's other commitment as the file holds it. Rejected(MANIFEST) for another manifest than its own."""
    twin = exhibit.twin()
    if twin is None:
        return None
    manifest_file, rollouts = exhibit.parts["twin_manifest"], exhibit.parts["twin_rollouts"]
    if sha256(manifest_file) != twin.manifest:
        raise Rejected(Reason.MANIFEST, "the other manifest is not the committed one")
    return dataclasses.replace(
        submission,
        work=_work(submission.work.node, twin),
        manifest_file=manifest_file,
        rollouts_file=rollouts,
        update_file=b"",
    )


def _version(exhibit: Exhibit, submission: FetchedSubmission) -> CanonicalVersion | None:
    """The canonical version in the file. Rejected(CHECKPOINT) if it is another than the submission's by number."""
    manifest, file = exhibit.parts.get("version"), exhibit.parts.get("checkpoint")
    if manifest is None or file is None:
        return None
    layout = layout_of(submission.rules.spec.model)
    version = read_version(manifest, file, sha256(manifest), layout)
    if version.version != submission.manifest.policy.version:
        raise Rejected(Reason.CHECKPOINT, f"the checkpoint is of version {version.version}")
    return version


def _recheck(exhibit: Exhibit, submission: FetchedSubmission, version: CanonicalVersion) -> Finding | None:
    """What the policy says of the accused rollout, or of all if the finding is about all."""
    index, units = exhibit.document.rollout, len(submission.rollouts)
    drawn = (index,) if index < units else tuple(range(units))
    policy = policy_of(submission.rules.spec.model, version.state)
    return recheck(submission, recompute(policy, version.digest, submission, drawn)).finding


def _retrained(
    exhibit: Exhibit, submission: FetchedSubmission, version: CanonicalVersion, facts: dict[str, str]
) -> Report:
    """What training again says. The state it begins with is the accuser's word: the node's earlier rounds give it."""
    rule, size = submission.rules.spec.replay, submission.rules.num_parameters
    if rule is None:
        return Report(Outcome.REFUTED, None, "the task's updates are not checked by training again", facts)
    if submission.rules.spec.recipe.needs_genesis and version.version:
        return Report(Outcome.UNDECIDED, None, "the task's initial checkpoint is not in the file", facts)
    state, file = fresh_state(size), exhibit.parts.get("state")
    if file is not None:
        try:
            state = state_from_bytes(file, size)
        except DamagedState as error:
            raise Rejected(Reason.SCHEMA, str(error)) from None
    digest = "that of a trainer's beginning" if file is None else f"0x{sha256(file).hex()}"
    facts["state"] = f"{digest} is what {submission.work.node}'s earlier rounds lead to"
    weights = {version.version: to_floats(version.state.weights)}
    finding, _ = judge_training(submission, weights, state, rule)
    return _compared(exhibit, finding, facts)


def _compared(exhibit: Exhibit, finding: Finding | None, facts: dict[str, str]) -> Report:
    document = exhibit.document
    if finding is None:
        return Report(Outcome.REFUTED, None, "no check finds anything", facts)
    accused = (document.check, document.reason, document.rollout)
    index = WHOLE_SUBMISSION if finding.rollout is None else finding.rollout
    found = (finding.check, finding.reason.value, index)
    if accused != found:
        why = f"the checks find {finding.reason.value} ({finding.check}), which is not the accusation"
        return Report(Outcome.REFUTED, finding, why, facts)
    return Report(Outcome.CONFIRMED, finding, "the same check comes to the same reason", facts)
