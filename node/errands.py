"""The duties that are one transaction: join, open a round, post, claim, leave."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from eth_account.signers.local import LocalAccount
from eth_typing import Hash32

from cupel.node import duties
from cupel.node.publishing.seams import Seams
from cupel.protocol.chain.errors import ContractError
from cupel.protocol.chain.ledger import TaskLedger
from cupel.protocol.model.canonical import CanonicalVersion
from cupel.protocol.participant import Participant
from cupel.protocol.spans import Origin, span
from cupel.protocol.spec.consent import Consent
from cupel.protocol.versions import Versions

Errand = (
    duties.Join
    | duties.OpenRound
    | duties.PostCheckpoint
    | duties.Claim
    | duties.RequestExit
    | duties.Exit
    | duties.Withdraw
)


class Errands:
    """Sends them for one node and task."""

    def __init__(
        self, participant: Participant, ledger: Callable[[], TaskLedger], versions: Versions, seams: Seams
    ) -> None:
        self._participant = participant
        self._observer = participant.observer
        self._ledger = ledger
        self._versions = versions
        self._seams = seams

    async def carry_out(self, errand: Errand) -> None:
        """Send it and report. ChainError as the client; where another node may have been faster, that is none."""
        participant, hub = self._participant, self._participant.hub
        task, params = self._ledger().task, self._ledger().params
        match errand:
            case duties.Join(quota):
                await participant.approve(params.token, hub.address, params.stake, participant.owner)
                owner = participant.owner.address
                call = hub.join(params, participant.address, owner, quota, self._consent(quota))
                await participant.send("join", call, participant.owner)
                self._observer.emit("joined", quota=quota, stake=str(params.stake), owner=owner)
            case duties.OpenRound(round_index):
                # Another node may have been a moment faster; the beacon is then set, which is what was wanted.
                with contextlib.suppress(ContractError):
                    await participant.send("open round", hub.open_round(task, round_index))
            case duties.PostCheckpoint(version):
                with contextlib.suppress(ContractError):
                    await self._post(version)
            case duties.Claim(sequences):
                await self._claim(sequences)
            case duties.RequestExit():
                call = hub.request_exit(task, participant.address)
                await participant.send("request exit", call, participant.owner)
            case duties.Exit():
                await participant.send("exit", hub.exit(params, participant.address))
                self._observer.emit("exited")
            case duties.Withdraw():
                payout = self._ledger().members[participant.address].payout
                amount = await hub.credit(params.token, payout)
                await participant.send("withdraw", hub.withdraw(params.token, payout))
                self._observer.emit("withdrawn", amount=str(amount))

    def _consent(self, quota: int) -> bytes:
        """The node's own word that its owner may stake for it; empty where it is its owner."""
        chain, owner = self._participant.chain, self._participant.owner.address
        if owner == chain.address:
            return b""
        assert isinstance(chain.account, LocalAccount), "a node's key is in its process"
        hub, task = self._participant.hub.address, self._ledger().task
        consent = Consent(chain.chain_id, hub, task, chain.address, owner, owner, quota)
        return bytes(chain.account.unsafe_sign_hash(Hash32(consent.digest)).signature)

    async def _post(self, version: int) -> None:
        false = self._falsified(version)
        if false is None:
            digest = self._versions.digests()[version]
        else:
            digest = false.digest
            await self._versions.serve(false)
        participant, task = self._participant, self._ledger().task
        origin = Origin.of(task, participant.address, version, is_version=True)
        with span("post", origin, first=True, node=participant.address, version=version):
            call = participant.hub.post_checkpoint(task, version, digest)
            await participant.send("post checkpoint", call)
        self._observer.emit("checkpoint", version=version, digest="0x" + digest.hex())

    def _falsified(self, version: int) -> CanonicalVersion | None:
        parent = self._versions.get(version - 1)
        return None if self._seams.version is None or parent is None else self._seams.version(parent)

    async def _claim(self, sequences: tuple[int, ...]) -> None:
        participant, ledger = self._participant, self._ledger()
        batch = [c for c in ledger.commitments(participant.address) if c.sequence in sequences]
        await participant.send("claim", participant.hub.claim(ledger.params, participant.address, batch))
        units = sum(commitment.units for commitment in batch)
        self._observer.emit("claimed", units=units, amount=str(units * ledger.params.rate))
