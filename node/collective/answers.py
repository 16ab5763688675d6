"""What a member answers to a call for a reduce, and what a caller makes of it."""

from __future__ import annotations

from typing import Final

from cupel.node.collective.attempts import Attempts, Certificate, number_of
from cupel.node.collective.calls import Message
from cupel.node.collective.frames import LinkFailed
from cupel.protocol.spec.collective.agreement import Held, View
from cupel.protocol.spec.errors import Reason, Rejected

DIGEST_BYTES: Final = 32


def answer_call(
    attempts: Attempts, caller: str, message: Message, address: str
) -> tuple[Message, View | None]:
    """What a caller is told, and the view its link is for, if it is told to go on."""
    if message["reduce"] != attempts.name(View()).hex():
        return {"kind": "name"}, None
    with attempts.changed:
        if attempts.certificate is None:
            attempts.hear(message)
        shown, ring, view = attempts.shown(), attempts.ballot.ring, attempts.ballot.view
        if attempts.certificate is not None:
            return {"kind": "decided", **shown, "certificate": _show(attempts.certificate)}, None
        if attempts.over:
            return {"kind": "over", **shown}, None
        said = View(number_of(message), frozenset(told["accused"] for told in message["accusations"]))
        if said == view and caller in ring and address in ring and ring[ring.index(address) - 1] == caller:
            return {"kind": "go"}, view
        return {"kind": "view", **shown}, None


def take_answer(attempts: Attempts, view: View, answer: Message) -> None:
    """Any answer but "go". LinkFailed if the other end is of no use, Rejected if a decision cannot be shared."""
    problems = {
        "unknown": Rejected(Reason.COLLECTIVE_SILENT, "has not begun the reduce"),
        "name": Rejected(Reason.COLLECTIVE_NAME, "takes part in another reduce or roster"),
        "over": Rejected(Reason.COLLECTIVE_LOST, "has given up"),
    }
    if answer["kind"] in problems:
        raise LinkFailed("right", problems[answer["kind"]])
    attempts.hear(answer)
    with attempts.changed:
        if attempts.address in attempts.ballot.view.lost:
            return
    if answer["kind"] == "decided":
        attempts.decided_elsewhere(_certificate(answer["certificate"]))
    elif attempts.ballot.view == view:
        raise LinkFailed("right", Rejected(Reason.COLLECTIVE_NAME, "answers with a view that is not newer"))


def _show(certificate: Certificate) -> Message:
    return {
        "number": certificate.view.number,
        "lost": sorted(certificate.view.lost),
        "attempt": certificate.held.attempt.hex(),
        "check": certificate.held.check.hex(),
        "signatures": {member: signature.hex() for member, signature in certificate.signatures.items()},
    }


def _certificate(shown: Message) -> Certificate:
    """ValueError, KeyError or TypeError if it is none."""
    if not isinstance(shown["signatures"], dict):
        raise TypeError("signatures are by member")
    held = Held(bytes.fromhex(shown["attempt"]), bytes.fromhex(shown["check"]))
    if not len(held.attempt) == len(held.check) == DIGEST_BYTES:
        raise ValueError("an attempt or a check of another length")
    return Certificate(
        View(number_of(shown), frozenset(shown["lost"])),
        held,
        {str(member): bytes.fromhex(signature) for member, signature in shown["signatures"].items()},
    )
