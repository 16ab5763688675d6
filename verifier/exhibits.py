"""Making evidence public: the document by its address for a jury, the whole file on this machine for anybody."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from cupel.protocol.model.canonical import CanonicalVersion
from cupel.protocol.network import Announcement, AnnouncementKind
from cupel.protocol.participant import Participant
from cupel.protocol.spec.errors import Rejected
from cupel.protocol.versions import Versions
from cupel.verifier.checks.base import FetchedSubmission
from cupel.verifier.evidence import EvidenceDocument
from cupel.verifier.exhibit import Exhibit, commitment_bytes, keep


def exhibit_of(
    document: EvidenceDocument,
    submission: FetchedSubmission,
    twin: FetchedSubmission | None,
    version: CanonicalVersion | None,
    *,
    objective: bytes | None = None,
    state: bytes | None = None,
) -> Exhibit:
    """The file of a finding.

    twin: the node's other commitment it is about; version: the policy it rests on; objective: evidence for the
    ObjectiveJudge, if the finding is its matter; state: the trainer's.
    """
    parts = {
        "spec": submission.rules.spec.to_bytes(),
        "beacon": submission.beacon,
        "manifest": submission.manifest_file,
    }
    files = {"rollouts": submission.rollouts_file, "update": submission.update_file}
    parts |= {name: file for name, file in files.items() if isinstance(file, bytes)}
    if twin is not None and isinstance(twin.rollouts_file, bytes):
        parts["twin_commitment"] = commitment_bytes(twin.commitment)
        parts["twin_manifest"] = twin.manifest_file
        parts["twin_rollouts"] = twin.rollouts_file
    if objective is not None:
        parts["objective"] = objective
    if version is not None:
        parts["version"], parts["checkpoint"] = version.manifest.to_bytes(), version.file
    if state is not None:
        parts["state"] = state
    return Exhibit(document, submission.rules.params, parts)


@dataclass(frozen=True, slots=True)
class Exhibits:
    """Where one verifier's evidence goes."""

    participant: Participant
    versions: Versions
    folder: Path

    async def publish(
        self,
        document: EvidenceDocument,
        submission: FetchedSubmission | None,
        twin: FetchedSubmission | None,
        objective: bytes | None = None,
        state: bytes | None = None,
    ) -> None:
        """Store, pin and announce the document; write the file, unless the finding has no submission.

        objective: as for `exhibit_of`.

        A posted checkpoint has none: what it should have been takes every update of its round.
        """
        participant = self.participant
        cid = await asyncio.to_thread(participant.store.put, document.to_bytes())
        # Nothing on the chain leads to it, but a jury may ask for it.
        await asyncio.to_thread(participant.store.pin, cid)
        announcement = Announcement(
            AnnouncementKind.EVIDENCE,
            document.task,
            participant.address,
            document.commitment.round,
            cid,
        )
        await participant.swarm.announce(announcement)
        if submission is not None:
            await asyncio.to_thread(self._write, document, submission, twin, objective, state)

    def _write(
        self,
        document: EvidenceDocument,
        submission: FetchedSubmission,
        twin: FetchedSubmission | None,
        objective: bytes | None,
        state: bytes | None,
    ) -> None:
        try:
            version = self.versions.get(submission.manifest.policy.version)
        except Rejected:
            version = None
        try:
            exhibit = exhibit_of(document, submission, twin, version, objective=objective, state=state)
            file = exhibit.to_bytes()
        except Rejected as rejected:
            self.participant.observer.emit("error", message=f"no evidence file: {rejected}")
            return
        path = keep(self.folder, file)
        self.participant.observer.emit("evidence", node=document.node, path=str(path), size=len(file))
