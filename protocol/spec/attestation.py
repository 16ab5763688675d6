"""Attestations: a verifier signs that it checked a commitment and found nothing.

They carry no money and the chain never sees them: they tell early, before the challenge window is over, what is likely
to stand (soft finality). Whose word counts is everybody's own choice. The signature is EIP-712, in the hub's domain:

    Attestation(bytes32 task,address node,bytes32 commitment)

`commitment` is the hash that the hub's ring holds, so an attestation is about one root, manifest, round and sequence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from cupel.protocol.spec import documents
from cupel.protocol.spec.encoding import words
from cupel.protocol.spec.hashing import keccak256
from cupel.protocol.spec.rounds import CommittedWork, commitment_of
from cupel.protocol.spec.task import TaskParams

MAX_ATTESTATION_BYTES: Final = 1024
_KIND: Final = "cupel.attestation.v1"
_DOMAIN_TYPE: Final = keccak256(
    b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
_NAME: Final = keccak256(b"Cupel Hub")
_VERSION: Final = keccak256(b"1")
_TYPE: Final = keccak256(b"Attestation(bytes32 task,address node,bytes32 commitment)")


def hub_domain(chain_id: int, hub: str) -> bytes:
    """EIP-712 domain separator of a hub."""
    return keccak256(words(_DOMAIN_TYPE, _NAME, _VERSION, chain_id, hub))


@dataclass(frozen=True, slots=True)
class Statement:
    """What is signed."""

    chain_id: int
    hub: str
    task: bytes
    node: str
    commitment: bytes

    @property
    def digest(self) -> bytes:
        """EIP-712 hash: what the signature is over."""
        message = keccak256(words(_TYPE, self.task, self.node, self.commitment))
        return keccak256(b"\x19\x01" + hub_domain(self.chain_id, self.hub) + message)


@dataclass(frozen=True, slots=True)
class Attestation:
    """What travels: a signature, and what of the statement a reader cannot know. Says nothing until it is recovered."""

    node: str
    sequence: int
    r: bytes
    s: bytes
    parity: int

    def to_bytes(self) -> bytes:
        """Canonical bytes."""
        return documents.encode(_KIND, self)

    @classmethod
    def from_bytes(cls, data: bytes) -> Attestation:
        """Inverse of `to_bytes`. Rejected(SIZE, ENCODING, SCHEMA)."""
        return documents.decode(cls, _KIND, data, MAX_ATTESTATION_BYTES)


def statement(chain_id: int, hub: str, task: bytes, work: CommittedWork) -> Statement:
    """The statement about a commitment."""
    return Statement(chain_id, hub, task, work.node, commitment_of(work).hash())


def newest_attested(
    params: TaskParams,
    commitments: Iterable[CommittedWork],
    accepted: Callable[[int], Iterable[CommittedWork]],
    newest: int,
    now: int,
    is_attested: Callable[[CommittedWork], bool],
) -> int:
    """The newest version, up to `newest`, that rests on nothing but attested and final work.

    Version v is made from the accepted work of all rounds below v, which `accepted` tells by round. Work whose
    challenge window is over is final.
    """
    open_rounds = {
        work.round
        for work in commitments
        if work.round < newest and now < work.time + params.challenge_window and not is_attested(work)
    }
    for number in sorted(open_rounds):
        made_of = accepted(number)
        if any(now < work.time + params.challenge_window and not is_attested(work) for work in made_of):
            return number
    return newest
