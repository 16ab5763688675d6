"""A disk that fails at a chosen moment: the process dies there, power goes, space runs out, or nothing can be written.

    for moment, call in enumerate(calls_of(work)):      # "open", "write", ...
        with dying_disk(moment, Death.POWER):
            work()

It stands between Python and the operating system, so what it covers is what goes through `os.open`, `os.write`,
`os.fsync` and `os.replace`, as `replace_file` does.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any
from unittest import mock


class Dead(BaseException):
    """Raised where a process would have ended."""


class Death(Enum):
    """How it ends."""

    KILL = "the process is killed; the system goes on and keeps what it was given"
    POWER = "power goes; what was not synced is lost"
    FULL = "no space is left, from here on"
    READ_ONLY = "nothing can be written, from here on"


@dataclass(slots=True)
class _Disk:
    """What the calls did, as far as a power cut may undo it."""

    moment: int
    torn: int
    death: Death
    calls: list[str] = field(default_factory=list)
    unsynced: dict[str, int] = field(default_factory=dict)
    """Bytes that are safe, by path."""
    renamed: list[tuple[Path, bytes | None]] = field(default_factory=list)
    """Targets of renames that their folder does not show yet, with what they held."""
    paths: dict[int, str] = field(default_factory=dict)
    """By descriptor."""


@contextmanager
def dying_disk(moment: int, death: Death, torn: int = 0) -> Iterator[None]:
    """Fail at the call of number `moment`, from 0. torn: bytes of a write that get through before.

    After KILL and POWER, Dead comes out of the block; the files are then as the next process finds them.
    """
    disk = _Disk(moment, torn, death)
    with _between(disk):
        try:
            yield
        except Dead:
            if death is Death.POWER:
                _cut(disk)
            raise


def calls_of(work: Callable[[], object]) -> tuple[str, ...]:
    """The calls that `work` makes, each of which may be the last."""
    disk = _Disk(-1, 0, Death.KILL)
    with _between(disk):
        work()
    return tuple(disk.calls)


def _between(disk: _Disk) -> Any:
    originals = {name: getattr(os, name) for name in ("open", "write", "fsync", "replace", "close")}
    wrapped: dict[str, Any] = {
        name: _wrapper(disk, name, original, originals) for name, original in originals.items()
    }
    return mock.patch.multiple("os", **wrapped)


def _wrapper(
    disk: _Disk, name: str, original: Callable[..., Any], originals: dict[str, Callable[..., Any]]
) -> Callable[..., Any]:
    def call(*arguments: Any, **options: Any) -> Any:
        if name == "close" or (name == "open" and not _writes(arguments)):
            result = original(*arguments, **options)
            if name == "open":
                disk.paths[result] = os.fspath(arguments[0])
            return result
        _fail_if_due(disk, name, arguments, originals)
        disk.calls.append(name)
        before = _content(arguments[1]) if name == "replace" else None
        result = original(*arguments, **options)
        _note(disk, name, arguments, before, result)
        return result

    return call


def _writes(arguments: tuple[Any, ...]) -> bool:
    return len(arguments) > 1 and bool(arguments[1] & (os.O_WRONLY | os.O_RDWR))


def _fail_if_due(
    disk: _Disk, name: str, arguments: tuple[Any, ...], originals: dict[str, Callable[..., Any]]
) -> None:
    made = len(disk.calls)
    due = made == disk.moment if disk.death in (Death.KILL, Death.POWER) else made >= disk.moment
    if disk.moment < 0 or not due:
        return
    if name == "write":
        originals["write"](arguments[0], bytes(arguments[1])[: disk.torn])
    if disk.death is Death.FULL:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    if disk.death is Death.READ_ONLY:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))
    if disk.death in (Death.KILL, Death.POWER):
        raise Dead


def _note(disk: _Disk, name: str, arguments: tuple[Any, ...], before: bytes | None, result: Any) -> None:
    match name:
        case "open":
            disk.paths[result] = os.fspath(arguments[0])
            disk.unsynced.setdefault(disk.paths[result], 0)
        case "fsync":
            path = disk.paths.get(arguments[0], "")
            if Path(path).is_dir():
                disk.renamed = [one for one in disk.renamed if one[0].parent != Path(path)]
            else:
                disk.unsynced.pop(path, None)
        case "replace":
            source, target = os.fspath(arguments[0]), os.fspath(arguments[1])
            disk.renamed.append((Path(target), before))
            if source in disk.unsynced:
                disk.unsynced[target] = disk.unsynced.pop(source)
            else:
                disk.unsynced.pop(target, None)


def _content(path: Any) -> bytes | None:
    try:
        return Path(path).read_bytes()
    except FileNotFoundError:
        return None


def _cut(disk: _Disk) -> None:
    """The worst that a journalling file system may do: unsynced bytes are gone, unsynced names are the old ones."""
    for path, safe in disk.unsynced.items():
        if Path(path).is_file():
            os.truncate(path, safe)
    for target, before in reversed(disk.renamed):
        if before is None:
            target.unlink(missing_ok=True)
        else:
            target.write_bytes(before)
