"""What a verifier's events change: checks, accusations, challenges, votes."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Final

from cupel.devnet.story.changes import Handler, add_line, change_verifier, with_item
from cupel.devnet.story.events import DemoEvent
from cupel.devnet.story.state import Accusation, ChallengeState, DemoState, Status


def _checking(state: DemoState, event: DemoEvent) -> DemoState:
    name = state.name_of(event.text("node"))
    return change_verifier(state, event, checking=name, status=Status.WORKING)


def _verdict(state: DemoState, event: DemoEvent) -> DemoState:
    verifier, check = state.verifiers[event.source], event.text("check")
    if event.fields.get("passed") is True:
        return change_verifier(
            state, event, passed=with_item(verifier.passed, check, verifier.passed.get(check, 0) + 1)
        )
    changed = change_verifier(
        state, event, failed=with_item(verifier.failed, check, verifier.failed.get(check, 0) + 1)
    )
    node = state.name_of(event.text("node"))
    texts = (event.text(key) for key in ("reason", "detail", "observed", "allowed"))
    accusation = Accusation(
        event.source, node, event.number("round"), event.number("sequence"), check, *texts
    )
    changed = dataclasses.replace(changed, accusations=(*state.accusations, accusation))
    return add_line(changed, event, f"{node} fails {check}: {event.text('reason')}", "bad")


def _challenged(state: DemoState, event: DemoEvent) -> DemoState:
    number, node = event.number("challenge_id"), state.name_of(event.text("node"))
    challenge = ChallengeState(
        challenge_id=number,
        challenger=event.source,
        node=node,
        sequence=event.number("sequence"),
        judge=event.text("judge"),
        reason=event.text("reason"),
        opened_ms=event.time_ms,
    )
    changed = dataclasses.replace(state, challenges=with_item(state.challenges, number, challenge))
    return add_line(changed, event, f"challenges {node}, {challenge.judge} judge: {challenge.reason}")


def _vote(state: DemoState, event: DemoEvent) -> DemoState:
    number, guilty = event.number("challenge_id"), event.fields.get("guilty") is True
    challenge = state.challenges.get(number)
    if challenge is None:
        return state
    # Before the larger jury of an appeal a juror votes again.
    votes = {**dict(challenge.votes), event.source: guilty}
    voted = dataclasses.replace(challenge, votes=tuple(votes.items()))
    return dataclasses.replace(state, challenges=with_item(state.challenges, number, voted))


def _appealed(state: DemoState, event: DemoEvent) -> DemoState:
    challenge = state.challenges.get(event.number("challenge_id"))
    if challenge is None:
        return state
    return add_line(state, event, f"appeals against the jury's result about {challenge.node}")


def _resolved(state: DemoState, event: DemoEvent) -> DemoState:
    number, guilty = event.number("challenge_id"), event.fields.get("guilty") is True
    challenge = state.challenges.get(number)
    if challenge is None or challenge.guilty is not None:
        return state
    closed = dataclasses.replace(challenge, guilty=guilty, resolved_ms=event.time_ms)
    changed = dataclasses.replace(state, challenges=with_item(state.challenges, number, closed))
    text = f"challenge {number} against {challenge.node}: {'guilty' if guilty else 'not guilty'}"
    return add_line(changed, event, text, "good" if guilty else "bad")


FROM_VERIFIER: Final[Mapping[str, Handler]] = {
    "checking": _checking,
    "verdict": _verdict,
    "challenged": _challenged,
    "vote": _vote,
    "appealed": _appealed,
    "resolved": _resolved,
}
