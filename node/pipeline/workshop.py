"""The folder that the three processes of a node share, and all that passes between them.

    current                  which task is worked on, for which publisher
    TASK/params, spec        the task                                     task.stable
    TASK/weights-V/…         a canonical version                          version.stable
    TASK/round-R/…           see `rounds`; what is made lies in a folder of the order it was made for
    TASK/status-NAME         what a process does now, and whom it waits for

Every file is written whole, every set has its marker last. A process that finds a marker has all it needs; one that was
killed finds what it had finished, and makes the rest again, bit for bit.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from eth_abi.abi import decode as abi_decode
from eth_abi.abi import encode as abi_encode

from cupel.node.journal import Journal
from cupel.node.pipeline.rounds import Order, RoundFiles
from cupel.node.pipeline.sealed import load_set, marker_of, save_set
from cupel.protocol.spec import rollout_file
from cupel.protocol.spec.errors import Rejected
from cupel.protocol.spec.rollout import Rollout
from cupel.protocol.spec.task import TASK_PARAMS_ABI, TaskParams, TaskSpec

KEPT_ROUNDS: Final = 16
"""Closed rounds whose files stay, for export."""
_CURRENT: Final = "current"
_ROLLED, _TRAINED, _TASK, _VERSION = "rollouts", "trained", "task", "version"
_REFUSED, _CLOSED, _ORDER = "refused", "closed", "order"
_UPDATE, _STATE, _STEPS, _MANIFEST = "update", "state", "inner_steps", "manifest"


@dataclass(frozen=True, slots=True)
class Task:
    """What is worked on."""

    params: TaskParams
    spec: TaskSpec


@dataclass(frozen=True, slots=True)
class Trained:
    """A round's training: the update's file, and the trainer's state behind it."""

    update: bytes
    state: bytes
    inner_steps: int = 0
    """As the manifest states them: 0 unless they were fewer than the recipe's."""


@dataclass(frozen=True, slots=True)
class Status:
    """What a process said last."""

    pid: int
    round: int
    """Round it works on, or -1."""
    whom: str
    """Process it waits for, empty while it works."""
    what: str
    overdue: bool
    """Whether it has waited for longer than is normal."""


def current_task(root: Path, publisher: int) -> Path | None:
    """Folder of the task that the publisher of this process number works on; None before it says so."""
    text = Journal(root).load(_CURRENT)
    name, _, pid = ("" if text is None else text.decode()).partition(" ")
    return root / name if pid == str(publisher) else None


def announce_task(root: Path, name: str, publisher: int) -> None:
    """Let the publisher's two processes begin with the task in folder `name`."""
    Journal(root).save(_CURRENT, f"{name} {publisher}".encode())


class Workshop:
    """One task's part of the folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._own = Journal(folder)

    def save_task(self, task: Task) -> None:
        """Say what is worked on, once."""
        if self.task() != task:
            params = abi_encode([TASK_PARAMS_ABI], [task.params.as_abi()])
            save_set(self._own, _TASK, {"params": params, "spec": task.spec.to_bytes()})

    def task(self) -> Task | None:
        """What is worked on; None before it is said."""
        files = load_set(self._own, _TASK)
        if files is None:
            return None
        (values,) = abi_decode([TASK_PARAMS_ABI], files["params"])
        return Task(TaskParams.from_abi(values), TaskSpec.from_bytes(files["spec"]))

    def save_version(self, number: int, manifest: bytes, file: bytes) -> None:
        """Hand on a canonical version, once; another takes the place of one that turned out to be false."""
        journal = self._version(number)
        is_there = (journal.folder / marker_of(_VERSION)).exists()
        if not is_there or journal.load(_MANIFEST) != manifest:
            save_set(journal, _VERSION, {_MANIFEST: manifest, "checkpoint": file})

    def version(self, number: int) -> tuple[bytes, bytes] | None:
        """Manifest and checkpoint file of a version; None if it is not here."""
        files = load_set(self._version(number), _VERSION)
        return None if files is None else (files[_MANIFEST], files["checkpoint"])

    def place(self, order: Order) -> None:
        """Order a round. What was made for another order of it counts no more, nor does what is still to come of it."""
        if self.order(order.round) != order:
            self._round(order.round).save(_ORDER, order.to_bytes())

    def order(self, number: int) -> Order | None:
        """A round's order; None before it is placed, and if it is damaged."""
        data = self._round(number).load(_ORDER)
        try:
            return None if data is None else Order.from_bytes(data)
        except Rejected:
            return None

    def rounds(self) -> tuple[RoundFiles, ...]:
        """The rounds ordered, ascending."""
        found = [self._look(number) for number in self._numbers("round-")]
        return tuple(files for files in found if files is not None)

    def batch(self, order: Order, index: int, params: TaskParams) -> tuple[Rollout, ...] | None:
        """A batch of a round's rollouts that is finished; None if it is not."""
        data = self._made(order).load(_batch_name(index))
        try:
            return None if data is None else rollout_file.decode(data, params)
        except Rejected:
            return None

    def save_batch(self, order: Order, index: int, rollouts: tuple[Rollout, ...], params: TaskParams) -> None:
        """Keep a finished batch."""
        self._made(order).save(_batch_name(index), rollout_file.encode(rollouts, params))

    def num_batches(self, order: Order) -> int:
        """Batches of a round that are finished."""
        return len(list(self._made(order).folder.glob("batch-*")))

    def seal_rollouts(self, order: Order, rollouts: tuple[Rollout, ...], params: TaskParams) -> None:
        """Declare a round's rollouts whole."""
        save_set(self._made(order), _ROLLED, {_ROLLED: rollout_file.encode(rollouts, params)})
        for path in self._made(order).folder.glob("batch-*"):
            path.unlink(missing_ok=True)

    def rollouts(self, order: Order) -> bytes | None:
        """A round's rollouts file; None until it is whole."""
        files = load_set(self._made(order), _ROLLED)
        return None if files is None else files[_ROLLED]

    def save_trained(self, order: Order, trained: Trained) -> None:
        """Hand on a round's training."""
        files = {_UPDATE: trained.update, _STATE: trained.state}
        if trained.inner_steps:
            files[_STEPS] = str(trained.inner_steps).encode()
        save_set(self._made(order), _TRAINED, files)

    def trained(self, order: Order) -> Trained | None:
        """A round's training; None until it is whole."""
        files = load_set(self._made(order), _TRAINED)
        if files is None:
            return None
        return Trained(files[_UPDATE], files[_STATE], int(files.get(_STEPS, b"0")))

    def save_manifest(self, order: Order, manifest: bytes) -> None:
        """Keep the manifest of what was made of a round, for export."""
        self._made(order).save(_MANIFEST, manifest)

    def manifest(self, order: Order) -> bytes | None:
        """The manifest of what was made of a round."""
        return self._made(order).load(_MANIFEST)

    def refuse(self, order: Order, by: str, reason: str) -> None:
        """Say why nothing will come of a round."""
        self._made(order).save(_REFUSED, f"the {by} process: {reason}".encode())

    def refusal(self, order: Order) -> str | None:
        """Why nothing will come of a round."""
        data = self._made(order).load(_REFUSED)
        return None if data is None else data.decode(errors="replace")

    def close(self, number: int, outcome: str) -> None:
        """Nothing more is to be done for a round."""
        self._round(number).save(_CLOSED, outcome.encode())

    def reopen(self, number: int) -> None:
        """Something is to be done for a closed round after all; its files are still here."""
        self._round(number).remove(_CLOSED)

    def outcomes(self) -> dict[int, str]:
        """How the closed rounds ended, ascending."""
        found = {number: self._round(number).load(_CLOSED) for number in self._numbers("round-")}
        return {number: data.decode() for number, data in found.items() if data is not None}

    def report(self, order: Order, by: str, facts: Mapping[str, Any]) -> None:
        """Keep what a process says of its part of a round; saved before the part is sealed."""
        self._made(order).save(f"{by}.json", json.dumps(facts).encode(), durable=False)

    def reported(self, order: Order, by: str) -> dict[str, Any]:
        """What a process said of a round; empty if nothing, or if it is damaged."""
        data = self._made(order).load(f"{by}.json")
        try:
            found = json.loads(data or b"{}")
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    def save_status(self, name: str, status: Status) -> None:
        """Say what a process does now."""
        fields = (status.pid, status.round, status.whom, status.what, status.overdue)
        self._own.save(f"status-{name}", json.dumps(fields).encode(), durable=False)

    def status(self, name: str) -> Status | None:
        """What a process said last."""
        data = self._own.load(f"status-{name}")
        try:
            return None if data is None else Status(*json.loads(data))
        except (ValueError, TypeError):
            return None

    def sweep(self, oldest_version: int, spared_version: int = -1) -> None:
        """Delete versions below the oldest needed, but for a spared one, and the files of rounds long closed."""
        for number in self._numbers("weights-"):
            if number < oldest_version and number != spared_version:
                shutil.rmtree(self._version(number).folder, ignore_errors=True)
        closed = [one.round for one in self.rounds() if one.closed]
        for number in closed[:-KEPT_ROUNDS]:
            shutil.rmtree(self._round(number).folder, ignore_errors=True)

    def _look(self, number: int) -> RoundFiles | None:
        if (self._round(number).folder / _CLOSED).exists():
            return RoundFiles(number, closed=True)
        order = self.order(number)
        return None if order is None else self.files(order)

    def files(self, order: Order) -> RoundFiles:
        """What is there of an open round, made for this order."""
        folder = self._made(order).folder
        names = (marker_of(_ROLLED), marker_of(_TRAINED), _REFUSED)
        return RoundFiles(order.round, *((folder / name).exists() for name in names))

    def _numbers(self, prefix: str) -> list[int]:
        try:
            names = [path.name for path in self.folder.iterdir() if path.name.startswith(prefix)]
        except FileNotFoundError:
            return []
        return sorted(int(name.removeprefix(prefix)) for name in names)

    def _round(self, number: int) -> Journal:
        return Journal(self.folder / f"round-{number:06}")

    def _made(self, order: Order) -> Journal:
        return Journal(self._round(order.round).folder / f"for-{order.digest.hex()[:16]}")

    def _version(self, number: int) -> Journal:
        return Journal(self.folder / f"weights-{number:06}")


def _batch_name(index: int) -> str:
    return f"batch-{index:04}"
