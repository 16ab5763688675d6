"""What became of a receiver under a fault, in the same words for both systems."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import Bench, sha256_of
from children import Child, EndedEarly, Timeout
from transfers import Job

PORT = r"(?<=127\.0\.0\.1):\d+"
RIGHT = "right file"
WRONG = "WRONG FILE ACCEPTED"
GAVE_UP = "gave up"
NO_END = "no end"


@dataclass(frozen=True)
class Outcome:
    """Of one receiver, or of the worst of several. `wire_bytes` includes everybody's traffic since the mark."""

    verdict: str
    detail: str
    seconds: float
    wire_bytes: int
    needed_bytes: int
    """What all receivers lacked: the file, times their number."""
    is_survived: bool = False
    """What must hold under this fault held; the table does not show it, the exit code does."""

    @property
    def is_right(self) -> bool:
        """The receiver has the published file."""
        return self.verdict == RIGHT

    def __str__(self) -> str:
        detail = f"; {self.detail}" if self.detail else ""
        wire = f", {self.wire_bytes / self.needed_bytes:.2f} x moved" if self.wire_bytes else ""
        return f"{self.verdict}, {self.seconds:.1f} s{wire}{detail}"


def await_outcome(
    bench: Bench,
    receiver: Child,
    out: Path,
    job: Job,
    patience_seconds: float,
    progress: Callable[[], str] = lambda: "",
) -> Outcome:
    """Wait until a receiver says that it is done, ends, or has been waited for long enough."""

    def outcome(verdict: str, detail: str) -> Outcome:
        return Outcome(verdict, detail, seconds, wire, job.bytes)

    try:
        receiver.event("done", patience_seconds)
    except Timeout:
        seconds, wire = bench.seconds, bench.wire_bytes
        return outcome(NO_END, in_short(progress(), bench))
    except EndedEarly:
        seconds, wire = bench.seconds, bench.wire_bytes
        ended = receiver.kill()
        left = "; a file is left at its place" if out.exists() else ""
        return outcome(GAVE_UP, f"exit code {ended.exit_code}: {in_short(receiver.log_end(), bench)}{left}")
    seconds, wire = bench.seconds, bench.wire_bytes
    return outcome(RIGHT if sha256_of(out) == job.digest else WRONG, "")


def in_short(line: str, bench: Bench) -> str:
    """A log line without this run's folders, ports and content addresses."""
    for pattern, short in (
        (rf"{re.escape(str(bench.folder))}/", ""),
        (r"\b(baf\w)\w{40,}", r"\1..."),
        (PORT, ""),
    ):
        line = re.sub(pattern, short, line)
    return line


def worst(outcomes: Sequence[Outcome]) -> Outcome:
    """A wrong file is worse than none, none worse than a late one."""
    order = [RIGHT, GAVE_UP, NO_END, WRONG]
    return max(outcomes, key=lambda one: (order.index(one.verdict), one.seconds))
