"""The shipped liars against the verifier's checks: each is found for a reason that its strategy names."""

from __future__ import annotations

import copy
import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from cupel.devnet.attacks.base import Fate, Strategy
from cupel.devnet.attacks.catalogue import strategies
from cupel.node.journal import Journal
from cupel.node.publishing.canary import Canary, canary_secret
from cupel.node.publishing.submission import Draft, Submission
from cupel.protocol.model.canonical import CanonicalVersion, make_version, next_version
from cupel.protocol.model.checkpoint import checkpoint_to_bytes, genesis
from cupel.protocol.model.layout import layout_of
from cupel.protocol.model.tiny import TinyPolicy
from cupel.protocol.model.weights import flatten, policy_of
from cupel.protocol.spec.assignment import round_seed
from cupel.protocol.spec.diloco.blocks import encode_update
from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.hashing import sha256
from cupel.protocol.spec.recipe import SFT
from cupel.protocol.spec.referee.game import Terms
from cupel.protocol.spec.replay import ReplayRule
from cupel.protocol.spec.rollout import LeafContext, Metrics, PolicyRef, SubmissionManifest
from cupel.protocol.spec.rounds import CommittedWork
from cupel.protocol.spec.task import Pooling, Thresholds
from cupel.protocol.spec.updates import codec_of, max_exponent_of
from cupel.protocol.submissions import SubmissionFiles
from cupel.protocol.training.round import train
from cupel.protocol.training.state import fresh_state
from cupel.verifier.audit import examine, recheck
from cupel.verifier.checks.base import FetchedSubmission, Finding
from cupel.verifier.checks.checkpoint import check_checkpoint
from cupel.verifier.dispute.refutation import Refuter
from cupel.verifier.evidence import Judges, accuse, document_of
from cupel.verifier.recompute import recompute
from cupel.verifier.retraining import judge_training, round_work

ALL = strategies()
NODE, OTHER = "0x2000000000000000000000000000000000000002", "0x3000000000000000000000000000000000000003"
EVERY = tuple(range(8))
# Who settles what a verifier finds of each, where the task names every judge; the others go to the jury.
OBJECTIVE = {
    "canary",
    "chosen-seed",
    "constant",
    "constant-at-outliers",
    "copied-work",
    "easy-problems",
    "future-policy",
    "inflated-reward",
    "inflated-units",
    "malformed-proof",
    "null",
    "one-false-reward",
    "predicted-outliers",
    "repeated-rollout",
    "replayed-round",
    "surplus-leaves",
    "wrong-problem",
}
CANONICAL = {
    "bfloat16",
    "edited-prompt",
    "int4",
    "int6",
    "int8",
    "negated",
    "replayed",
    "round",
    "stale-policy",
    "stands-by-lie",
    "state-table",
    "student",
}
# Found through what nobody serves, what the chain compares, or not at all.
ELSEWHERE = {"false-checkpoint", "pruned"}
OF_FILES = sorted(name for name, one in ALL.items() if one.reasons and name not in ELSEWHERE)
UNFOUND = sorted(name for name, one in ALL.items() if not one.reasons and not name.startswith("withheld"))


@pytest.fixture(scope="module")
def court(world: Any) -> Any:
    """The tests' world with the demo's thresholds, a recipe that learns from every round, and a version to sample."""
    spec = dataclasses.replace(
        world.rules.spec,
        thresholds=Thresholds(4, 500, 500),
        pooling=Pooling(250_000),
        recipe=dataclasses.replace(world.rules.spec.recipe, objective=SFT, inner_steps=1),
        replay=ReplayRule(300),
    )
    version = version_of(world)
    return dataclasses.replace(
        world,
        rules=dataclasses.replace(world.rules, spec=spec),
        policy=policy_of(spec.model, version.state),
        reference=PolicyRef(version.version, version.digest),
    )


def version_of(world: Any) -> CanonicalVersion:
    """The canonical version that the world's policy is."""
    layout = layout_of(world.policy.shape)
    return make_version(4, b"\3" * 32, genesis(flatten(world.policy, layout)), layout)


def draft_of(
    court: Any, node: str = NODE, round_index: int = 5, policy: Any = None
) -> tuple[Draft, Submission]:
    """An honest round of a node, and its submission."""
    place = dataclasses.replace(court, node=node, round=round_index, sequence=round_index - 2)
    rules, context_policy = court.rules, court.policy if policy is None else policy
    rollouts = place.roll_out(context_policy)
    fetched = place.submission(rollouts, update_file=trained(court, place.submission(rollouts)))
    seed = round_seed(rules.chain_id, rules.hub, rules.task, node, round_index, place.beacon)
    context = LeafContext(rules.chain_id, rules.hub, rules.task, node, place.sequence, round_index)
    reference = place.reference if policy is None else PolicyRef(place.reference.version - 1, bytes(32))
    draft = Draft(
        rules.params,
        rules.spec,
        context,
        reference,
        checkpoint_of(context_policy),
        seed,
        rollouts,
        fetched.update_file,
        Metrics(0, 0),
    )
    manifest = SubmissionManifest.from_bytes(fetched.manifest_file)
    return draft, Submission(
        manifest, fetched.rollouts_file, fetched.update_file, fetched.work.root, fetched.leaves
    )


def trained(court: Any, submission: FetchedSubmission) -> bytes:
    """What an honest trainer makes of a submission's rollouts in its first round."""
    spec, start = court.rules.spec, fresh_state(court.rules.num_parameters)
    gradient = train(round_work(submission), weights_of(court), start).pseudo_gradient
    update, _ = codec_of(spec).encode(gradient, max_exponent_of(spec))
    return codec_of(spec).to_bytes(update, court.rules.num_parameters)


def weights_of(court: Any) -> dict[int, Any]:
    """Of the canonical version."""
    return {court.reference.version: flatten(court.policy, layout_of(court.policy.shape))}


def checkpoint_of(policy: Any) -> bytes:
    """As the canonical version that the policy is made from holds it."""
    layout = layout_of(policy.shape)
    return checkpoint_to_bytes(genesis(flatten(policy, layout)), layout)


def stepped_policy(court: Any) -> TinyPolicy:
    """The policy of a round earlier: every weight a fiftieth away."""
    policy = copy.deepcopy(court.policy)
    with torch.no_grad():
        for parameter in policy.parameters():
            parameter.mul_(1.02)
    return policy.eval()


def fetched(court: Any, draft: Draft, made: Submission) -> FetchedSubmission:
    """A submission as a verifier has it from the network: files that do not fit their names are Rejected."""
    context, file = draft.context, made.manifest_file
    rollouts: bytes | Rejected = made.rollouts_file
    update: bytes | Rejected = made.update_file
    try:
        manifest = SubmissionManifest.from_bytes(file)
    except Rejected as rejected:
        rollouts = update = rejected
    else:
        if "/" in manifest.rollouts.cid:
            rollouts = Rejected(Reason.CID, "not a CID")
    work = CommittedWork(
        context.node, context.sequence, context.round, made.root, sha256(file), made.units, 1110
    )
    return FetchedSubmission(court.rules, work, court.beacon, file, rollouts, update)


def verdict(court: Any, submission: FetchedSubmission) -> Finding | None:
    """What an audit of every rollout finds."""
    finding = examine(submission)
    if finding is not None:
        return finding
    finding = recheck(submission, recompute(court.policy, court.reference.digest, submission, EVERY)).finding
    if finding is None:
        start = fresh_state(court.rules.num_parameters)
        finding, _ = judge_training(submission, weights_of(court), start, court.rules.spec.replay)
    return finding


def attack(court: Any, strategy: Strategy) -> tuple[Draft, Submission]:
    """The strategy's second round, after it saw its own first one and another node's second."""
    strategy.submit(*draft_of(court, round_index=4, policy=stepped_policy(court)))
    _, others = draft_of(court, OTHER)
    strategy.witness(SubmissionFiles(others.manifest_file, others.rollouts_file, others.update_file))
    draft, honest = draft_of(court)
    return draft, strategy.submit(draft, honest)


@pytest.mark.parametrize("name", OF_FILES)
def test_every_liar_is_found_for_its_reason(court: Any, name: str) -> None:
    strategy = strategies()[name]
    draft, made = attack(court, strategy)
    finding = verdict(court, fetched(court, draft, made))
    assert finding is not None
    assert finding.reason.value in strategy.reasons
    assert strategy.fate is Fate.SLASHED


@pytest.mark.parametrize("name", OF_FILES)
def test_every_liar_is_charged_before_the_judge_that_needs_the_least_trust(court: Any, name: str) -> None:
    draft, made = attack(court, strategies()[name])
    judge = "objective" if name in OBJECTIVE else "canonical" if name in CANONICAL else "jury"
    assert charged(court, fetched(court, draft, made)) == judge


def charged(court: Any, submission: FetchedSubmission) -> str:
    """Which judge a verifier chooses for what it finds, where the task names them all."""
    finding, spec = verdict(court, submission), court.rules.spec
    assert finding is not None
    version, terms = version_of(court), Terms(spec.model, spec.thresholds, clock_seconds=60, grace_seconds=5)
    assert version.digest == court.reference.digest
    held: Any = {version.version: version}
    accusation = accuse(
        finding,
        document_of(finding, court.rules, NODE, submission.commitment, OTHER),
        Judges(objective="objective", jury="jury", data="data", canonical="canonical"),
        submission,
        refutation=Refuter(terms, held).evidence(finding, submission),
    )
    assert accusation is not None
    return accusation.judge


def test_an_honest_draft_passes(court: Any) -> None:
    draft, honest = draft_of(court)
    assert verdict(court, fetched(court, draft, honest)) is None


@pytest.mark.parametrize("name", UNFOUND)
def test_what_no_check_of_files_finds_is_said_to_be_so(court: Any, name: str) -> None:
    """A check that closes one of these has to change its strategy's fate."""
    strategy = strategies()[name]
    assert verdict(court, fetched(court, *attack(court, strategy))) is None
    assert strategy.fate in (Fate.UNNOTICED, Fate.REFUSED)


@pytest.mark.parametrize("name", ["withheld-data", "withheld-rollouts"])
def test_what_is_withheld_is_not_stored(court: Any, name: str) -> None:
    _, made = attack(court, strategies()[name])
    assert made.rollouts_file not in made.files


def test_announcements_beside_the_committed_one_name_other_manifests(court: Any) -> None:
    _, twice = attack(court, strategies()["equivocation"])
    _, spam = attack(court, strategies()["spam"])
    assert len(set(twice.announced)) == 2
    assert len(set(spam.announced)) == 65
    assert twice.announced[-1] == twice.manifest_file


def test_a_false_checkpoint_is_found_by_comparing_digests(court: Any) -> None:
    strategy, layout = strategies()["false-checkpoint"], layout_of(court.policy.shape)
    parent = make_version(2, b"\1" * 32, genesis(flatten(court.policy, layout)), layout)
    update = encode_update(np.ones(layout.num_parameters, np.float32), max_exponent_of(court.rules.spec))[0]
    true, false = next_version(parent, [update], court.rules.spec.aggregation), strategy.version(parent)
    assert false is not None
    assert (false.version, false.manifest.parent) == (3, parent.digest)
    finding = check_checkpoint(3, false.digest, true.digest)
    assert finding is not None
    assert {finding.reason.value} == strategy.reasons


def test_a_layer_cannot_be_left_out_of_a_policy_of_one(court: Any) -> None:
    draft, honest = draft_of(court)
    assert strategies()["pruned"].submit(draft, honest) is honest


def test_the_kit_has_a_strategy_for_every_attack_of_the_list() -> None:
    assert len(ALL) >= 25
    assert all(one.title and one.name == name for name, one in ALL.items())


def test_a_canary_s_lies_are_found_and_teach_nothing_false(court: Any) -> None:
    draft, honest = draft_of(court)
    found = set()
    for number in range(8):
        canary = Canary(bytes([number]) * 32, one_in=1)
        false = canary.submit(draft, honest)
        finding = verdict(court, fetched(court, draft, false))
        assert finding is not None
        assert false.update_file == honest.update_file
        assert canary.submit(draft, honest) == false
        if finding.reason is Reason.WRONG_REWARD:
            assert abs(int(finding.observed) - int(finding.allowed)) == 1
        found.add(finding.check)
    assert found == {"reward", "toploc"}


def test_a_canary_lies_in_a_few_rounds_that_only_it_knows(court: Any, tmp_path: Path) -> None:
    draft, honest = draft_of(court)
    journal = Journal(tmp_path)
    canaries = [Canary(secret, one_in=4) for secret in (canary_secret(journal), b"\2" * 32)]
    assert canary_secret(journal) == canaries[0].secret

    def lies(canary: Canary) -> list[bool]:
        drafts = [
            dataclasses.replace(draft, context=dataclasses.replace(draft.context, round=number))
            for number in range(200)
        ]
        return [canary.submit(one, honest) is not honest for one in drafts]

    first, second = map(lies, canaries)
    assert 20 <= sum(first) <= 90
    assert first != second
