"""The parts of the benchmark: which transfers and faults are run, and their tables."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import faults_original
import faults_ours
from bench import MEBIBYTE, MEGABYTE, make_file
from limits import Limits
from outcomes import Outcome
from report import capped_table, faults_table, paragraph, transfers_table
from transfers import OURS, THEIRS, Job, Transfer, original_transfer, our_chain, our_swarm

SIZES = {
    "chain": 1000 * MEGABYTE,
    "fanout": 1024 * MEBIBYTE,
    "capped": 64 * MEBIBYTE,
    "growth": 128 * MEBIBYTE,
    "faults": 128 * MEGABYTE,
}
UPLOAD_LIMIT = 10 * MEGABYTE
# Of the original in the capped part, instead of 50 MB: so that its ten downloads of a client run side by side.
SMALL_SHARD_BYTES = 4 * MEGABYTE
SEED = 1
FAULTS_NOTE = (
    "Receivers know the relays only. `x moved`: bytes over the loopback device since the receivers started, all nodes "
    "together, by what the receivers need: 1 where no byte came twice. Kind to the original: wget gives up after 2 s "
    "(30 by default), a slow retry waits 2 s (15). `no end`: it was not waited for any longer. Ours: every node's "
    "uploads are limited so that sending the file takes 4 s, or nothing could be killed in the middle; a receiver that "
    "gets nothing for half a minute gives up."
)
# The original keeps shards and the file, at the origin, a relay and four clients.
COPIES_ON_DISK = 12


@dataclass(frozen=True)
class Settings:
    """`places`: folders to work in, the first one for everything; `python`: the original's, None without it."""

    places: Sequence[Path]
    python: Path | None
    is_ours: bool
    megabytes: int | None
    rounds: int
    most_receivers: int
    patience_seconds: float
    fault: str

    def size(self, part: str) -> int:
        """Bytes of a part's file."""
        return self.megabytes * MEGABYTE if self.megabytes else SIZES[part]


@dataclass(frozen=True)
class Result:
    """Of one part: its section of the report, and what it was made from."""

    title: str
    text: str
    transfers: Sequence[Transfer] = ()
    outcomes: Sequence[tuple[str, str, Outcome]] = ()


@contextmanager
def published_file(place: Path, size: int) -> Iterator[Job]:
    """The file to send, on the disk where it is sent."""
    with TemporaryDirectory(prefix="shardcast-file-", dir=place) as folder:
        file = Path(folder) / "file.bin"
        yield Job(file, make_file(file, size, SEED), place)


def alternate(works: Sequence[Callable[[], Transfer]], rounds: int) -> list[Transfer]:
    """Each work once a round, one after the other; of each the fastest round."""
    runs: list[list[Transfer]] = [[] for _ in works]
    for _ in range(rounds):
        for work, done in zip(works, runs, strict=True):
            done.append(work())
            say(f"{done[-1].system}, {done[-1].layout}, {done[-1].receivers}: {done[-1].seconds:.1f} s")
    return [min(done, key=lambda one: one.seconds) for done in runs]


def say(line: str) -> None:
    """Progress, on standard error."""
    print(line, file=sys.stderr, flush=True)


def file_system(place: Path) -> str:
    """The kind of a folder's file system."""
    mounts = Path("/proc/mounts")
    lines = mounts.read_text(encoding="utf-8").splitlines() if mounts.exists() else []
    kinds = {words[1]: words[2] for words in (line.split() for line in lines)}
    parents = [str(parent) for parent in (place.resolve(), *place.resolve().parents)]
    return next((kinds[parent] for parent in parents if parent in kinds), "unknown file system")


def chain(settings: Settings, limits: Limits) -> Result:
    """Origin, relay, one receiver; on every place."""

    def works(job: Job, _: bool) -> list[Callable[[], Transfer]]:
        python = settings.python
        theirs = [lambda: original_transfer(job, python, 1, relayed=True)] if python else []
        return [*theirs, *([lambda: our_chain(job)] if settings.is_ours else [])]

    return _on_places("Two hops: origin, relay, receiver", "chain", settings, limits, works)


def fanout(settings: Settings, limits: Limits) -> Result:
    """One origin to four receivers; on every place. The original directly, and on the first through a relay, too."""

    def works(job: Job, is_first: bool) -> list[Callable[[], Transfer]]:
        python = settings.python
        theirs: list[Callable[[], Transfer]] = []
        if python:
            theirs.append(lambda: original_transfer(job, python, 4, relayed=False))
        if python and is_first:
            theirs.append(lambda: original_transfer(job, python, 4, relayed=True))
        return [*theirs, *([lambda: our_swarm(job, 4)] if settings.is_ours else [])]

    return _on_places("One origin to four receivers", "fanout", settings, limits, works)


def _on_places(
    title: str,
    part: str,
    settings: Settings,
    limits: Limits,
    works: Callable[[Job, bool], list[Callable[[], Transfer]]],
) -> Result:
    size = settings.size(part)
    text, transfers = "", []
    for place in settings.places:
        text += f"\n{size / 1e6:.0f} MB on {file_system(place)}:\n\n"
        if shutil.disk_usage(place).free < COPIES_ON_DISK * size:
            text += f"Not run: {COPIES_ON_DISK * size / 1e9:.0f} GB are not free.\n"
            continue
        with published_file(place, size) as job:
            done = alternate(works(job, place == settings.places[0]), settings.rounds)
        text += transfers_table(done, limits) + ratios(done)
        transfers += done
    return Result(title, text, transfers)


def ratios(transfers: Sequence[Transfer]) -> str:
    """How ours compares with the fastest and the most economical run of the original."""
    theirs = [one for one in transfers if one.system == THEIRS]
    ours = [one for one in transfers if one.system == OURS]
    if not theirs or not ours:
        return ""
    faster = min(one.seconds for one in theirs) / ours[0].seconds
    cheaper = ours[0].megabytes_per_cpu_second / max(one.megabytes_per_cpu_second for one in theirs)
    return f"\nOurs beside the best of the original: {faster:.1f} x faster, {cheaper:.1f} x its MB per CPU second.\n"


def receiver_counts(settings: Settings, counts: Sequence[int]) -> list[int]:
    """Those of the counts that are asked for."""
    return [count for count in counts if count <= settings.most_receivers]


def capped(settings: Settings, limits: Limits) -> Result:
    """Every node's upload limited; the original, which has no limit, behind a proxy, to four receivers only."""
    with published_file(settings.places[0], settings.size("capped")) as job:
        works: list[Callable[[], Transfer]] = []
        if python := settings.python:
            works.append(lambda: original_transfer(job, python, 4, False, UPLOAD_LIMIT, SMALL_SHARD_BYTES))
        if settings.is_ours:
            works += [
                lambda count=count: our_swarm(job, count, UPLOAD_LIMIT)  # type: ignore[misc]
                for count in receiver_counts(settings, [4, 8, 16])
            ]
        transfers = alternate(works, settings.rounds)
    text = (
        f"{job_megabytes(settings, 'capped')} MB; every node sends at most {UPLOAD_LIMIT / 1e6:.0f} MB/s. The "
        f"original has no such limit: a proxy in front of its origin keeps to it (shards of "
        f"{SMALL_SHARD_BYTES / 1e6:.0f} MB; `wire` counts its bytes on both sides). Its time grows with the number of "
        "receivers, so 8 and 16 are not run: a star takes 8 and 16 times size / uplink, and whoever relays for it is "
        "limited as well. Ours is timed from when the first receiver is up: on one machine programs start in turn."
    )
    return Result(
        "Uploads limited", f"\n{paragraph(text)}\n{capped_table(transfers, UPLOAD_LIMIT)}", transfers
    )


def job_megabytes(settings: Settings, part: str) -> str:
    """Size of a part's file, for the report."""
    return f"{settings.size(part) / 1e6:.1f}"


def growth(settings: Settings, limits: Limits) -> Result:
    """One origin to more and more receivers."""
    counts = receiver_counts(settings, [2, 4, 8, 16])
    with published_file(settings.places[0], settings.size("growth")) as job:
        works: list[Callable[[], Transfer]] = []
        for count in counts:
            if python := settings.python:
                works.append(lambda count=count: original_transfer(job, python, count, False))  # type: ignore[misc]
            if settings.is_ours:
                works.append(lambda count=count: our_swarm(job, count))  # type: ignore[misc]
        transfers = alternate(works, settings.rounds)
    text = f"\n{job_megabytes(settings, 'growth')} MB, no limit, all processes on this machine:\n\n"
    return Result("More receivers", text + transfers_table(transfers, limits), transfers)


def faults(settings: Settings, limits: Limits) -> Result:
    """Every fault, the original's turn and ours."""
    outcomes: dict[str, dict[str, Outcome]] = {}
    with published_file(settings.places[0], settings.size("faults")) as job:
        for fault in faults_ours.FAULTS:
            if settings.fault not in fault:
                continue
            row = outcomes.setdefault(fault, {})
            if settings.python:
                row[THEIRS] = faults_original.FAULTS[fault](job, settings.python, settings.patience_seconds)
                say(f"{THEIRS}, {fault}: {row[THEIRS]}")
            if settings.is_ours:
                row[OURS] = faults_ours.FAULTS[fault](job)
                say(f"{OURS}, {fault}: {row[OURS]}")
    note = f"{job_megabytes(settings, 'faults')} MB. {FAULTS_NOTE}"
    flat = [(fault, system, one) for fault, row in outcomes.items() for system, one in row.items()]
    return Result(
        "Faults",
        f"\n{paragraph(note)}\n{faults_table(outcomes)}",
        (),
        flat,
    )


PARTS: dict[str, Callable[[Settings, Limits], Result]] = {
    "chain": chain,
    "fanout": fanout,
    "capped": capped,
    "growth": growth,
    "faults": faults,
}
