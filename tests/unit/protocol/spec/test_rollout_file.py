"""The rollouts file: what is written is read back, and any other file is refused with a reason."""

import dataclasses

import numpy as np
import pytest
from safetensors.numpy import load, save

from cupel.protocol.spec import rollout_file
from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.rollout import Rollout
from cupel.protocol.testing.vectors import example_params

PARAMS = dataclasses.replace(example_params(), chunk_tokens=4, topk=2)
PROOF = bytes(range(6))
ROLLOUTS = (
    Rollout(problem=3, seed=b"\1" * 32, tokens=(1, 2, 3, 4, 11), reward=0, proofs=(PROOF, PROOF[::-1])),
    Rollout(problem=3, seed=b"\2" * 32, tokens=(11,), reward=1_000_000, proofs=(PROOF,)),
)


def test_round_trip() -> None:
    assert rollout_file.decode(rollout_file.encode(ROLLOUTS, PARAMS), PARAMS) == ROLLOUTS


def changed(**arrays: np.ndarray) -> bytes:
    return save({**load(rollout_file.encode(ROLLOUTS, PARAMS)), **arrays})


DIALOGUES = (
    dataclasses.replace(ROLLOUTS[0], spans=(2, 1, 2)),
    dataclasses.replace(ROLLOUTS[1], spans=(1,)),
)


def test_dialogues_round_trip_in_a_form_of_their_own() -> None:
    file = rollout_file.encode(DIALOGUES, PARAMS)
    assert rollout_file.decode(file, PARAMS) == DIALOGUES
    assert sorted(set(load(file)) - set(load(rollout_file.encode(ROLLOUTS, PARAMS)))) == ["spans"]


def with_spans(*rows: list[int]) -> bytes:
    return changed(spans=np.array(rows, np.int32))


BAD_FILES = {
    "garbage": b"not a file",
    "empty": b"",
    "huge header": (2**60).to_bytes(8, "little") + b"{}",
    "missing array": save({"tokens": np.zeros((1, 9), np.int32)}),
    "unknown array": changed(extra=np.zeros(1, np.int32)),
    "no rollouts": changed(lengths=np.zeros(0, np.int32)),
    "too many": changed(lengths=np.ones(PARAMS.units_per_round + 1, np.int32)),
    "scalar lengths": changed(lengths=np.array(2, np.int32)),
    "wrong type": changed(rewards=np.zeros(2, np.int64)),
    "length zero": changed(lengths=np.array([5, 0], np.int32)),
    "length too long": changed(lengths=np.array([10, 1], np.int32)),
    "padding inside": changed(tokens=np.full((2, 9), -1, np.int32)),
    "negative token": changed(tokens=np.full((2, 9), -2, np.int32)),
    "negative reward": changed(rewards=np.array([-1, 0], np.int32)),
    "negative problem": changed(problems=np.array([-1, 0], np.int64)),
    "huge problem": changed(problems=np.array([2**40, 0], np.int64)),
    "missing proof": changed(proofs=np.zeros((2, 6), np.uint8)),
    "spans of another sum": with_spans([2, 1, 1], [1, 0, 0]),
    "an even number of spans": with_spans([4, 1], [1, 0]),
    "a gap in the spans": with_spans([2, 0, 3], [1, 0, 0]),
    "a negative span": with_spans([-1, 3, 3], [1, 0, 0]),
    "no spans of a rollout": with_spans([2, 1, 2], [0, 0, 0]),
    "an empty column of spans": with_spans([2, 1, 2, 0, 0], [1, 0, 0, 0, 0]),
    "spans without columns": changed(spans=np.zeros((2, 0), np.int32)),
    "flat spans": changed(spans=np.array([5, 1], np.int32)),
    "spans of another type": changed(spans=np.array([[2, 1, 2], [1, 0, 0]], np.int64)),
    "spans of one rollout": with_spans([2, 1, 2]),
    "short proofs": changed(proofs=np.zeros((3, 5), np.uint8)),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_is_refused(name: str) -> None:
    with pytest.raises(Rejected) as caught:
        rollout_file.decode(BAD_FILES[name], PARAMS)
    assert caught.value.reason is Reason.SCHEMA
