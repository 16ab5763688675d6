"""The parsers of what strangers send, for tools/fuzz_parsers.py: how each refuses, and inputs that each takes.

A stranger is a peer, a task's author, an endpoint of the chain or whoever hands over a file. A new parser of such bytes
gets a line here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import fuzz_chain
import fuzz_links
import numpy as np
from fuzz_form import Form, Target

from cupel.protocol.chain.contract import checksum
from cupel.protocol.model.checkpoint import checkpoint_from_bytes, checkpoint_to_bytes, genesis
from cupel.protocol.model.layout import layout_of
from cupel.protocol.network.announcement import Announcement, AnnouncementKind
from cupel.protocol.network.bundle import from_lengths, from_request, to_lengths, to_request
from cupel.protocol.network.byte_ranges import parse_range
from cupel.protocol.network.endpoint import Endpoint
from cupel.protocol.network.exchange.messages import Message
from cupel.protocol.network.http_head import MalformedHead, parse_head
from cupel.protocol.spec import audits, rollout_file
from cupel.protocol.spec.attestation import Attestation
from cupel.protocol.spec.demand import DataDemand, Part
from cupel.protocol.spec.diloco.blocks import MAX_EXPONENT
from cupel.protocol.spec.diloco.codec import get_codec
from cupel.protocol.spec.diloco.delta import Delta, delta_from_bytes, delta_to_bytes
from cupel.protocol.spec.encoding import parse_canonical_json
from cupel.protocol.spec.errors import Rejected
from cupel.protocol.spec.jury_evidence import JuryEvidence
from cupel.protocol.spec.release import Release, SignedRelease, read_statement
from cupel.protocol.spec.rollout import SubmissionManifest
from cupel.protocol.spec.shardcast import unixfs
from cupel.protocol.spec.shardcast.cid import Cid, Codec
from cupel.protocol.spec.shardcast.manifest import WeightsManifest
from cupel.protocol.spec.task import TaskSpec
from cupel.protocol.spec.toploc import build_proofs_batch, decode_proof, float32, sketch, support
from cupel.protocol.testing.builders import example_spec
from cupel.protocol.testing.demand_vectors import PublishedWork, example_version, example_work
from cupel.protocol.testing.game_case import NARROW
from cupel.protocol.testing.vectors import CHAIN_ID, HUB, NODE, example_params
from cupel.protocol.training.state import DamagedState, fresh_state, state_from_bytes, state_to_bytes
from cupel.verifier.evidence import EvidenceDocument, asked_rollouts, is_about_training
from cupel.verifier.exhibit import Exhibit, commitment_bytes

PARAMS = example_params()
SPEC = example_spec()
LAYOUT = layout_of(NARROW)
NUM_PARAMETERS = 70
CODECS = ("mxint8", "mxint4", "sparse-4")
NUM_LEAVES = 13
PEER = "12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp"
ADDRESSES = f"/ip4/127.0.0.1/tcp/4001/p2p/{PEER},/ip4/127.0.0.1/tcp/8080/http".encode()


def targets() -> dict[str, Target]:
    """Every parser by name."""
    work = example_work(PARAMS, CHAIN_ID, HUB, NODE)
    return {
        **documents(work),
        **weights(),
        **proofs(),
        **messages(),
        **fuzz_chain.targets(),
        **fuzz_links.targets(),
    }


def documents(work: PublishedWork) -> Mapping[str, Target]:
    """What is published about a task and its work."""
    made, _ = example_version()
    evidence = JuryEvidence(3, "stale policy", b"\1" * 32).to_bytes()
    document = EvidenceDocument(
        CHAIN_ID, HUB, b"\1" * 32, NODE, work.commitment, NODE, "reward", "wrong-reward", 2, "1", "0", "no"
    )
    parts = {
        "spec": SPEC.to_bytes(),
        "beacon": b"\2" * 32,
        "manifest": work.manifest,
        "rollouts": work.rollouts,
    }
    twin = {
        "twin_commitment": commitment_bytes(work.commitment),
        "twin_manifest": work.manifest,
        "twin_rollouts": work.rollouts,
    }
    exhibits = [
        Exhibit(document, PARAMS, parts).to_bytes(),
        Exhibit(document, PARAMS, parts | twin).to_bytes(),
    ]
    answers = audits.Answers.of((audits.Answer(NODE, 3, b"\4" * 32), audits.Answer(NODE, 4, b"\5" * 32)))
    signed = Attestation(NODE, 3, b"\1" * 32, b"\2" * 32, 1).to_bytes()
    told = Announcement(
        AnnouncementKind.SUBMISSION, b"\1" * 32, checksum(NODE), 5, Cid.from_digest(b"\3" * 32)
    )
    wheel, address = "cupel-0.2.0-py3-none-any.whl", str(Cid.from_digest(b"\1" * 32))
    release = Release("0.2.0", wheel, b"\1" * 32, address, 5, "0.1.0", "a" * 40, 1)
    line = SignedRelease(release, b"\2" * 32, b"\3" * 32, 0).to_line()
    canonical = lambda data: parse_canonical_json(data, 1 << 20)  # noqa: E731
    return {
        "task specification": Target(TaskSpec.from_bytes, (Rejected,), [SPEC.to_bytes()], Form.JSON),
        "submission manifest": Target(SubmissionManifest.from_bytes, (Rejected,), [work.manifest], Form.JSON),
        "weights manifest": Target(WeightsManifest.from_bytes, (Rejected,), [made.to_bytes()], Form.JSON),
        "canonical JSON": Target(canonical, (Rejected,), [SPEC.to_bytes()]),
        "rollouts file": Target(
            lambda data: rollout_file.decode(data, work.params),
            (Rejected,),
            [work.rollouts],
            Form.SAFETENSORS,
        ),
        "demand": Target(
            DataDemand.from_bytes,
            (Rejected,),
            [DataDemand(Part.LEAF, 3).to_bytes(), DataDemand(Part.TOKENS, 2, 1).to_bytes()],
        ),
        "jury evidence": Target(JuryEvidence.from_bytes, (Rejected,), [evidence]),
        "charge": Target(_charge, (Rejected,), [evidence, DataDemand(Part.LEAF, 3).to_bytes()]),
        "evidence document": Target(
            EvidenceDocument.from_bytes, (Rejected,), [document.to_bytes()], Form.JSON
        ),
        "evidence file": Target(_exhibit, (Rejected,), exhibits, Form.SAFETENSORS),
        "release statement": Target(read_statement, (Rejected,), [line, line * 2]),
        "audit answers": Target(
            lambda data: audits.Answers.from_bytes(data, checksum),
            (Rejected,),
            [answers.to_bytes()],
            Form.JSON,
        ),
        "attestation": Target(Attestation.from_bytes, (Rejected,), [signed], Form.JSON),
        "announcement": Target(Announcement.from_bytes, (Rejected,), [told.to_bytes()], Form.JSON),
    }


def weights() -> Mapping[str, Target]:
    """Updates, deltas, checkpoints and the trainer's state."""
    draw = np.random.default_rng(1)
    found = {}
    for name in CODECS:
        codec = get_codec(name)
        update, _ = codec.encode(draw.normal(size=NUM_PARAMETERS).astype(np.float32), MAX_EXPONENT)
        found[f"update ({name})"] = Target(
            lambda data, codec=codec: codec.from_bytes(data, NUM_PARAMETERS, MAX_EXPONENT),  # type: ignore[misc]  # bound now
            (Rejected,),
            [codec.to_bytes(update, NUM_PARAMETERS)],
            Form.SAFETENSORS,
        )
    delta = Delta(draw.integers(-(2**30), 2**30, NUM_PARAMETERS), 3)
    state = genesis(draw.normal(size=LAYOUT.num_parameters).astype(np.float32))
    return {
        **found,
        "delta": Target(
            lambda data: delta_from_bytes(data, NUM_PARAMETERS),
            (Rejected,),
            [delta_to_bytes(delta)],
            Form.SAFETENSORS,
        ),
        "checkpoint": Target(
            lambda data: checkpoint_from_bytes(data, LAYOUT),
            (Rejected,),
            [checkpoint_to_bytes(state, LAYOUT)],
            Form.SAFETENSORS,
        ),
        "trainer's state": Target(
            lambda data: state_from_bytes(data, 20),
            (DamagedState,),
            [state_to_bytes(fresh_state(20))],
            Form.SAFETENSORS,
        ),
    }


def proofs() -> Mapping[str, Target]:
    """TOPLOC's three kinds, and what a dispute shows beside them."""
    states = np.random.default_rng(2).normal(size=(1, 8, 64)).astype(np.float32)
    lengths = np.array([8])
    (small,), (wide,) = (
        made(states, lengths, 8, 16) for made in (build_proofs_batch, float32.build_proofs_batch)
    )
    points = sorted(((index, 0x3F80 + index) for index in range(16)), key=lambda one: (-one[1], one[0]))
    numbers = sketch.to_bytes(np.linspace(1, 2, 16, dtype=np.float32))
    return {
        "TOPLOC proof": Target(lambda data: decode_proof(data, 16), (Rejected,), small),
        "TOPLOC proof (float32)": Target(lambda data: float32.decode_proof(data, 16), (Rejected,), wide),
        "TOPLOC support": Target(
            lambda data: support.decode_support(data, 16, 512), (Rejected,), [support.encode_support(points)]
        ),
        "TOPLOC sketch": Target(lambda data: sketch.decode_sketch(data, 16), (Rejected,), [numbers]),
    }


def messages() -> Mapping[str, Target]:
    """What peers say to each other."""
    cid, other = Cid.from_digest(b"\1" * 32), Cid.of(Codec.DAG_PB, b"\2")
    message = Message(b"\1" * 8, 8080, 3, 0b1011, ("http://10.0.0.7:8080", "http://10.0.0.8:1")).to_bytes(
        NUM_LEAVES
    )
    leaf = unixfs.leaf_link(cid, unixfs.CHUNK_BYTES)
    nodes = [block for count in (3, 1030) for _, block in unixfs.nodes_above(count * [leaf])[1]]
    return {
        "CID": Target(_text(Cid.parse), (Rejected,), [str(cid).encode(), str(other).encode()]),
        "CID (binary)": Target(Cid.from_bytes, (Rejected,), [cid.to_bytes(), other.to_bytes()]),
        "DAG node": Target(_node, (Rejected,), [nodes[0], nodes[-1]]),
        "endpoint": Target(_text(Endpoint.parse), (Rejected,), [ADDRESSES, f"/p2p/{PEER}".encode()]),
        "exchange message": Target(lambda data: Message.from_bytes(data, NUM_LEAVES), (Rejected,), [message]),
        "bundle's request": Target(from_request, (Rejected,), [to_request([cid, other])]),
        "bundle's lengths": Target(_lengths, (Rejected,), [to_lengths([5, None, 7])]),
        "HTTP head": Target(parse_head, (MalformedHead,), [b"HTTP/1.1 200 OK\r\nContent-Length: 5"]),
        "byte range": Target(_text(lambda text: parse_range(text, 1000)), (), [b"bytes=0-5", b"bytes=-7"]),
    }


def _text(parse: Callable[[str], object]) -> Callable[[bytes], object]:
    return lambda data: parse(data.decode("latin-1"))


def _charge(data: bytes) -> object:
    return asked_rollouts(data, 8), is_about_training(data)


def _exhibit(data: bytes) -> object:
    return Exhibit.from_bytes(data).twin()


def _node(data: bytes) -> object:
    return unixfs.child_links(unixfs.root_link(Cid.of(Codec.DAG_PB, data), data), data)


def _lengths(data: bytes) -> object:
    return from_lengths(data[:12].ljust(12, b"\0"), 24)
