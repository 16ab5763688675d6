"""Evidence files: every finding is come to again from the file alone, and hostile files give a reason code."""

from __future__ import annotations

import copy
import dataclasses
import json
import random
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

from cupel.protocol.model.canonical import CanonicalVersion, make_version
from cupel.protocol.model.checkpoint import genesis, to_floats
from cupel.protocol.model.layout import layout_of
from cupel.protocol.model.weights import flatten, policy_of
from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.hashing import sha256
from cupel.protocol.spec.recipe import SFT
from cupel.protocol.spec.repetition import ProvenWork
from cupel.protocol.spec.replay import ReplayRule
from cupel.protocol.spec.rollout import PolicyRef
from cupel.protocol.spec.task import task_id
from cupel.protocol.spec.updates import codec_of, max_exponent_of
from cupel.protocol.training.round import train
from cupel.protocol.training.state import fresh_state, state_to_bytes
from cupel.verifier import exhibit as exhibits
from cupel.verifier.audit import examine, recheck
from cupel.verifier.checks.base import FetchedSubmission, Finding
from cupel.verifier.cli import app
from cupel.verifier.evidence import document_of, objective_evidence
from cupel.verifier.exhibit import Exhibit, keep
from cupel.verifier.exhibit_check import Outcome, verify
from cupel.verifier.exhibits import exhibit_of
from cupel.verifier.recompute import recompute
from cupel.verifier.retraining import judge_training, round_work

ME = "0x" + "0c" * 20
VERSION = 4


@pytest.fixture(scope="module")
def version(world: Any) -> CanonicalVersion:
    """The canonical version whose policy the node is to use."""
    layout = layout_of(world.rules.spec.model)
    return make_version(VERSION, bytes(32), genesis(flatten(world.policy, layout)), layout)


@pytest.fixture(scope="module")
def court(world: Any, version: CanonicalVersion) -> Any:
    """The tests' world with a task whose parameters, document and checkpoint agree."""
    spec = world.rules.spec
    params = dataclasses.replace(world.rules.params, spec_digest=spec.digest)
    task = task_id(world.rules.chain_id, world.rules.hub, params)
    policy = policy_of(spec.model, version.state)
    return dataclasses.replace(
        world,
        rules=dataclasses.replace(world.rules, params=params, task=task),
        policy=policy,
        reference=PolicyRef(VERSION, version.digest),
    )


def exhibit(
    court: Any, submission: FetchedSubmission, finding: Finding, version: CanonicalVersion | None = None
) -> Exhibit:
    document = document_of(finding, court.rules, submission.work.node, submission.commitment, ME)
    return exhibit_of(document, submission, None, version)


def accuse(court: Any, submission: FetchedSubmission) -> Exhibit:
    finding = examine(submission)
    assert finding is not None
    return exhibit(court, submission, finding)


def test_a_cheap_finding_is_confirmed_without_a_checkpoint(court: Any) -> None:
    submission = court.submission(court.changed(3, reward=999_999))
    report = verify(Exhibit.from_bytes(accuse(court, submission).to_bytes()))
    assert (report.outcome, report.finding) == (Outcome.CONFIRMED, examine(submission))
    assert set(report.chain_facts) == {"commitment", "beacon"}


def test_what_the_objective_judge_is_told_has_to_be_what_was_found(court: Any) -> None:
    submission = court.submission(court.changed(3, reward=999_999))
    finding = examine(submission)
    assert finding is not None
    made = accuse(court, submission)
    ready = {**made.parts, "objective": objective_evidence(finding, submission)}
    report = verify(Exhibit.from_bytes(dataclasses.replace(made, parts=ready).to_bytes()))
    assert report.outcome is Outcome.CONFIRMED
    with pytest.raises(Rejected, match="not what was found"):
        verify(dataclasses.replace(made, parts={**ready, "objective": b"something else"}))


def test_a_deep_finding_is_confirmed_with_the_checkpoint(court: Any, version: CanonicalVersion) -> None:
    other = copy.deepcopy(court.policy)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.mul_(1.02)
    submission = court.submission(court.roll_out(other))
    found = recheck(submission, recompute(court.policy, version.digest, submission, tuple(range(8)))).finding
    assert found is not None
    made = exhibit(court, submission, found, version)
    report = verify(Exhibit.from_bytes(made.to_bytes()))
    assert report.outcome is Outcome.CONFIRMED
    assert report.chain_facts["version"].startswith("4 has digest")
    without = {name: part for name, part in made.parts.items() if name not in ("version", "checkpoint")}
    assert verify(dataclasses.replace(made, parts=without)).outcome is Outcome.UNDECIDED


def test_work_counted_in_two_commitments_is_shown_with_both(court: Any) -> None:
    earlier, other = dataclasses.replace(court, sequence=2).submission(), court.rollouts[4]
    first = dataclasses.replace(court.rollouts[0], proofs=other.proofs, tokens=other.tokens)
    first = dataclasses.replace(first, reward=court.rules.environment.reward(first.problem, first.tokens))
    later = court.submission([first, *court.rollouts[1:4]])
    proven = ProvenWork().add(2, earlier.leaves).beside(court.sequence)
    finding = examine(dataclasses.replace(later, proven=proven))
    assert finding is not None
    assert finding.reason is Reason.TOPLOC_REPEATED
    document = document_of(finding, court.rules, court.node, later.commitment, ME)
    made = exhibit_of(document, later, earlier, None)
    assert verify(Exhibit.from_bytes(made.to_bytes())).outcome is Outcome.CONFIRMED
    false = {**made.parts, "twin_rollouts": later.rollouts_file}
    with pytest.raises(Rejected):
        verify(dataclasses.replace(made, parts=false))


def test_training_is_done_again_from_the_file(court: Any, version: CanonicalVersion) -> None:
    recipe = dataclasses.replace(court.rules.spec.recipe, objective=SFT, inner_steps=1)
    spec = dataclasses.replace(court.rules.spec, recipe=recipe, replay=ReplayRule(300))
    params = dataclasses.replace(court.rules.params, spec_digest=spec.digest)
    task = task_id(court.rules.chain_id, court.rules.hub, params)
    rules = dataclasses.replace(court.rules, spec=spec, params=params, task=task)
    strict, weights = dataclasses.replace(court, rules=rules), {VERSION: to_floats(version.state.weights)}
    start = dataclasses.replace(fresh_state(rules.num_parameters), steps=3)
    start.remainder[:] = 1e-3
    lazy = strict.submission()
    found, _ = judge_training(lazy, weights, start, ReplayRule(300))
    assert found is not None
    document = document_of(found, rules, lazy.work.node, lazy.commitment, ME)
    made = exhibit_of(document, lazy, None, version, state=state_to_bytes(start))
    report = verify(Exhibit.from_bytes(made.to_bytes()))
    assert (report.outcome, report.finding) == (Outcome.CONFIRMED, found)
    assert report.chain_facts["state"].startswith(f"0x{sha256(state_to_bytes(start)).hex()}")
    trained = train(round_work(lazy), weights, start)
    update, _ = codec_of(spec).encode(trained.pseudo_gradient + start.remainder, max_exponent_of(spec))
    honest = strict.submission(update_file=codec_of(spec).to_bytes(update, rules.num_parameters))
    document = document_of(found, rules, honest.work.node, honest.commitment, ME)
    made = exhibit_of(document, honest, None, version, state=state_to_bytes(start))
    assert verify(made).outcome is Outcome.REFUTED
    with pytest.raises(Rejected):
        verify(dataclasses.replace(made, parts={**made.parts, "state": b"torn"}))


def test_an_accusation_of_honest_work_is_refuted(court: Any, version: CanonicalVersion) -> None:
    lie = Finding("sampling", Reason.SAMPLING, "made up", 0, "2000", "1000")
    report = verify(exhibit(court, court.submission(), lie, version))
    assert (report.outcome, report.finding) == (Outcome.REFUTED, None)


def test_another_reason_than_the_true_one_is_refuted(court: Any) -> None:
    submission = court.submission(court.changed(3, reward=999_999))
    lie = Finding("assignment", Reason.WRONG_SEED, "made up", 3)
    report = verify(exhibit(court, submission, lie))
    assert report.outcome is Outcome.REFUTED
    assert report.finding is not None
    assert report.finding.reason is Reason.WRONG_REWARD


@pytest.mark.parametrize(
    ("part", "reason"),
    [
        ("manifest", Reason.MANIFEST),
        ("rollouts", Reason.MANIFEST),
        ("update", Reason.MANIFEST),
        ("spec", Reason.ENCODING),
    ],
)
def test_a_part_that_is_not_the_named_one_is_refused(court: Any, part: str, reason: Reason) -> None:
    made = accuse(court, court.submission(court.changed(3, reward=999_999)))
    parts = {**made.parts, part: made.parts[part] + b"\0"}
    with pytest.raises(Rejected) as refused:
        verify(dataclasses.replace(made, parts=parts))
    assert refused.value.reason is reason


def test_another_tasks_parameters_are_refused(court: Any) -> None:
    made = accuse(court, court.submission(court.changed(3, reward=999_999)))
    params = dataclasses.replace(made.params, group_size=8)
    with pytest.raises(Rejected) as refused:
        verify(dataclasses.replace(made, params=params))
    assert refused.value.reason is Reason.TASK_PARAMETERS


def test_any_bytes_give_an_answer_or_a_reason(court: Any) -> None:
    file = accuse(court, court.submission(court.changed(3, reward=999_999))).to_bytes()
    source = random.Random(8)
    answers = set()
    for _ in range(300):
        hostile = bytearray(file[: source.choice((len(file), source.randrange(len(file))))])
        for _ in range(source.randint(1, 4)):
            if hostile:
                hostile[source.randrange(len(hostile))] = source.randrange(256)
        try:
            answers.add(verify(Exhibit.from_bytes(bytes(hostile))).outcome.value)
        except Rejected as rejected:
            answers.add(rejected.reason.value)
    assert {"schema", "manifest"} <= answers


def test_too_large_a_file_is_refused_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exhibits, "MAX_EXHIBIT_BYTES", 10)
    with pytest.raises(Rejected) as refused:
        Exhibit.from_bytes(bytes(11))
    assert refused.value.reason is Reason.SIZE


def test_equal_findings_are_equal_bytes_under_their_address(court: Any, tmp_path: Path) -> None:
    submission = court.submission(court.changed(3, reward=999_999))
    first, second = accuse(court, submission).to_bytes(), accuse(court, submission).to_bytes()
    path = keep(tmp_path, first)
    assert path == keep(tmp_path, second)
    assert path.name == sha256(first).hex() + ".evidence"
    assert list(tmp_path.iterdir()) == [path]


def test_the_folder_keeps_the_newest_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exhibits, "MAX_EXHIBITS", 3)
    kept = [keep(tmp_path, bytes([number])) for number in range(6)]
    assert set(tmp_path.iterdir()) == set(kept[-3:])


@pytest.mark.parametrize(
    ("change", "code", "outcome"), [(999_999, 0, "confirmed"), (None, 1, "refuted"), (b"", 5, "schema")]
)
def test_the_command_says_so_by_its_exit_code(
    court: Any, version: CanonicalVersion, tmp_path: Path, change: Any, code: int, outcome: str
) -> None:
    file = b"rubbish"
    if change == 999_999:
        file = accuse(court, court.submission(court.changed(3, reward=change))).to_bytes()
    elif change is None:
        lie = Finding("sampling", Reason.SAMPLING, "made up", 0, "2000", "1000")
        file = exhibit(court, court.submission(), lie, version).to_bytes()
    path = keep(tmp_path, file)
    result = CliRunner().invoke(app, ["check", str(path), "--json"])
    assert result.exit_code == code
    assert json.loads(result.stdout)["outcome"] == ("malformed" if code == 5 else outcome)
