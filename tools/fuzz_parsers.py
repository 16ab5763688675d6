"""Throw damaged and hostile bytes at every parser of what strangers send.

    python tools/fuzz_parsers.py [--seed N] [--seconds S]

Each case takes a valid input of a parser, damages it (bytes changed, cut, doubled, brackets, large numbers) or makes
bytes of its own, and demands a value or the parser's own refusal. Any other exception is a finding, as is a case of
more than a second; the run ends with 1 if there are any. A case depends on the seed and its number.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import cupel.protocol.chain.client  # noqa: F401  # as in a node: with the limits that its libraries leave
from cupel.protocol.chain.answers import block_of, logs_of, mined_of, octets, quantity
from cupel.protocol.chain.errors import ChainUnavailable
from cupel.protocol.network.byte_ranges import parse_range
from cupel.protocol.network.endpoint import Endpoint
from cupel.protocol.network.http_head import MalformedHead, parse_head
from cupel.protocol.spec import rollout_file
from cupel.protocol.spec.demand import DataDemand, Part
from cupel.protocol.spec.diloco.codec import get_codec
from cupel.protocol.spec.encoding import parse_canonical_json
from cupel.protocol.spec.errors import Rejected
from cupel.protocol.spec.jury_evidence import JuryEvidence
from cupel.protocol.spec.release import Release, SignedRelease, read_statement
from cupel.protocol.spec.rollout import SubmissionManifest
from cupel.protocol.spec.shardcast.cid import Cid
from cupel.protocol.spec.shardcast.manifest import WeightsManifest
from cupel.protocol.spec.task import TaskSpec
from cupel.protocol.spec.toploc import decode_proof
from cupel.protocol.testing.builders import example_spec
from cupel.protocol.testing.demand_vectors import example_version, example_work
from cupel.protocol.testing.vectors import HUB, NODE, example_params

SLOW_SECONDS = 1.0
"""No input of these sizes may take a core this long."""
PARAMS = example_params()
CODEC = get_codec(example_spec().aggregation.codec)
LOG = {
    "address": "0x" + "ab" * 20,
    "topics": ["0x" + "11" * 32],
    "data": "0x00",
    "blockNumber": "0x5",
    "blockHash": "0x" + "22" * 32,
    "transactionHash": "0x" + "33" * 32,
    "logIndex": "0x0",
}
BLOCK = {"number": "0x5", "hash": "0x" + "22" * 32, "timestamp": "0x64", "baseFeePerGas": "0x7"}
PROOF = (65497).to_bytes(2, "little") + b"\1\0" * 128
ENDPOINT = b"/ip4/127.0.0.1/tcp/4001/p2p/" + b"1" * 52 + b",/ip4/127.0.0.1/tcp/8080/http"
SPLICES = (b"[" * 20_000, b'{"a":' * 5_000, b"\xff" * 64, b"\0" * 64, b"1e999999", b"9" * 5_000, b'"\\ud800"')


@dataclass(frozen=True)
class Target:
    """A parser, how it refuses, and inputs that it takes."""

    parse: Callable[[bytes], object]
    refusals: tuple[type[Exception], ...]
    seeds: Sequence[bytes]


def _text(parse: Callable[[str], object]) -> Callable[[bytes], object]:
    return lambda data: parse(data.decode("latin-1"))


def _answer(data: bytes) -> object:
    try:
        value: Any = json.loads(data)
    except (ValueError, RecursionError):
        raise ChainUnavailable("not JSON") from None
    readers = (
        quantity,
        octets,
        block_of,
        lambda one: mined_of(one, b"\1" * 32),
        lambda one: logs_of(one, NODE),
    )
    for read in readers:
        try:
            read(value)
        except ChainUnavailable:
            continue
    return value


def targets() -> dict[str, Target]:
    """Every parser by name."""
    work = example_work(PARAMS, 31337, HUB, NODE)
    weights, _ = example_version()
    manifest, document = work.manifest, weights.to_bytes()
    cid = Cid.from_digest(b"\1" * 32)
    evidence = JuryEvidence(3, "stale policy", b"\1" * 32).to_bytes()
    wheel = "cupel-0.2.0-py3-none-any.whl"
    release = SignedRelease(
        Release("0.2.0", wheel, b"\1" * 32, str(cid), 5, "0.1.0", "a" * 40, 1), b"\2" * 32, b"\3" * 32, 0
    )
    return {
        "task specification": Target(TaskSpec.from_bytes, (Rejected,), [example_spec().to_bytes()]),
        "submission manifest": Target(SubmissionManifest.from_bytes, (Rejected,), [manifest]),
        "weights manifest": Target(WeightsManifest.from_bytes, (Rejected,), [document]),
        "canonical JSON": Target(
            lambda data: parse_canonical_json(data, 1 << 20), (Rejected,), [example_spec().to_bytes()]
        ),
        "rollouts file": Target(
            lambda data: rollout_file.decode(data, work.params),
            (Rejected,),
            [work.rollouts],
        ),
        "update": Target(
            lambda data: CODEC.from_bytes(data, 64, 255), (Rejected,), [bytes(CODEC.num_bytes(64))]
        ),
        "release statement": Target(read_statement, (Rejected,), [release.to_line(), release.to_line() * 2]),
        "CID": Target(_text(Cid.parse), (Rejected,), [str(cid).encode()]),
        "demand": Target(DataDemand.from_bytes, (Rejected,), [DataDemand(Part.LEAF, 3).to_bytes()]),
        "jury evidence": Target(JuryEvidence.from_bytes, (Rejected,), [evidence]),
        "TOPLOC proof": Target(
            lambda data: decode_proof(data, 128), (Rejected,), [(65497).to_bytes(2, "little") + b"\1\0" * 128]
        ),
        "endpoint": Target(
            _text(Endpoint.parse),
            (Rejected,),
            [b"/ip4/127.0.0.1/tcp/4001/p2p/" + b"1" * 52 + b",/ip4/127.0.0.1/tcp/8080/http"],
        ),
        "HTTP head": Target(parse_head, (MalformedHead,), [b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"]),
        "byte range": Target(_text(lambda text: parse_range(text, 1000)), (), [b"bytes=0-5", b"bytes=-7"]),
        "chain's answer": Target(
            _answer, (ChainUnavailable,), [json.dumps(one).encode() for one in ([LOG], BLOCK, "0x5")]
        ),
    }


def damaged(draw: random.Random, seeds: Sequence[bytes]) -> bytes:
    """An input."""
    data = bytearray(
        draw.choice(seeds) if seeds and draw.random() < 0.95 else draw.randbytes(draw.randint(0, 300))
    )
    for _ in range(draw.choice((0, 1, 1, 1, 2, 4, 8))):
        at = draw.randrange(len(data) + 1)
        match draw.randrange(7):
            case 0 if data:
                data[at % len(data)] ^= 1 << draw.randrange(8)
            case 1 if data:
                data[at % len(data)] = draw.choice((0, 1, 0x22, 0x5B, 0x7B, 0x7F, 0x80, 0xFF))
            case 2:
                del data[at:]
            case 3:
                data[at:at] = draw.choice(SPLICES)[: draw.choice((8, 64, 20_000))]
            case 4:
                data += data[at:]
            case 5:
                del data[at : at + draw.randint(1, 40)]
            case _:
                data[at:at] = draw.randbytes(draw.randint(1, 8))
    return bytes(data[: 1 << 17])


def examine(target: Target, data: bytes) -> str:
    """What became of a case: taken, refused, or a finding."""
    began = time.process_time()
    try:
        target.parse(data)
        outcome = "taken"
    except target.refusals:
        outcome = "refused"
    except Exception as error:  # whatever else comes out is what is looked for
        outcome = f"{type(error).__name__}: {error}"[:120]
    return (
        f"{time.process_time() - began:.1f} s of CPU"
        if time.process_time() - began > SLOW_SECONDS
        else outcome
    )


def main() -> int:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=60.0)
    given = parser.parse_args()
    known, counts, findings = targets(), Counter[tuple[str, str]](), dict[tuple[str, str], bytes]()
    until, number = time.monotonic() + given.seconds, 0
    while time.monotonic() < until:
        name = list(known)[number % len(known)]
        data = damaged(random.Random(f"{given.seed}/{number}"), known[name].seeds)
        outcome = examine(known[name], data)
        counts[name, outcome if outcome in ("taken", "refused") else "findings"] += 1
        if outcome not in ("taken", "refused"):
            findings.setdefault((name, outcome.split(":")[0]), data)
        number += 1
    print(f"seed {given.seed}, {number} cases")
    for name in known:
        taken, refused, found = (counts[name, kind] for kind in ("taken", "refused", "findings"))
        cases = f"{name:<20} {taken + refused + found:>8} cases"
        print(f"  {cases}  {taken:>7} taken  {refused:>8} refused  {found:>4} findings")
    for (name, outcome), data in findings.items():
        print(f"{name}: {outcome}: {data[:80].hex()} ({len(data)} bytes)")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
