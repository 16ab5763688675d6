"""Signing attestations, sending them around, and counting those of others."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any, Final

from eth_account.signers.local import LocalAccount

from cupel.protocol.network import Announcement, AnnouncementKind, NetworkError
from cupel.protocol.participant import FETCH_SECONDS, Participant
from cupel.protocol.signatures import sign, signer
from cupel.protocol.spec.attestation import MAX_ATTESTATION_BYTES, Attestation, Statement, statement
from cupel.protocol.spec.errors import Rejected
from cupel.protocol.spec.rounds import CommittedWork

MAX_REMEMBERED: Final = 4096
"""Commitments whose attestations are remembered, the newest."""
MAX_WAITING: Final = 64
"""Attestations of one commitment that wait for it: anybody may send some in an attester's name."""


def attest(account: LocalAccount, said: Statement, sequence: int) -> Attestation:
    """Sign a statement about commitment `sequence` of its node."""
    return Attestation(said.node, sequence, *sign(account, said.digest))


def attester(said: Statement, attestation: Attestation) -> str:
    """Checksum address that signed. Rejected(SCHEMA) for what no key makes."""
    return signer(said.digest, attestation.r, attestation.s, attestation.parity)


@dataclass(slots=True)
class Attested:
    """Who of the attesters we trust attested what, of one task's commitments."""

    participant: Participant
    task: bytes
    attesters: frozenset[str]
    quorum: int
    """Attesters that make a commitment attested; 0 asks for none."""
    _signers: dict[bytes, set[str]] = field(default_factory=dict)
    """By statement."""
    _heard: dict[tuple[str, int], list[Attestation]] = field(default_factory=dict)
    """By node and sequence, what nobody has looked at yet: its commitment may still be on its way to the chain."""

    async def hear(self, announcement: Announcement) -> None:
        """Fetch what somebody announces, if it may count. A failure costs nothing but that attestation."""
        if announcement.account not in self.attesters:
            return
        try:
            block = await self.participant.swarm.fetch_block(
                announcement.cid, deadline_seconds=FETCH_SECONDS, max_bytes=MAX_ATTESTATION_BYTES
            )
            self.take(Attestation.from_bytes(block))
        except (NetworkError, Rejected) as error:
            message = f"an attestation of {announcement.account} does not count: {error}"
            self.participant.observer.emit("error", message=message)

    def take(self, attestation: Attestation) -> None:
        """Count an attestation of an attester we trust, now or when its commitment is seen."""
        place = attestation.node, attestation.sequence
        waiting = self._heard.setdefault(place, [])
        if len(waiting) < MAX_WAITING:
            waiting.append(attestation)
        _forget(self._heard)

    def is_attested(self, work: CommittedWork) -> bool:
        """Whether as many attesters as we ask for have found nothing in a commitment; our own is taken on our word."""
        if work.node == self.participant.address:
            return True
        said = statement(self.participant.chain.chain_id, self.participant.hub.address, self.task, work)
        signers = self._signers.setdefault(said.digest, set())
        for attestation in self._heard.pop((work.node, work.sequence), ()):
            try:
                signers.add(attester(said, attestation))
            except Rejected:
                continue
        _forget(self._signers)
        return len(signers & self.attesters) >= self.quorum


async def publish(participant: Participant, account: LocalAccount, task: bytes, work: CommittedWork) -> None:
    """Attest a commitment and tell the peers. ControlPlaneDown, StorageError."""
    said = statement(participant.chain.chain_id, participant.hub.address, task, work)
    attestation = await asyncio.to_thread(attest, account, said, work.sequence)
    cid = await asyncio.to_thread(participant.store.put, attestation.to_bytes())
    await participant.swarm.announce(
        Announcement(AnnouncementKind.ATTESTATION, task, participant.address, work.round, cid)
    )


def _forget(oldest_first: dict[Any, Any]) -> None:
    while len(oldest_first) > MAX_REMEMBERED:
        del oldest_first[next(iter(oldest_first))]
