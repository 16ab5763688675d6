"""What `cupel collective` does, and how it is told."""

from __future__ import annotations

import hashlib
import socket
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from cupel.node.collective.bandwidth import agreed_order, answer_measurements, measured_row
from cupel.node.collective.identity import Identity, Member
from cupel.node.collective.member import CollectiveMember, Limits
from cupel.node.collective.outcome import Outcome
from cupel.node.collective.peers import reduce_all, start_peers
from cupel.node.collective.quantised import reduce_quantised
from cupel.protocol.config import ConfigError
from cupel.protocol.spec.collective.quantised import BITS
from cupel.protocol.spec.collective.reduce import Operation, Reduce, in_range
from cupel.protocol.spec.errors import Rejected

TASK: Final = 0
ORDER_TAG: Final = 1
LINGER_SECONDS: Final = 3.0
"""After a result, for members that still ask what was decided."""
BYTES_A_MIB: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Wanted:
    """A reduce as it was asked for; seconds of patience until all have begun."""

    operation: str
    bits: int
    round: int
    measure: bool
    patience: float


@dataclass(frozen=True, slots=True)
class Reduced:
    """A result's SHA-256, whose values are in it, why others' are not, and the ring; or what went wrong."""

    digest: str = ""
    survivors: tuple[str, ...] = ()
    evicted: dict[str, str] = field(default_factory=dict)
    attempts: int = 0
    seconds: float = 0.0
    problem: str = ""

    def shown(self) -> dict[str, Any]:
        """For programs."""
        return {
            "sha256": self.digest,
            "survivors": list(self.survivors),
            "evicted": self.evicted,
            "attempts": self.attempts,
            "seconds": round(self.seconds, 3),
            "problem": self.problem,
        }

    def text(self) -> str:
        """For people."""
        if self.problem:
            return f"No result: {self.problem}"
        left_out = [f"left out: {member}, {why}" for member, why in self.evicted.items()]
        head = f"{len(self.survivors)} members, {self.seconds:.2f} s, attempt {self.attempts}, SHA-256 {self.digest}"
        return "\n".join([head, *left_out])


def run_reduce(
    entries: Sequence[Member], identity: Identity, values: npt.NDArray[Any], out: Path, wanted: Wanted
) -> Reduced:
    """Take part, and write the result to `out`. ConfigError for a mistake, a failure is in what is returned."""
    _check(values, wanted)
    own = [entry for entry in entries if entry.certificate == identity.certificate]
    if len(own) != 1:
        remedy = "Name the entry that was made with this identity, once"
        raise ConfigError("--identity", "is that of no entry of the roster", remedy)
    try:
        listener = socket.create_server(("", own[0].port))
    except OSError as error:
        problem = f"cannot listen on port {own[0].port} ({error.strerror})"
        raise ConfigError("ROSTER", problem, "Free the port, or make another entry") from None
    member = CollectiveMember(own[0].address, identity, listener, Limits(start=wanted.patience))
    answer_measurements(member)
    before = time.monotonic()
    try:
        result, outcome = _reduced(member, entries, values, wanted)
        np.save(out, result)
        time.sleep(LINGER_SECONDS)
    except Rejected as rejected:
        return Reduced(problem=str(rejected))
    finally:
        member.close()
    seconds = time.monotonic() - before - LINGER_SECONDS
    digest = hashlib.sha256(np.ascontiguousarray(result).view(np.uint8).data).hexdigest()
    evicted = {member: str(why) for member, why in outcome.evicted.items()}
    return Reduced(digest, outcome.survivors, evicted, outcome.attempts, seconds)


def _check(values: npt.NDArray[Any], wanted: Wanted) -> None:
    operations = [one.value for one in Operation]
    if wanted.operation not in operations:
        problem = f"{wanted.operation!r} is no operation"
        raise ConfigError("--operation", problem, f"Choose one of {', '.join(operations)}")
    if not in_range(values):
        raise ConfigError(
            "--values", "a value is no number, or beyond 2^40", "Correct it before it is summed"
        )
    if wanted.bits and (wanted.bits not in BITS or values.dtype != np.float32):
        raise ConfigError("--bits", "sums float32 in 4 or 8 bits only", "Leave it out for other values")
    if wanted.bits and wanted.operation not in ("sum", "mean"):
        raise ConfigError("--bits", f"cannot take the {wanted.operation}", "Leave it out for that")


def _reduced(
    member: CollectiveMember, entries: Sequence[Member], values: npt.NDArray[Any], wanted: Wanted
) -> tuple[npt.NDArray[Any], Outcome]:
    # Two rounds for each of the caller's: one to find the order, one in that order.
    first = 2 * wanted.round
    member.enter(first, entries)
    if wanted.measure:
        order = agreed_order(member, TASK, first, ORDER_TAG, measured_row(member, first))
        by_address = {entry.address: entry for entry in entries}
        first += 1
        member.enter(first, [by_address[address] for address in order])
    name = Reduce(TASK, first, 0, Operation(wanted.operation), str(values.dtype), values.size)
    if wanted.bits:
        found = reduce_quantised(member, name, values, wanted.bits)
        return found.values, found.mantissas
    outcome = member.reduce(name, values)
    return outcome.values, outcome


@dataclass(frozen=True, slots=True)
class Benched:
    """Medians of sums between processes of this machine."""

    peers: int
    mib: int
    plain: bool
    wall_seconds: float
    cpu_seconds: float
    same_bits: bool

    def shown(self) -> dict[str, Any]:
        """For programs."""
        return {
            "peers": self.peers,
            "mib": self.mib,
            "plain": self.plain,
            "wall_seconds": round(self.wall_seconds, 4),
            "cpu_seconds_per_peer": round(self.cpu_seconds, 4),
            "same_bits": self.same_bits,
        }

    def text(self) -> str:
        """For people."""
        links = "in the clear" if self.plain else "sealed"
        bits = "the same bits on all" if self.same_bits else "DIFFERENT BITS"
        return (
            f"{self.peers} processes, {self.mib} MiB, links {links}: {self.wall_seconds:.3f} s, "
            f"{self.cpu_seconds:.3f} CPU s each; {bits}"
        )


def run_bench(count: int, mib: int, turns: int, plain: bool) -> Benched:
    """Start processes, have them sum `turns` times after one to warm up, and end them."""
    peers = start_peers(range(count), Limits(start=60.0, call=20.0, frame=30.0), plain)
    rows, same = [], True
    try:
        for turn in range(turns + 1):
            size = mib * BYTES_A_MIB // 4
            reports = reduce_all(peers, Reduce(TASK, turn, 0, Operation.SUM, "float32", size))
            same = same and len(reports) == count and len({report.digest for report in reports}) == 1
            same = same and not any(report.problem for report in reports)
            wall = max(report.wall_seconds for report in reports)
            rows.append((wall, statistics.mean(report.cpu_seconds for report in reports)))
    finally:
        for peer in peers:
            peer.end()
    wall, cpu = (statistics.median(column) for column in zip(*rows[1:], strict=True))
    return Benched(count, mib, plain, wall, cpu, same)
