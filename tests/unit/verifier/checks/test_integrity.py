"""Integrity: each way in which files and commitment disagree is found, and an honest submission passes."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from cupel.protocol.spec import merkle
from cupel.protocol.spec.diloco.blocks import Update, update_to_bytes
from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.fraud import ObjectiveKind
from cupel.protocol.spec.rollout import FileRef
from cupel.verifier.checks.base import Finding
from cupel.verifier.checks.integrity import Integrity

END = 11


def run(submission: Any) -> Finding | None:
    return Integrity().run(submission, (), None)


def test_an_honest_submission_passes(world: Any) -> None:
    assert run(world.submission()) is None


@pytest.mark.parametrize(
    ("change", "observed"),
    [
        ({"round": 6}, "6"),
        ({"sequence": 9}, "9"),
        (
            {"node": "0x3000000000000000000000000000000000000003"},
            "0x3000000000000000000000000000000000000003",
        ),
        ({"task": b"\1" * 32}, "0x" + "01" * 32),
    ],
)
def test_a_manifest_of_another_commitment_is_found(world: Any, change: dict[str, Any], observed: str) -> None:
    finding = run(world.submission(manifest=change))
    assert finding is not None
    assert (finding.reason, finding.observed, finding.objective) == (Reason.MANIFEST, observed, None)


@pytest.mark.parametrize(("least", "stated"), [(0, 1), (2, 1), (2, 4), (2, 5)])
def test_steps_that_the_recipe_does_not_allow_are_found(world: Any, least: int, stated: int) -> None:
    recipe = dataclasses.replace(world.rules.spec.recipe, inner_steps=4, least_inner_steps=least)
    spec = dataclasses.replace(world.rules.spec, recipe=recipe)
    world = dataclasses.replace(world, rules=dataclasses.replace(world.rules, spec=spec))
    finding = run(world.submission(manifest={"inner_steps": stated}))
    assert finding is not None
    assert finding.reason is Reason.MANIFEST
    if least:
        assert run(world.submission(manifest={"inner_steps": 3})) is None


def test_units_beyond_the_published_rollouts_are_found(world: Any) -> None:
    finding = run(world.submission(world.rollouts[:6], manifest={"units": 8}, units=8, root=b"\7" * 32))
    told = "6 rollouts in the rollouts file, 8 committed"
    assert finding == Finding("integrity", Reason.UNITS, told, observed="8", allowed="6")
    finding = run(world.submission(manifest={"units": 7}))
    assert finding is not None
    assert (finding.reason, finding.objective) == (Reason.UNITS, None)


@pytest.mark.parametrize(("published", "units"), [(6, 8), (6, 7), (3, 8), (1, 8)])
def test_a_tree_with_empty_leaves_is_objective(world: Any, published: int, units: int) -> None:
    submission = world.submission(world.rollouts[:published])
    holes = (merkle.EMPTY_LEAF,) * (units - published)
    root = merkle.root((*submission.leaf_hashes, *holes))
    finding = run(world.submission(world.rollouts[:published], units=units, root=root))
    assert finding is not None
    assert (finding.reason, finding.rollout) == (Reason.UNITS, published)
    assert finding.objective is ObjectiveKind.EMPTY_LEAF


def test_a_tree_with_surplus_leaves_is_objective(world: Any) -> None:
    finding = run(world.submission(units=7))
    assert finding is not None
    assert (finding.reason, finding.rollout) == (Reason.UNITS, 7)
    assert finding.objective is ObjectiveKind.MALFORMED_LEAF


def test_the_tree_of_another_commitment_is_objective(world: Any) -> None:
    """A copier takes the author's root, manifest and files: the leaves still name the author."""
    author = world.submission()
    copier = "0x3000000000000000000000000000000000000003"
    finding = run(dataclasses.replace(author, work=dataclasses.replace(author.work, node=copier)))
    assert finding is not None
    assert (finding.reason, finding.rollout) == (Reason.MANIFEST, 0)
    assert finding.objective is ObjectiveKind.MALFORMED_LEAF


def test_a_manifest_that_is_no_document_is_found(world: Any) -> None:
    submission = dataclasses.replace(
        world.submission(), manifest_file=bytes(40) + b'{"kind": "cupel.submission.v1"}'
    )
    finding = run(submission)
    assert finding is not None
    assert finding.reason is Reason.ENCODING


def test_a_manifest_without_a_head_is_found(world: Any) -> None:
    finding = run(dataclasses.replace(world.submission(), manifest_file=b"{}"))
    assert finding is not None
    assert finding.reason is Reason.SIZE


def test_a_file_of_another_size_is_found(world: Any) -> None:
    honest = world.submission().manifest.rollouts
    finding = run(world.submission(manifest={"rollouts": FileRef(honest.cid, honest.size + 1)}))
    assert finding is not None
    assert (finding.reason, finding.observed, finding.allowed) == (
        Reason.SIZE,
        str(honest.size),
        str(honest.size + 1),
    )


def test_files_that_do_not_decode_are_found(world: Any) -> None:
    finding = run(world.submission(rollouts_file=b"no safetensors"))
    assert finding is not None
    assert finding.reason is Reason.SCHEMA
    finding = run(world.submission(rollouts_file=Rejected(Reason.DAG, "not a file")))
    assert finding == Finding("integrity", Reason.DAG, "not a file")
    blocks = -(-world.rules.num_parameters // 32)
    loud = Update(np.zeros(32 * blocks, np.int8), np.full(blocks, -7, np.int8))
    finding = run(world.submission(update_file=update_to_bytes(loud)))
    assert finding is not None
    assert finding.reason is Reason.UPDATE


def test_a_root_over_other_rollouts_is_found(world: Any) -> None:
    finding = run(world.submission(root=b"\7" * 32))
    assert finding is not None
    assert (finding.reason, finding.observed) == (Reason.COMMITMENT_ROOT, "0x" + "07" * 32)


def test_a_changed_reward_changes_the_root(world: Any) -> None:
    honest = world.submission()
    lying = world.submission(world.changed(2, reward=1), root=honest.work.root)
    finding = run(lying)
    assert finding is not None
    assert finding.reason is Reason.COMMITMENT_ROOT


def with_tokens(world: Any, tokens: tuple[int, ...]) -> Any:
    proofs = world.rollouts[1].proofs[:1] * (-(-len(tokens) // world.rules.params.chunk_tokens))
    return world.submission(world.changed(1, tokens=tokens, proofs=proofs))


def test_a_token_outside_the_vocabulary_is_found(world: Any) -> None:
    finding = run(with_tokens(world, (64, END)))
    assert finding is not None
    assert (finding.reason, finding.rollout, finding.observed, finding.allowed) == (
        Reason.SCHEMA,
        1,
        "64",
        "63",
    )
