"""A node's consent to be staked for: what its key signs so that another account may own its membership (EIP-712)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from cupel.protocol.spec.attestation import hub_domain
from cupel.protocol.spec.encoding import words
from cupel.protocol.spec.hashing import keccak256

_TYPE: Final = keccak256(b"Join(bytes32 task,address node,address owner,address payout,uint32 quota)")


@dataclass(frozen=True, slots=True)
class Consent:
    """What is signed. Computed here: a key signs no digest that an endpoint names."""

    chain_id: int
    hub: str
    task: bytes
    node: str
    owner: str
    payout: str
    quota: int

    @property
    def digest(self) -> bytes:
        """EIP-712 hash, as `Hub.joinDigest` has it."""
        message = keccak256(words(_TYPE, self.task, self.node, self.owner, self.payout, self.quota))
        return keccak256(b"\x19\x01" + hub_domain(self.chain_id, self.hub) + message)
