"""What a challenge accuses of, read from any challenger's bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from cupel.protocol.chain.deployments import Deployment
from cupel.protocol.spec.demand import DataDemand
from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.fraud import kind_of
from cupel.protocol.spec.jury_evidence import JuryEvidence

UNREADABLE: Final = "unreadable"
_MAX_ACCUSATION: Final = 60
_CANONICAL_BYTES: Final = 64


@dataclass(frozen=True, slots=True)
class Charge:
    """Who judges, and for what."""

    judge: str
    """The judge's name; its address if the deployment does not know it."""
    accusation: str
    rollout: int | None = None
    document: bytes | None = None
    """SHA-256 of the evidence document, where the charge names one."""


def charge_of(deployment: Deployment, judge: str, evidence: bytes) -> Charge:
    """The charge before a judge; its accusation is UNREADABLE if the evidence is none."""
    readers = {
        deployment.objective_judge: ("ObjectiveJudge", _objective),
        deployment.jury_judge: ("JuryJudge", _jury),
        deployment.data_judge: ("DataJudge", _data),
        deployment.canonical_judge: ("CanonicalJudge", _canonical),
    }
    if judge not in readers:
        return Charge(judge, "unknown judge")
    name, read = readers[judge]
    try:
        return read(name, evidence)
    except Rejected:
        return Charge(name, UNREADABLE)


def _objective(judge: str, evidence: bytes) -> Charge:
    return Charge(judge, kind_of(evidence).name.lower().replace("_", " "))


def _jury(judge: str, evidence: bytes) -> Charge:
    told = JuryEvidence.from_bytes(evidence)
    return Charge(judge, told.reason[:_MAX_ACCUSATION], told.rollout, told.digest)


def _data(judge: str, evidence: bytes) -> Charge:
    demand = DataDemand.from_bytes(evidence)
    return Charge(judge, f"{demand.part.name.lower()} withheld", demand.index)


def _canonical(judge: str, evidence: bytes) -> Charge:
    if not evidence:
        return Charge(judge, "false version")
    if len(evidence) != _CANONICAL_BYTES:
        raise Rejected(Reason.SIZE, f"{len(evidence)} bytes, {_CANONICAL_BYTES} are a rollout and a chunk")
    return Charge(judge, "false computation", int.from_bytes(evidence[:32], "big"))
