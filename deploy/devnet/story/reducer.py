"""`reduce(state, event) -> state`: the demo's story, one event at a time. Pure: no clock, no IO."""

from __future__ import annotations

import dataclasses
import signal
from collections.abc import Mapping
from typing import Any, Final

from cupel.devnet.story.changes import Handler, add_line, change_participant, find_participant, with_item
from cupel.devnet.story.events import CHAIN, DEMO, DemoEvent
from cupel.devnet.story.nodes import FROM_NODE
from cupel.devnet.story.state import ChainView, DemoState, StageStatus, Status, TransactionNote, Transfer
from cupel.devnet.story.verifiers import FROM_VERIFIER

SLASHED_EXIT_CODE: Final = 3
"""Exit code of a node that lost its stake."""
_STOPPED_EXIT_CODE: Final = 130
_KILLED_CODES: Final = (-signal.SIGKILL, -signal.SIGTERM, _STOPPED_EXIT_CODE)


def reduce(state: DemoState, event: DemoEvent) -> DemoState:
    """The state after an event. Unknown events and sources change nothing but the time."""
    state = dataclasses.replace(state, now_ms=max(state.now_ms, event.time_ms))
    if event.source == DEMO:
        return _apply(_FROM_DEMO, state, event)
    if event.source == CHAIN:
        return _apply(_FROM_CHAIN, state, event)
    state = _apply(_FROM_ANY, state, event)
    if event.source in state.nodes:
        return _apply(FROM_NODE, state, event)
    return _apply(FROM_VERIFIER, state, event) if event.source in state.verifiers else state


def _apply(table: Mapping[str, Handler], state: DemoState, event: DemoEvent) -> DemoState:
    handler = table.get(event.name)
    return state if handler is None else handler(state, event)


def _stage(state: DemoState, event: DemoEvent) -> DemoState:
    """stage{key, status, progress?, detail?}"""
    status = StageStatus(event.text("status"))
    stages = []
    for stage in state.stages:
        if stage.key == event.text("key"):
            started = stage.started_ms or event.time_ms
            ended = event.time_ms if status in (StageStatus.DONE, StageStatus.FAILED) else 0
            progress = 1000 if status is StageStatus.DONE else event.number("progress", stage.progress)
            detail = event.text("detail", stage.detail)
            stage = dataclasses.replace(
                stage, status=status, progress=progress, detail=detail, started_ms=started, ended_ms=ended
            )
        stages.append(stage)
    return dataclasses.replace(state, stages=tuple(stages))


def _task(state: DemoState, event: DemoEvent) -> DemoState:
    names = ("start", "rounds", "round_seconds", "bounty")
    changes: dict[str, Any] = {name: event.number(name) for name in names if name in event.fields}
    if event.text("task"):
        changes["task_id"] = event.text("task")
    return dataclasses.replace(state, task=dataclasses.replace(state.task, **changes))


def _killing(state: DemoState, event: DemoEvent) -> DemoState:
    return add_line(state, event, f"{event.text('process')} killed on purpose (SIGKILL)", "bad")


def _mishap(state: DemoState, event: DemoEvent) -> DemoState:
    return add_line(state, event, event.text("text"), "bad")


def _block(state: DemoState, event: DemoEvent) -> DemoState:
    names = ("block", "timestamp", "bounty", "stakes", "bonds", "credits", "hub_balance", "burned")
    values = {name: event.number(name, getattr(state.chain, name)) for name in names}
    return dataclasses.replace(state, chain=ChainView(**values, seen_ms=event.time_ms))


def _ready(state: DemoState, event: DemoEvent) -> DemoState:
    return change_participant(state, event, status=Status.READY)


def _transaction(state: DemoState, event: DemoEvent) -> DemoState:
    note = TransactionNote(event.source, event.text("action"), event.text("hash"), event.number("gas"))
    return dataclasses.replace(state, transactions=(*state.transactions, note))


def _transfer(state: DemoState, event: DemoEvent) -> DemoState:
    moved = Transfer(event.number("bytes_in"), event.number("bytes_out"), event.number("peers"))
    return change_participant(state, event, transfer=moved)


def _error(state: DemoState, event: DemoEvent) -> DemoState:
    message = event.text("message")
    return add_line(change_participant(state, event, last_error=message), event, message, "bad")


def _ended(state: DemoState, event: DemoEvent) -> DemoState:
    code, found = event.number("code"), find_participant(state, event)
    state = dataclasses.replace(state, exits=with_item(state.exits, event.source, code))
    if found is None:
        return state if code == 0 else add_line(state, event, f"ended with code {code}", "bad")
    if code == SLASHED_EXIT_CODE and event.source in state.nodes:
        return change_participant(state, event, exit_code=code, status=Status.SLASHED)
    if code == 0:
        return change_participant(state, event, exit_code=code, status=Status.DONE)
    status = Status.KILLED if code in _KILLED_CODES else Status.FAILED
    text = (
        f"killed by signal {-code}"
        if code < 0
        else f"ended with code {code}: {found.last_error or 'see its log'}"
    )
    return add_line(change_participant(state, event, exit_code=code, status=status), event, text, "bad")


def _dispute(state: DemoState, event: DemoEvent) -> DemoState:
    return add_line(state, event, f"moves in a dispute about computation: {event.text('move')}")


def _withdrawn(state: DemoState, event: DemoEvent) -> DemoState:
    found = find_participant(state, event)
    if found is None:
        return state
    return change_participant(state, event, withdrawn=found.withdrawn + event.number("amount"))


_FROM_DEMO: Final[Mapping[str, Handler]] = {
    "stage": _stage,
    "task": _task,
    "killing": _killing,
    "mishap": _mishap,
}
_FROM_CHAIN: Final[Mapping[str, Handler]] = {"block": _block}
_FROM_ANY: Final[Mapping[str, Handler]] = {
    "ready": _ready,
    "task": _task,
    "transaction": _transaction,
    "transfer": _transfer,
    "error": _error,
    "withdrawn": _withdrawn,
    "dispute": _dispute,
    "process-ended": _ended,
}
