"""What a node's events change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from cupel.devnet.story.changes import Handler, add_line, change_node, with_item
from cupel.devnet.story.events import DemoEvent
from cupel.devnet.story.state import ENDED, DemoState, Status


def _joined(state: DemoState, event: DemoEvent) -> DemoState:
    return change_node(state, event, stake=event.number("stake"), status=Status.WORKING)


def _phase(state: DemoState, event: DemoEvent) -> DemoState:
    node, phase, index = state.nodes[event.source], event.text("phase"), event.number("round", -1)
    if node.status in ENDED:
        return state
    missed = (*node.missed, index) if phase == "missed" and index not in node.missed else node.missed
    changed = change_node(
        state,
        event,
        phase=phase,
        round=index,
        progress=event.number("progress"),
        detail=event.text("detail"),
        missed=missed,
    )
    is_new_miss = missed != node.missed
    return (
        add_line(changed, event, f"missed round {index}: {event.text('detail')}", "bad")
        if is_new_miss
        else changed
    )


def _committed(state: DemoState, event: DemoEvent) -> DemoState:
    node, index = state.nodes[event.source], event.number("round")
    reward = event.number("reward_millionths")
    changed = change_node(
        state,
        event,
        units=node.units + event.number("units"),
        rewards=with_item(node.rewards, index, reward),
        losses=with_item(node.losses, index, event.number("loss_millionths")),
    )
    return add_line(
        changed, event, f"round {index}: {event.number('units')} units, reward {reward / 1e6:.3f}"
    )


def _policy(state: DemoState, event: DemoEvent) -> DemoState:
    node = state.nodes[event.source]
    digest = event.text("digest").lower()
    return change_node(state, event, versions=with_item(node.versions, event.number("version"), digest))


def _slashed(state: DemoState, event: DemoEvent) -> DemoState:
    return add_line(
        change_node(state, event, status=Status.SLASHED, phase=""), event, "slashed: its stake is gone", "bad"
    )


def _claimed(state: DemoState, event: DemoEvent) -> DemoState:
    claimed = state.nodes[event.source].claimed + event.number("amount")
    return change_node(state, event, claimed=claimed)


def _exited(state: DemoState, event: DemoEvent) -> DemoState:
    return change_node(state, event, status=Status.SETTLING, phase="")


FROM_NODE: Final[Mapping[str, Handler]] = {
    "joined": _joined,
    "phase": _phase,
    "committed": _committed,
    "policy": _policy,
    "slashed": _slashed,
    "claimed": _claimed,
    "exited": _exited,
}
