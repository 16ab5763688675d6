"""Ours under the same faults. Every one says what must hold, and the benchmark fails if it does not.

Receivers are told of the relays only, as the original's clients are; if ours learn of the origin from a relay, that
is a part of what is tried. Uploads are limited so that there is time to do harm in the middle of a transfer.
"""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from bench import Bench, flip_byte, make_file
from children import Child, peak_bytes, wait_until
from disk import enlarge, small_disk
from ours import Ours, Published, url_of
from outcomes import GAVE_UP, Outcome, await_outcome, worst
from pests import idle_connections, start_flood
from proxy import start as start_proxy
from transfers import Job

START_SECONDS = 60.0
# An origin or relay sends the whole file in so many seconds.
SENDING_SECONDS = 4
# A receiver that nobody delivers anything to gives up after half a minute.
PATIENCE_SECONDS = 60.0
# Of a node that sends and receives files of any size: Python, its modules, and the blocks on their way.
MEMORY_BYTES = 160_000_000
FLIP_EVERY_BYTES = 1 << 19


@dataclass
class Scene:
    """An origin, complete relays, and what is to be received from them."""

    bench: Bench
    nodes: Ours
    job: Job
    origin: Published
    relays: list[Child]
    urls: list[str]

    def receiver(self, urls: Sequence[str] = (), name: str = "receiver", cid: str = "") -> Child:
        """A receiver of the published file from all relays, or from these; the clock and the wire count from here."""
        self.bench.mark()
        return self.nodes.fetch(name, cid or self.origin.cid, urls or self.urls)

    def reach(self, part: float) -> None:
        """Wait until this part of the file was on its way since the mark."""
        wait_until(
            lambda: self.bench.wire_bytes >= part * self.job.bytes, START_SECONDS, f"{part:.0%} on the wire"
        )

    def outcome(self, receiver: Child, name: str = "receiver") -> Outcome:
        """What became of it; not yet whether that is good."""
        out = self.nodes.out(name)
        return await_outcome(self.bench, receiver, out, self.job, PATIENCE_SECONDS, receiver.log_end)


@contextmanager
def scene(job: Job, relays: int) -> Iterator[Scene]:
    """Everything published and relayed, before anybody downloads."""
    with Bench(job.place) as bench:
        nodes = Ours(bench, job.bytes // SENDING_SECONDS)
        origin = Ours(bench).publish("origin", job.file)
        children = [
            nodes.serving(f"relay{index}", origin.cid, [origin.url], out=False) for index in range(relays)
        ]
        urls = [url_of(child) for child in children]
        for child in children:
            child.event("done", START_SECONDS)
        yield Scene(bench, nodes, job, origin, children, urls)


def must(outcome: Outcome, *conditions: bool) -> Outcome:
    """The outcome with what must hold of it."""
    return replace(outcome, is_survived=all(conditions))


def right(outcome: Outcome) -> Outcome:
    """The file must have come."""
    return must(outcome, outcome.is_right)


def idle_connection(job: Job) -> Outcome:
    """Somebody connects a hundred times to the relay and says nothing."""
    with scene(job, 1) as at, idle_connections(port_of(at.urls[0]), 100):
        return right(at.outcome(at.receiver()))


def killed_source(job: Job) -> Outcome:
    """The origin is dead and the only relay dies at a quarter: it gives up, says why, and leaves no file."""
    with scene(job, 1) as at:
        at.origin.child.kill()
        receiver = at.receiver()
        at.reach(0.25)
        at.relays[0].kill()
        outcome = at.outcome(receiver)
        return must(outcome, outcome.verdict == GAVE_UP, not at.nodes.out("receiver").exists())


def returning_source(job: Job) -> Outcome:
    """The same, and the relay is back after six seconds."""
    with scene(job, 1) as at:
        at.origin.child.kill()
        receiver = at.receiver()
        at.reach(0.25)
        at.relays[0].kill()
        time.sleep(6)
        at.nodes.serving("relay0", at.origin.cid, [at.origin.url], port_of(at.urls[0]), out=False)
        outcome = at.outcome(receiver)
        return must(outcome, outcome.is_right, outcome.wire_bytes < 1.2 * job.bytes)


def one_relay_killed(job: Job) -> Outcome:
    """One of two relays dies at a quarter."""
    with scene(job, 2) as at:
        receiver = at.receiver()
        at.reach(0.25)
        at.relays[0].kill()
        return right(at.outcome(receiver))


def one_relay_stalled(job: Job) -> Outcome:
    """One of two relays is stopped (SIGSTOP) at a quarter."""
    with scene(job, 2) as at:
        receiver = at.receiver()
        at.reach(0.25)
        at.relays[0].send(signal.SIGSTOP)
        return right(at.outcome(receiver))


def one_relay_absent(job: Job) -> Outcome:
    """One of two relays is down when the receiver starts."""
    with scene(job, 2) as at:
        at.relays[0].kill()
        return right(at.outcome(at.receiver()))


def one_relay_beginning(job: Job) -> Outcome:
    """The only relay that is known has a tenth of the file when the receiver comes."""
    with Bench(job.place) as bench:
        nodes = Ours(bench, job.bytes // SENDING_SECONDS)
        origin = nodes.publish("origin", job.file)
        bench.mark()
        relay = nodes.serving("relay0", origin.cid, [origin.url], out=False)
        at = Scene(bench, nodes, job, origin, [relay], [url_of(relay)])
        at.reach(0.1)
        # The relay's own copy and the receiver's.
        return right(replace(at.outcome(at.receiver()), needed_bytes=2 * job.bytes))


def flipped_byte(job: Job) -> Outcome:
    """Bytes change in the store of one of two relays, two in every block."""
    with scene(job, 2) as at:
        for path in stored_files(at.bench.folder / "relay0"):
            for offset in range(1000, path.stat().st_size, FLIP_EVERY_BYTES):
                flip_byte(path, offset)
        return right(at.outcome(at.receiver()))


def stored_files(folder: Path) -> list[Path]:
    """Where a store keeps what it was given: files of some size."""
    return [path for path in folder.rglob("*") if path.is_file() and path.stat().st_size > FLIP_EVERY_BYTES]


def lying_relay(job: Job) -> Outcome:
    """The only source that is known alters what it serves: nothing wrong is accepted or left."""
    with scene(job, 1) as at:
        port, _ = start_proxy(at.bench, port_of(at.urls[0]), ["--lie"])
        outcome = at.outcome(at.receiver([f"http://127.0.0.1:{port}"]))
        is_nothing = outcome.verdict == GAVE_UP and not at.nodes.out("receiver").exists()
        return must(outcome, outcome.is_right or is_nothing)


def all_but_one_lying(job: Job) -> Outcome:
    """Seven of eight relays alter what they serve."""
    with scene(job, 1) as at:
        liars = [start_proxy(at.bench, port_of(at.urls[0]), ["--lie"])[0] for _ in range(7)]
        outcome = at.outcome(at.receiver([*(f"http://127.0.0.1:{port}" for port in liars), *at.urls]))
        return right(outcome)


def port_of(url: str) -> int:
    """Of a server's URL."""
    return int(url.rsplit(":", 1)[1])


def dead_origin(job: Job) -> Outcome:
    """The origin dies after the relay is complete; then a receiver comes."""
    with scene(job, 1) as at:
        at.origin.child.kill()
        return right(at.outcome(at.receiver()))


def restarted_receiver(job: Job) -> Outcome:
    """A receiver is killed at a third and started again; it fetches no block twice. Counted from the restart."""
    with scene(job, 1) as at:
        receiver = at.receiver()
        at.reach(0.34)
        receiver.kill()
        outcome = at.outcome(at.receiver())
        return must(outcome, outcome.is_right, outcome.wire_bytes < 0.75 * job.bytes)


def restarted_origin(job: Job) -> Outcome:
    """The origin comes back with an empty folder and another file; both files are wanted. The worse."""
    with scene(job, 1) as at:
        at.origin.child.kill()
        file = at.bench.folder / "other.bin"
        other = Job(file, make_file(file, job.bytes, seed=2), job.place)
        again = at.nodes.publish("origin-again", file, port_of(at.origin.url))
        old = at.outcome(at.receiver())
        at.job = other
        new = at.outcome(at.receiver([*at.urls, again.url], "receiver2", again.cid), "receiver2")
        return right(worst([old, new]))


def churn(job: Job) -> Outcome:
    """Each second half of eight receivers are killed and started again, for ten seconds. The worst."""
    draw = random.Random(5)
    with scene(job, 0) as at:
        ports = {f"receiver{index}": at.bench.port() for index in range(8)}
        origin = at.nodes.publish("origin-limited", job.file)
        receivers: dict[str, Child] = {}

        def start(name: str) -> None:
            receivers[name] = at.nodes.serving(name, origin.cid, [origin.url], ports[name])

        at.bench.mark()
        for name in ports:
            start(name)
        for second in range(1, 11):
            time.sleep(max(0.0, second - at.bench.seconds))
            for name in draw.sample(sorted(receivers), 4):
                receivers[name].kill()
                start(name)
        outcome = worst([at.outcome(receiver, name) for name, receiver in receivers.items()])
        return right(replace(outcome, needed_bytes=8 * job.bytes))


def full_disk(job: Job) -> Outcome:
    """The receiver's disk holds half of the file: it stops and says so; with more room it goes on from there."""
    with scene(job, 1) as at:
        folder = at.bench.subfolder("receiver")
        with small_disk(folder, job.bytes // 2):
            full = at.outcome(at.receiver())
            is_left = at.nodes.out("receiver").exists()
            enlarge(folder, 3 * job.bytes)
            rest = at.outcome(at.receiver())
        both = replace(full, detail=f"{full.detail}; then, with room: {rest}")
        moved = full.wire_bytes + rest.wire_bytes
        return must(both, full.verdict == GAVE_UP, not is_left, rest.is_right, moved < 1.2 * job.bytes)


def endless_answer(job: Job) -> Outcome:
    """One of two relays answers without end: the file comes, and memory stays bounded."""
    with scene(job, 2) as at:
        port, _ = start_proxy(at.bench, port_of(at.urls[0]), ["--endless"])
        at.bench.mark()
        urls = [f"http://127.0.0.1:{port}", at.urls[1]]
        receiver = at.nodes.serving("receiver", at.origin.cid, urls)
        outcome = at.outcome(receiver)
        peak = peak_bytes(receiver.pid)
        detail = f"at most {peak / 1e6:.0f} MB of memory"
        return must(replace(outcome, detail=detail), outcome.is_right, peak < MEMORY_BYTES)


def flood(job: Job) -> Outcome:
    """The relay is flooded with garbage while it serves: the file comes, and its memory stays bounded."""
    with scene(job, 1) as at:
        start_flood(at.bench, port_of(at.urls[0]))
        outcome = at.outcome(at.receiver())
        peak = peak_bytes(at.relays[0].pid)
        detail = f"the relay took at most {peak / 1e6:.0f} MB of memory"
        return must(replace(outcome, detail=detail), outcome.is_right, peak < MEMORY_BYTES)


FAULTS: dict[str, Callable[[Job], Outcome]] = {
    "idle connections to the relay": idle_connection,
    "the only relay killed at a quarter": killed_source,
    "the same, back after six seconds": returning_source,
    "one of two relays killed at a quarter": one_relay_killed,
    "one of two relays stopped at a quarter": one_relay_stalled,
    "one of two relays down at the start": one_relay_absent,
    "the relay has a tenth when a receiver comes": one_relay_beginning,
    "bytes changed on one of two relays' disks": flipped_byte,
    "a lying relay": lying_relay,
    "seven of eight relays lying": all_but_one_lying,
    "the origin dies, then a receiver comes": dead_origin,
    "a receiver killed at a third, restarted": restarted_receiver,
    "the origin restarted empty, another file": restarted_origin,
    "half of the peers killed each second": churn,
    "the receiver's disk is full at a half": full_disk,
    "a relay answers without end": endless_answer,
    "the relay is flooded with garbage": flood,
}
