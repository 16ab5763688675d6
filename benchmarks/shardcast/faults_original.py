"""The original under faults. Nothing is asserted here: the table says what it did."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from bench import flip_byte, make_file
from children import Child, EndedEarly, wait_until
from disk import small_disk
from original import url
from original_scene import SHARDS, START_SECONDS, Scene, scene
from outcomes import GAVE_UP, Outcome, worst
from pests import idle_connections, start_flood
from proxy import start as start_proxy
from transfers import Job


def idle_connection(job: Job, python: Path, patience_seconds: float) -> Outcome:
    """Somebody connects to the relay and says nothing; once is enough."""
    with scene(job, python, patience_seconds, 1) as at:
        client = at.nodes.client("client", [url(at.middle_ports[0])])
        with idle_connections(at.middle_ports[0], 1):
            at.bench.mark()
            client.tell("download")
            return at.outcome(client)


def flood(job: Job, python: Path, patience_seconds: float) -> Outcome:
    """The relay is flooded with garbage while it serves."""
    with scene(job, python, patience_seconds, 1) as at:
        client = at.nodes.client("client", [url(at.middle_ports[0])])
        start_flood(at.bench, at.middle_ports[0])
        at.bench.mark()
        client.tell("download")
        return at.outcome(client)


def returning_relay(job: Job, python: Path, patience_seconds: float) -> Outcome:
    """The only relay dies at a quarter and is back after six seconds."""
    with scene(job, python, patience_seconds, 1) as at:
        client = at.client()
        at.reach(SHARDS // 4)
        at.middles[0].kill()
        time.sleep(6)
        at.middles[0] = at.nodes.middle_unready("middle0", at.middle_ports[0], [url(at.origin_port)])
        return at.outcome(client)


def hit_at_a_quarter(
    job: Job, python: Path, patience_seconds: float, num_relays: int, hit: Callable[[Child], object]
) -> Outcome:
    """The first of the relays is hit when a quarter of the file is there."""
    with scene(job, python, patience_seconds, num_relays) as at:
        client = at.client()
        at.reach(SHARDS // 4)
        hit(at.middles[0])
        return at.outcome(client)


def killed_relay(job: Job, python: Path, patience_seconds: float) -> Outcome:
    """The only relay dies at a quarter."""
    return hit_at_a_quarter(job, python, patience_seconds, 1, Child.kill)


def one_relay_killed(job: Job, python: Path, patience_seconds: float) -> Outcome:
    """One of two relays dies at a quarter."""
    return hit_at_a_quarter(job, python, patience_seconds, 2, Child.kill)


def one_relay_stalled(job: Job, python: Path, patience_seconds: float) -> Outcome:
    """One of two relays is stopped (SIGSTOP) at a quarter."""
    return hit_at_a_quarter(job, python, patience_seconds, 2, lambda relay: relay.send(signal.SIGSTOP))


def one_relay_absent(job: Job, python: Path, patience_seconds: float) -> Outcome:
    """One of two relays is down when the client starts."""
    with scene(job, python, patience_seconds, 2) as at:
        at.middles[0].kill()
        at.bench.mark()
        client = at.nodes.client_unready("client", [url(port) for port in at.middle_ports])
        try:
            client.event("ready", patience_seconds)
            client.tell("download")
        except EndedEarly:
            pass
        return at.outcome(client)


def one_relay_beginning(job: Job, python: Path, patience_seconds: float) -> Outcome:
    """The only relay has a tenth of the shards when the client comes."""
    with scene(job, python, patience_seconds, 0) as at:
        port = at.bench.port()
        at.middles.append(at.nodes.middle_unready("middle0", port, [url(at.origin_port)]))
        at.middle_ports.append(port)
        wait_until(lambda: at.middle_file(0, SHARDS // 10).exists(), START_SECONDS, "a tenth at the relay")
        return replace(at.outcome(at.client()), needed_bytes=2 * job.bytes)


def flipped_byte(job: Job, python: Path, patience_seconds: float) -> Outcome:
    """A byte changes on the disk of one of two relays."""
    with scene(job, python, patience_seconds, 2) as at:
        # One shard comes from that relay with probability 1/2 only.
        for shard in range(1, SHARDS + 1):
            flip_byte(at.middle_file(0, shard), 1000)
        return at.outcome(at.client())


def lying_relay(job: Job, python: Path, patience_seconds: float) -> Outcome:
    """A relay serves an altered file with a checksum to match."""
    with scene(job, python, patience_seconds, 1) as at:
        altered = at.bench.folder / "altered.bin"
        altered.write_bytes(job.file.read_bytes())
        flip_byte(altered, job.bytes // 2)
        port = at.bench.port()
        liar = at.nodes.origin(altered, port, "liar")
        liar.tell("broadcast")
        liar.event("published", START_SECONDS)
        return at.outcome(at.client(ports=[port]))


def all_but_one_lying(job: Job, python: Path, patience_seconds: float) -> Outcome:
    """Seven of eight relays alter what they serve."""
    with scene(job, python, patience_seconds, 1) as at:
        liars = [start_proxy(at.bench, at.middle_ports[0], ["--lie"])[0] for _ in range(7)]
        return at.outcome(at.client(ports=[*liars, *at.middle_ports]))


def dead_origin(job: Job, python: Path, patience_seconds: float) -> Outcome:
    """The origin dies after the relay is complete; then a client comes."""
    with scene(job, python, patience_seconds, 1) as at:
        at.origin.kill()
        listing = at.bench.folder / "middle0" / "distribution.txt"
        wait_until(lambda: not listing.exists(), START_SECONDS, "the relay notices")
        return at.outcome(at.client())


def restarted_client(job: Job, python: Path, patience_seconds: float) -> Outcome:
    """A client is killed at a third and started again; counted from the restart."""
    with scene(job, python, patience_seconds, 1) as at:
        client = at.client()
        at.reach(SHARDS // 3)
        client.kill()
        return at.outcome(at.client())


def restarted_origin(job: Job, python: Path, patience_seconds: float) -> Outcome:
    """The origin comes back with an empty folder and publishes another file, which a client wants."""
    with scene(job, python, patience_seconds, 1) as at:
        listing = at.bench.folder / "middle0" / "distribution.txt"
        old = listing.read_text(encoding="utf-8")
        at.origin.kill()
        other = at.bench.folder / "other.bin"
        wanted = Job(other, make_file(other, job.bytes, seed=2), job.place)
        again = at.nodes.origin(other, at.origin_port, "origin-again")
        again.tell("broadcast")
        again.event("published", START_SECONDS)
        wait_until(
            lambda: listing.exists() and listing.read_text(encoding="utf-8") not in ("", old),
            START_SECONDS,
            "the relay lists the new version",
        )
        at.job = wanted
        return at.outcome(at.client())


def churn(job: Job, python: Path, patience_seconds: float) -> Outcome:
    """Each second half of four relays and four clients are killed and started again, for ten seconds.

    Whoever gave up is started again, too. The worst client.
    """
    draw = random.Random(5)
    with scene(job, python, patience_seconds, 4) as at:
        clients: dict[str, Child] = {}

        def start_client(name: str) -> None:
            clients[name] = at.nodes.client_unready(name, [url(port) for port in at.middle_ports])
            clients[name].tell("download")

        at.bench.mark()
        for index in range(4):
            start_client(f"client{index}")
        for second in range(1, 11):
            time.sleep(max(0.0, second - at.bench.seconds))
            for index in draw.sample(range(4), 2):
                at.middles[index].kill()
                name, port = f"middle{index}", at.middle_ports[index]
                at.middles[index] = at.nodes.middle_unready(name, port, [url(at.origin_port)])
            for name in draw.sample(sorted(clients), 2):
                clients[name].kill()
                start_client(name)
        outcome = worst([supervised(at, name, clients, start_client) for name in clients])
        return replace(outcome, needed_bytes=4 * job.bytes)


def supervised(
    at: Scene, name: str, clients: dict[str, Child], start_client: Callable[[str], None]
) -> Outcome:
    """A client's outcome, started again as long as it gives up and there is time."""
    while True:
        left_seconds = max(0.0, at.patience_seconds - at.bench.seconds)
        outcome = at.outcome(clients[name], name, left_seconds)
        if outcome.verdict != GAVE_UP or left_seconds == 0:
            return outcome
        start_client(name)


def full_disk(job: Job, python: Path, patience_seconds: float) -> Outcome:
    """The client's disk holds half of the file."""
    with (
        scene(job, python, patience_seconds, 1) as at,
        small_disk(at.bench.subfolder("client"), job.bytes // 2),
    ):
        client = at.client()
        outcome = at.outcome(client)
        client.kill()
        return outcome


def endless_answer(job: Job, python: Path, patience_seconds: float) -> Outcome:
    """A relay answers without end; the client's disk is what stops it."""
    with (
        scene(job, python, patience_seconds, 1) as at,
        small_disk(at.bench.subfolder("client"), 4 * job.bytes),
    ):
        port, _ = start_proxy(at.bench, at.middle_ports[0], ["--endless"])
        client = at.client(ports=[port])
        outcome = at.outcome(client)
        client.kill()
        return outcome


FAULTS: dict[str, Callable[[Job, Path, float], Outcome]] = {
    "idle connections to the relay": idle_connection,
    "the only relay killed at a quarter": killed_relay,
    "the same, back after six seconds": returning_relay,
    "one of two relays killed at a quarter": one_relay_killed,
    "one of two relays stopped at a quarter": one_relay_stalled,
    "one of two relays down at the start": one_relay_absent,
    "the relay has a tenth when a receiver comes": one_relay_beginning,
    "bytes changed on one of two relays' disks": flipped_byte,
    "a lying relay": lying_relay,
    "seven of eight relays lying": all_but_one_lying,
    "the origin dies, then a receiver comes": dead_origin,
    "a receiver killed at a third, restarted": restarted_client,
    "the origin restarted empty, another file": restarted_origin,
    "half of the peers killed each second": churn,
    "the receiver's disk is full at a half": full_disk,
    "a relay answers without end": endless_answer,
    "the relay is flooded with garbage": flood,
}
