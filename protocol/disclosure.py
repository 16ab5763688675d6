"""Calls that show demanded data to the DataJudge."""

from __future__ import annotations

from cupel.protocol.chain.bindings.data_judge import DataJudge
from cupel.protocol.chain.bindings.structs import Challenge, Demand
from cupel.protocol.chain.contract import Call
from cupel.protocol.spec.demand import (
    Answer,
    ChunkAnswer,
    DataDemand,
    LeafAnswer,
    ManifestAnswer,
    Part,
    PieceAnswer,
)


def demanded(demand: Demand) -> DataDemand:
    """What an open demand asks for."""
    return DataDemand(Part(demand.kind), demand.index, demand.chunk)


def answer_call(judge: DataJudge, challenge: Challenge, demand: Demand, answer: Answer) -> Call[None]:
    """The call that gives an answer to an open demand."""
    match answer:
        case LeafAnswer(leaf, proof):
            return judge.answer_leaf(challenge, demand, leaf, proof)
        case ChunkAnswer(leaf, proof, data, chunk_proof):
            return judge.answer_chunk(challenge, demand, leaf, proof, data, chunk_proof)
        case ManifestAnswer(manifest):
            return judge.answer_manifest(challenge, demand, manifest)
        case PieceAnswer(manifest, piece, proof):
            return judge.answer_piece(challenge, demand, manifest, piece, proof)
