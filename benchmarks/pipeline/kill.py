"""Kill a node's processes again and again, and see whether the run ends with the same bits as an undisturbed one.

    python benchmarks/pipeline/kill.py --kills 20 --rounds 40 --seed 1

It runs `cupel node rehearse` on the sorting task: once left alone, once with SIGKILL sent to the rollout process, the
trainer or the publisher at random moments; a killed publisher is started again by the same command. Compared are the
digest of the last version of the weights, and of every round the digest of the manifest (which names its rollouts and
its update).
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import sysconfig
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]
CUPEL: Final = Path(sysconfig.get_path("scripts")) / "cupel"
PROCESSES: Final = ("rollouts", "trainer", "publisher")
LOOK_SECONDS: Final = 0.02


@dataclass(frozen=True)
class Run:
    """What is rehearsed, and where."""

    plan: Path
    genesis: Path
    folder: Path
    rounds: int
    patience_seconds: float = 600.0

    @property
    def command(self) -> list[str]:
        """The publisher's command line."""
        options = {"plan": self.plan, "genesis": self.genesis, "data-dir": self.folder, "rounds": self.rounds}
        return [str(CUPEL), "node", "rehearse", "--json", *_flags(options)]

    def lines(self) -> list[dict[str, Any]]:
        """The run's metrics."""
        (path,) = self.folder.glob("workshop/*/metrics.jsonl")
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]

    def closed(self) -> int:
        """Rounds that are done."""
        closed = self.folder.glob("workshop/*/round-*/closed")
        return max((int(path.parent.name.removeprefix("round-")) for path in closed), default=-1) + 1


@dataclass
class Ending:
    """How a run ended."""

    digest: str
    manifests: list[str]
    seconds: float
    kills: list[str] = field(default_factory=list)
    """What was killed, and what it was at."""


@dataclass(frozen=True)
class Kill:
    """Send SIGKILL so long after so many rounds are done."""

    victim: str
    closed: int
    delay_seconds: float


def draw_kills(seed: int, count: int, rounds: int, delay_seconds: float) -> list[Kill]:
    """Random moments of a run, in order; every process has its turn."""
    draw = random.Random(seed)
    victims = [PROCESSES[index % len(PROCESSES)] for index in range(count)]
    draw.shuffle(victims)
    moments = sorted(draw.randrange(rounds) for _ in victims)
    return [
        Kill(victim, closed, draw.uniform(0, delay_seconds))
        for victim, closed in zip(victims, moments, strict=True)
    ]


def run(what: Run, kills: list[Kill]) -> Ending:
    """Run to the end. RuntimeError if it does not get there."""
    began = time.monotonic()
    publisher = _Publisher(what)
    told: list[str] = []
    try:
        for kill in kills:
            publisher.until(lambda kill=kill: what.closed() >= kill.closed)
            time.sleep(kill.delay_seconds)
            told.append(publisher.kill(kill.victim))
        publisher.until_end()
    finally:
        publisher.close()
    lines = what.lines()
    assert [line["round"] for line in lines] == list(range(what.rounds)), (
        "a round is missing or twice in the metrics"
    )
    assert {line["outcome"] for line in lines} == {"committed"}, "a round was not committed"
    return Ending(publisher.digest, [line["manifest"] for line in lines], time.monotonic() - began, told)


class _Publisher:
    """The command, started again when it was killed."""

    def __init__(self, what: Run) -> None:
        self._what = what
        self._deadline = time.monotonic() + what.patience_seconds
        self._output = what.folder.with_suffix(".events")
        self._start()

    @property
    def digest(self) -> str:
        """Of the last version."""
        events = [json.loads(line) for line in self._output.read_text(encoding="utf-8").splitlines()]
        return str(next(event["digest"] for event in events if event["event"] == "done"))

    def until(self, reached: Any) -> None:
        """Wait for it."""
        while not reached():
            self._check(time.monotonic() < self._deadline, "too slow")
            self._check(self._process.poll() is None, f"ended with {self._process.returncode}")
            time.sleep(LOOK_SECONDS)

    def kill(self, victim: str) -> str:
        """Kill a process that runs; returns what it was at."""
        if victim == "publisher":
            self._process.kill()
            self._process.wait()
            doing = f"after {self._what.closed()} rounds"
            self._start()
            return f"publisher, {doing}"
        self.until(lambda: self._pid(victim) is not None)
        pid, doing = self._pid(victim) or (0, "")
        os.kill(pid, signal.SIGKILL)
        return f"{victim}, {doing}"

    def until_end(self) -> None:
        """Wait for the run's end."""
        try:
            code = self._process.wait(max(1.0, self._deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            code = None
        self._check(code == 0, f"ended with {code}")

    def close(self) -> None:
        """Leave nothing behind."""
        self._process.kill()
        self._process.wait()

    def _start(self) -> None:
        with self._output.open("a") as output:
            environment = {**os.environ, "OMP_NUM_THREADS": "1"}
            self._process = subprocess.Popen(self._what.command, stdout=output, env=environment)

    def _pid(self, victim: str) -> tuple[int, str] | None:
        """Number of a process that runs and belongs to the present publisher, and what it is at."""
        for path in self._what.folder.glob(f"workshop/*/status-{victim}"):
            pid, at, whom, what, _ = json.loads(path.read_text(encoding="utf-8"))
            if _parent(pid) == self._process.pid:
                return pid, f"at round {at}" if not whom else f"waiting for the {whom}: {what}"
        return None

    def _check(self, holds: bool, problem: str) -> None:
        if not holds:
            raise RuntimeError(f"the rehearsal is {problem}; its events are in {self._output}")


def _parent(pid: int) -> int:
    """Parent of a process that runs; 0 if it does not."""
    try:
        state, parent = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[:2]
    except OSError:
        return 0
    return 0 if state == "Z" else int(parent)


def _flags(options: dict[str, Any]) -> list[str]:
    return [part for name, value in options.items() for part in (f"--{name}", str(value))]


def make_genesis(path: Path, steps: int) -> None:
    """The sorting task's initial checkpoint."""
    script = ROOT / "examples" / "sorting" / "pretrain.py"
    subprocess.run(
        [sys.executable, script, path, "--steps", str(steps)], check=True, stderr=subprocess.DEVNULL
    )


def main() -> None:
    """Both runs, and the comparison."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=Path("runs") / "kill")
    options = parser.parse_args()
    folder = options.folder / str(time.time_ns())
    folder.mkdir(parents=True)
    genesis = folder / "genesis.safetensors"
    make_genesis(genesis, 250)
    plan = ROOT / "examples" / "sorting" / "task.toml"
    # For a machine that others keep busy.
    patience_seconds = 7200.0
    calm = run(Run(plan, genesis, folder / "calm", options.rounds, patience_seconds), [])
    print(
        f"undisturbed: {options.rounds} rounds in {calm.seconds:.0f} s, last version {calm.digest}",
        flush=True,
    )
    kills = draw_kills(options.seed, options.kills, options.rounds, calm.seconds / options.rounds)
    wild = run(Run(plan, genesis, folder / "wild", options.rounds, patience_seconds), kills)
    print(
        f"killed {len(wild.kills)} times (seed {options.seed}): {wild.seconds:.0f} s, last version {wild.digest}"
    )
    for told in wild.kills:
        print(f"  {told}")
    same = sum(one == other for one, other in zip(calm.manifests, wild.manifests, strict=True))
    print(f"rounds with the same rollouts and update, each committed once: {same} of {options.rounds}")
    print(f"same last version: {calm.digest == wild.digest}")
    sys.exit(calm.digest != wild.digest or same != options.rounds)


if __name__ == "__main__":
    main()
