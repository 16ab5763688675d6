"""Demands name one part, and an answer leads from that part to the commitment."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cupel.protocol.spec import merkle, pieces, rollout_file
from cupel.protocol.spec.demand import (
    ChunkAnswer,
    DataDemand,
    LeafAnswer,
    ManifestAnswer,
    Part,
    PieceAnswer,
    answer,
    demands_for,
    is_answerable,
    piece_answer,
    price_in_gas,
    shown_file,
)
from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.hashing import sha256
from cupel.protocol.spec.rollout import RolloutLeaf, leaf_hash
from cupel.protocol.testing.demand_vectors import LENGTHS, UPDATE, example_work
from cupel.protocol.testing.vectors import CHAIN_ID, HUB, NODE, example_params

WORK = example_work(example_params(), CHAIN_ID, HUB, NODE)
PARAMS = WORK.params
EVERYTHING = (DataDemand(Part.MANIFEST), *demands_for(range(len(LENGTHS)), PARAMS))


def assert_committed(leaf: RolloutLeaf, index: int, proof: tuple[bytes, ...]) -> None:
    assert leaf.index == index
    root, units = WORK.commitment.root, WORK.commitment.units
    assert merkle.verify(root, leaf_hash(WORK.context, leaf), index, units, proof)


@pytest.mark.parametrize("demand", EVERYTHING, ids=str)
def test_every_answer_opens_under_the_commitment(demand: DataDemand) -> None:
    given_ = answer(demand, WORK.manifest, WORK.rollouts, PARAMS, WORK.context)
    rollouts = rollout_file.decode(WORK.rollouts, PARAMS)
    chunks = -(-LENGTHS[demand.index] // PARAMS.chunk_tokens)
    match given_:
        case ManifestAnswer(manifest):
            assert demand.part is Part.MANIFEST
            assert sha256(manifest) == WORK.commitment.manifest
        case LeafAnswer(leaf, proof):
            assert demand.part is Part.LEAF or demand.chunk >= chunks
            assert_committed(leaf, demand.index, proof)
        case ChunkAnswer(leaf, proof, data, chunk_proof):
            assert demand.of_chunk
            assert_committed(leaf, demand.index, proof)
            of_tokens = demand.part is Part.TOKENS
            root = leaf.tokens_root if of_tokens else leaf.toploc_root
            assert merkle.verify(root, merkle.leaf_hash(data), demand.chunk, chunks, chunk_proof)
            tokens = rollouts[demand.index].tokens[4 * demand.chunk : 4 * demand.chunk + 4]
            shown = b"".join(token.to_bytes(4, "big") for token in tokens)
            assert data == (shown if of_tokens else rollouts[demand.index].proofs[demand.chunk])


def test_what_can_be_demanded_gives_back_whole_rollouts() -> None:
    assert len(EVERYTHING) == 1 + len(LENGTHS) * (1 + 3 + 3)
    assert len(set(EVERYTHING)) == len(EVERYTHING)
    assert demands_for([2], PARAMS)[0] == DataDemand(Part.LEAF, 2)


def test_files_of_no_honest_node_are_refused() -> None:
    leaf = DataDemand(Part.LEAF)
    with pytest.raises(Rejected):
        answer(leaf, b"{}", WORK.rollouts, PARAMS, WORK.context)
    with pytest.raises(Rejected):
        answer(leaf, WORK.manifest, b"", PARAMS, WORK.context)
    # The manifest is shown as it is: its hash alone was committed to.
    assert answer(DataDemand(Part.MANIFEST), b"{}", b"", PARAMS, WORK.context) == ManifestAnswer(b"{}")


def test_pieces_are_shown_with_their_manifest() -> None:
    answers = {
        DataDemand(Part.UPDATE, index): piece_answer(index, WORK.manifest, UPDATE) for index in range(4)
    }
    head = pieces.Head.from_manifest(WORK.manifest)
    assert head == pieces.head_of(UPDATE)
    *shown, behind = answers.values()
    for index, given_ in enumerate(shown):
        assert isinstance(given_, PieceAnswer)
        assert given_.manifest == WORK.manifest
        assert merkle.verify(head.root, sha256(given_.piece), index, 3, given_.proof)
    assert behind == ManifestAnswer(WORK.manifest)
    assert shown_file(answers) == UPDATE


def test_a_file_is_shown_when_its_last_piece_is() -> None:
    first = piece_answer(0, WORK.manifest, UPDATE), piece_answer(2, WORK.manifest, UPDATE)
    answers = {DataDemand(Part.UPDATE, 2): first[1], DataDemand(Part.UPDATE, 0): first[0]}
    assert shown_file(answers) is None
    assert (
        shown_file(answers | {DataDemand(Part.UPDATE, 1): piece_answer(1, WORK.manifest, UPDATE)}) == UPDATE
    )
    assert shown_file({}) is None
    assert shown_file({DataDemand(Part.UPDATE, 9): ManifestAnswer(WORK.manifest)}) is None


@given(st.sampled_from(Part), st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
def test_evidence_round_trips(part: Part, index: int, chunk: int) -> None:
    demand = DataDemand(part, index, chunk)
    assert len(demand.to_bytes()) == 96
    assert DataDemand.from_bytes(demand.to_bytes()) == demand


@pytest.mark.parametrize("evidence", [b"", bytes(95), bytes(97), bytes(96), b"\0" * 31 + b"\7" + bytes(64)])
def test_evidence_that_demands_nothing_is_refused(evidence: bytes) -> None:
    with pytest.raises(Rejected) as refusal:
        DataDemand.from_bytes(evidence)
    assert refusal.value.reason is Reason.ENCODING


def test_the_price_grows_with_the_answer() -> None:
    leaf, manifest = DataDemand(Part.LEAF), DataDemand(Part.MANIFEST)
    tokens, proof = DataDemand(Part.TOKENS), DataDemand(Part.PROOF)
    assert price_in_gas(leaf, PARAMS, 64) == 2 * (2 * 17_100 + 91_000 + 6 * 1_280)
    assert price_in_gas(tokens, PARAMS, 64) == 2 * (2 * 17_100 + 96_900 + 8 * 1_280 + 16 * 30)
    assert price_in_gas(proof, PARAMS, 64) == 2 * (2 * 17_100 + 96_900 + 8 * 1_280 + 10 * 30)
    assert price_in_gas(manifest, PARAMS, 64) == 2 * (2 * 17_100 + 81_400 + 1024 * 26)
    for part in (Part.UPDATE, Part.CHECKPOINT):
        price = price_in_gas(DataDemand(part), PARAMS, 64)
        assert price == 2 * (2 * 17_100 + 84_600 + 32 * 1_280 + 3072 * 26)


def test_chunks_longer_than_a_manifest_cannot_be_demanded() -> None:
    large = dataclasses.replace(PARAMS, chunk_tokens=2000, max_tokens=1024, topk=2047)
    larger = dataclasses.replace(large, max_tokens=1025, topk=2048)
    for part in Part:
        assert is_answerable(DataDemand(part), large)
        assert is_answerable(DataDemand(part), larger) == (not DataDemand(part).of_chunk)
    with pytest.raises(AssertionError, match="TOKENS cannot be demanded"):
        price_in_gas(DataDemand(Part.TOKENS), larger, 1)
