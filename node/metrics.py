"""A line of numbers for every step of a node: how training went, and where each process's time went."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from cupel.node.pipeline.rounds import PUBLISHER, ROLLOUTS, TRAINER, Order
from cupel.node.pipeline.worker import Clock
from cupel.node.pipeline.workshop import Workshop
from cupel.protocol.config import ConfigError
from cupel.protocol.storage.port import StorageError

FILE: Final = "metrics.jsonl"
FORMAT: Final = 1
_TRAINING: Final = (
    "mean_reward",
    "loss",
    "divergence",
    "entropy",
    "clipped_share",
    "gradient_norm",
    "update_norm",
    "groups_with_signal",
    "steps",
)
_TAIL_BYTES: Final = 1 << 16


def step_facts(
    workshop: Workshop, order: Order, outcome: str, publisher: Clock, seconds: float, manifest: str = ""
) -> dict[str, Any]:
    """The line of a round; numbers of a part that never ended are null.

    seconds: from the order, or from the restart that took it up, to the end. manifest: digest of what was committed to.
    """
    rollouts, trainer = workshop.reported(order, ROLLOUTS), workshop.reported(order, TRAINER)
    publisher.busy = max(0.0, seconds - sum(publisher.waited.values()))
    processes = {ROLLOUTS: rollouts, TRAINER: trainer, PUBLISHER: publisher.lap()}
    return {
        "format": FORMAT,
        "round": order.round,
        "outcome": outcome,
        "manifest": manifest or None,
        "policy_version": order.sampler,
        "staleness": order.round - order.sampler,
        "rollouts": rollouts.get("rollouts"),
        "tokens": rollouts.get("tokens"),
        **{name: trainer.get(name) for name in _TRAINING},
        "seconds": round(seconds, 3),
        "processes": {name: _time(facts) for name, facts in processes.items()},
    }


def _time(facts: dict[str, Any]) -> dict[str, Any]:
    busy, waited = facts.get("busy_seconds", 0.0), facts.get("waited_seconds", {})
    total = busy + sum(waited.values())
    share = round(busy / total, 4) if total else None
    return {"busy_seconds": busy, "waited_seconds": waited, "utilisation": share}


class MetricsLog:
    """Appends lines to a file, and to TensorBoard's if asked; a round that is there is not written again."""

    def __init__(self, path: Path, tensorboard: str = "") -> None:
        """tensorboard: folder of its event files, or empty. ConfigError if its library is not installed, or the folder
        cannot be made."""
        self._path = path
        self._tensorboard = tensorboard
        self._open = _writer_class(tensorboard) if tensorboard else None
        self._writer: Any = None

    def write(self, facts: dict[str, Any]) -> None:
        """Append one step."""
        if self._last_round() >= facts["round"]:
            return
        line = json.dumps(facts, separators=(",", ":")).encode() + b"\n"
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
            try:
                # A line that a crash cut off must not take this one with it.
                size = os.fstat(descriptor).st_size
                whole = size == 0 or os.pread(descriptor, 1, size - 1) == b"\n"
                os.write(descriptor, line if whole else b"\n" + line)
            finally:
                os.close(descriptor)
        except OSError as error:
            problem = f"cannot write {self._path}: {error.strerror}"
            raise StorageError(problem, "free disk space or choose another data_dir") from error
        if self._open is not None:
            # Not before: it is a thread, and the node's other processes are forked from one that has none.
            self._writer = self._writer or self._open(self._tensorboard)
            _to_tensorboard(self._writer, facts)

    def _last_round(self) -> int:
        """Round of the last whole line, or -1."""
        try:
            with self._path.open("rb") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
                lines = file.read().splitlines()
        except OSError:
            return -1
        for line in reversed(lines):
            try:
                return int(json.loads(line)["round"])
            except (ValueError, KeyError, TypeError):
                continue
        return -1


def _writer_class(folder: str) -> Callable[[str], Any]:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        remedy = "Install it with: pip install 'cupel[tensorboard]', or leave tensorboard empty"
        raise ConfigError("tensorboard", f"its library cannot be loaded ({error})", remedy) from None
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        problem = f"cannot make {folder} ({error.strerror})"
        raise ConfigError("tensorboard", problem, "Name a folder that can be written") from None
    writer: Callable[[str], Any] = SummaryWriter
    return writer


def _to_tensorboard(writer: Any, facts: dict[str, Any]) -> None:
    """Scalars by their names in the file; a process's under `utilisation/` and `waited/`."""
    step = facts["round"]
    for name in ("staleness", "rollouts", "tokens", "seconds", *_TRAINING):
        if facts[name] is not None:
            writer.add_scalar(name, facts[name], step)
    for process, times in facts["processes"].items():
        if times["utilisation"] is not None:
            writer.add_scalar(f"utilisation/{process}", times["utilisation"], step)
        for whom, seconds in times["waited_seconds"].items():
            writer.add_scalar(f"waited/{process}-for-{whom}", seconds, step)
    writer.flush()
