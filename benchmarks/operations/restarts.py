"""How long a killed node or verifier is away: from its restart until it is reachable, and until it works again.

    python benchmarks/operations/restarts.py --kills 8

Real processes on loopback, in the middle of a task: SIGKILL to the process and all it started, then the same command
again. Seconds are those of a clock, on a machine with other work; processor seconds are the process's own.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import os
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Final

from soak import DATA, JURY, PRESET, ROUND_SECONDS
from stage import Cast, Stage, begin, opened
from watching import usage_of

from cupel.devnet.presets import Pace
from cupel.devnet.story.events import DemoEvent

ROUNDS: Final = 60
WORKING: Final = {"node-1": "policy", "verifier-1": "kept"}
"""What each says first once it works: a node holds a canonical version, a verifier looks after its store."""
PATIENCE_SECONDS: Final = 300.0


@dataclasses.dataclass(frozen=True, slots=True)
class Restart:
    """One."""

    ready: float
    """Seconds until its addresses are on the chain and its ports open."""
    working: float
    cpu_seconds: float
    load: float


async def restart(stage: Stage, name: str) -> Restart:
    """Kill it and start it again."""
    await stage.kill(name)
    came: dict[str, float] = {}
    began = time.monotonic()

    def hear(event: DemoEvent) -> None:
        if event.source == name and event.name in ("ready", WORKING[name]):
            came.setdefault(event.name, time.monotonic() - began)

    stage.heard = hear
    process = await stage.launch(name)
    await stage.until(lambda: {"ready", WORKING[name]} <= set(came), PATIENCE_SECONDS, f"{name}'s work")
    used = usage_of(process.pid)
    stage.heard = lambda event: None
    return Restart(
        came["ready"], came[WORKING[name]], 0.0 if used is None else used.cpu_seconds, os.getloadavg()[0]
    )


async def measure(folder: Path, kills: int) -> dict[str, list[Restart]]:
    """So many of each."""
    pace = Pace(ROUND_SECONDS, ROUND_SECONDS - 10, 4 * ROUND_SECONDS, 100, 2, 60)
    cast = Cast(2, 1, ROUNDS, dataclasses.replace(PRESET, rounds=ROUNDS), pace, DATA, block_seconds=1)
    found: dict[str, list[Restart]] = {name: [] for name in WORKING}
    async with opened(cast, folder / "run", JURY) as stage:
        await begin(stage)
        await asyncio.sleep(60 + ROUND_SECONDS)  # until there is something to take up again
        for _ in range(kills):
            for name in WORKING:
                found[name].append(await restart(stage, name))
                print(name, found[name][-1], file=sys.stderr, flush=True)
                await asyncio.sleep(5)
    return found


def page(found: dict[str, list[Restart]]) -> str:
    """The table."""
    kills = len(next(iter(found.values())))
    lines = [
        "# Back at work after a kill",
        "",
        f"`python benchmarks/operations/restarts.py --kills {kills}`: SIGKILL to a process in the middle of a task, and"
        " the same command again. Medians and the longest, in seconds. A node works when it holds a canonical version"
        " again, a verifier when it follows the chain and looks after its store.",
        "",
        "| | reachable | longest | at work | longest | processor seconds | machine's load, 2 cores |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name, restarts in found.items():
        ready, working = [one.ready for one in restarts], [one.working for one in restarts]
        cpu, load = median(one.cpu_seconds for one in restarts), median(one.load for one in restarts)
        lines.append(
            f"| {name.partition('-')[0]} | {median(ready):.1f} | {max(ready):.1f} | {median(working):.1f}"
            f" | {max(working):.1f} | {cpu:.1f} | {load:.0f} |"
        )
    lines += [
        "",
        "The processor seconds are the process's own until it works, with the loading of its libraries.",
    ]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=8)
    parser.add_argument("--results", type=Path, default=Path(__file__).parents[1] / "results")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="restarts-") as folder:
        text = page(asyncio.run(measure(Path(folder), given.kills)))
    (given.results / "restarts.md").write_text(text, encoding="utf-8")
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
