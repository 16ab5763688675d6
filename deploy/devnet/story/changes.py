"""Small steps that every transition is made of: a new state with one thing changed."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, TypeVar

from cupel.devnet.story.events import DemoEvent
from cupel.devnet.story.state import DemoState, LogLine, NodeState, VerifierState

# The screen shows the newest few; the run's event log has all of them.
_LOG_LINES: Final = 400

Handler = Callable[[DemoState, DemoEvent], DemoState]
K = TypeVar("K")
V = TypeVar("V")


def with_item(mapping: Mapping[K, V], key: K, value: V) -> Mapping[K, V]:
    """The mapping with one item set."""
    return MappingProxyType({**mapping, key: value})


def change_node(state: DemoState, event: DemoEvent, **changes: Any) -> DemoState:
    """Change fields of the node the event comes from."""
    node = dataclasses.replace(state.nodes[event.source], **changes)
    return dataclasses.replace(state, nodes=with_item(state.nodes, event.source, node))


def change_verifier(state: DemoState, event: DemoEvent, **changes: Any) -> DemoState:
    """Change fields of the verifier the event comes from."""
    verifier = dataclasses.replace(state.verifiers[event.source], **changes)
    return dataclasses.replace(state, verifiers=with_item(state.verifiers, event.source, verifier))


def change_participant(state: DemoState, event: DemoEvent, **changes: Any) -> DemoState:
    """Change fields that nodes and verifiers share; nothing if the event comes from neither."""
    if event.source in state.nodes:
        return change_node(state, event, **changes)
    return change_verifier(state, event, **changes) if event.source in state.verifiers else state


def find_participant(state: DemoState, event: DemoEvent) -> NodeState | VerifierState | None:
    """The node or verifier the event comes from."""
    return state.nodes.get(event.source) or state.verifiers.get(event.source)


def add_line(state: DemoState, event: DemoEvent, text: str, tone: str = "info") -> DemoState:
    """Add a line for people. `tone` is info, good or bad."""
    line = LogLine(event.time_ms, event.source, text, tone)
    return dataclasses.replace(state, log=(*state.log, line)[-_LOG_LINES:])
