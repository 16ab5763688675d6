"""A node's rollouts for other people's tools: Parquet files out, and a published file back from one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cupel.node.crew import FOLDER
from cupel.node.pipeline.workshop import Task, Workshop
from cupel.protocol import rollout_table
from cupel.protocol.config import ConfigError
from cupel.protocol.environments.installed import open_environment
from cupel.protocol.spec import rollout_file
from cupel.protocol.spec.assignment import assigned_work
from cupel.protocol.spec.errors import Rejected
from cupel.protocol.spec.rollout import SubmissionManifest
from cupel.protocol.storage.port import StorageError


@dataclass(frozen=True, slots=True)
class Exported:
    """A file written."""

    path: Path
    round: int
    rollouts: int


def export_rounds(data_dir: Path, task: str, out: Path) -> Iterator[Exported]:
    """Write the rollouts of every round that is kept and was committed, a file each.

    task: id, or empty where the folder holds one alone. Reads only: the node may run. ConfigError for a folder without
    that task, or without pyarrow.
    """
    workshop, known = _open(data_dir, task)
    environment = open_environment(known.spec.environment)
    for number in workshop.outcomes():
        order = workshop.order(number)
        if order is None:
            continue
        data, file = workshop.manifest(order), workshop.rollouts(order)
        if data is None or file is None:
            continue
        manifest = SubmissionManifest.from_bytes(data)
        # Fewer than were sampled, if two problems had one proof: then only those were committed to.
        rollouts = rollout_file.decode(file, known.params)[: manifest.units]
        assigned = assigned_work(order.seed, known.params, range(manifest.units), known.spec.length)
        targets = [owed.target for owed in assigned]
        table = rollout_table.write(manifest, rollouts, targets, known.params, environment)
        path = out / f"rollouts-{number:06}.parquet"
        _write(path, table)
        yield Exported(path, number, manifest.units)


def import_rollouts(table: Path, data_dir: Path, task: str, out: Path) -> Exported:
    """Write the published file that a table was made of, which has the CID that its manifest names.

    ConfigError with the reason for a file that is none of this task's.
    """
    _, known = _open(data_dir, task)
    try:
        data = table.read_bytes()
        environment = open_environment(known.spec.environment)
        manifest, rollouts, published = rollout_table.read(data, known.params, known.spec.length, environment)
    except OSError as error:
        raise ConfigError("table", f"cannot read {table} ({error.strerror})", "Check the path") from None
    except Rejected as rejected:
        raise ConfigError("table", f"{table}: {rejected}", "Export it again") from None
    _write(out, published)
    return Exported(out, manifest.round, len(rollouts))


def _open(data_dir: Path, task: str) -> tuple[Workshop, Task]:
    root = data_dir / FOLDER
    found = sorted(path.name for path in root.iterdir() if path.is_dir()) if root.is_dir() else []
    chosen = [name for name in found if name == task.removeprefix("0x")] if task else found
    if len(chosen) != 1:
        listed = ", ".join(f"0x{name}" for name in found) or "no task"
        raise ConfigError(
            "task", f"{data_dir} has {listed}", "Name one of them with --task, or another data_dir"
        )
    workshop = Workshop(root / chosen[0])
    known = workshop.task()
    if known is None:
        raise ConfigError("data_dir", f"{workshop.folder} is not whole", "Let the node begin its work first")
    return workshop, known


def _write(path: Path, data: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error.strerror}", "choose another folder") from error
