"""The collective beside torch gloo and hivemind, after kill -9, as it grows, and under random joins and kills.

    python benchmarks/collective/run.py                                   all of it but hivemind
    python benchmarks/collective/run.py --parts hivemind --hivemind PYTHON   the interpreter of its environment
    python benchmarks/collective/run.py --parts churn --churn-seconds 60  a shorter churn run, nothing else

Each part replaces its section of benchmarks/results/collective.md. Peers are processes of this machine, over loopback.
Turns alternate between the libraries, with the same work before and after each; medians of wall (slowest peer) and CPU
seconds (mean of the peers) are compared.
Links are open before the clock starts, and memory is not fresh, for ours as for gloo. "Waited" are the seconds that a
peer's threads, on average, were ready to run while other work had the cores: less of it on an idle machine.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import statistics
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from beside_gloo import VALUES_PER_MIB, beside_gloo
from churn import LIMITS, churn, right

from cupel.node.collective.commands import run_bench
from cupel.node.collective.peers import (
    make_all_ready,
    reduce_all,
    start_peers,
)
from cupel.node.collective.simulation import simulate
from cupel.protocol.spec.collective.reduce import Operation, Reduce

RESULTS = Path(__file__).parents[1] / "results" / "collective.md"
KILLS_AFTER_SECONDS = (0.0, 0.05, 0.1, 0.2, 0.4)
GROWTH_MIB, GROWTH_MEASURED = 4, (2, 4, 8, 16)
GROWTH_SIMULATED = (2, 4, 8, 16, 32, 64)
TITLE = "# The collective: beside others, after kills, as it grows"


def recover(after_seconds: float) -> str:
    """A row: four peers sum 16 MiB, one is killed so long after they were told to."""
    peers = start_peers(range(4), LIMITS)
    try:
        reduce_all(peers, Reduce(1, 0, 0, Operation.SUM, "float32", VALUES_PER_MIB))
        reduce = Reduce(1, 1, 0, Operation.SUM, "float32", 16 * VALUES_PER_MIB)
        make_all_ready(peers, reduce)
        for peer in peers:
            peer.go()
        time.sleep(after_seconds)
        killed = time.monotonic()
        peers[3].kill()
        reports = [report for peer in peers[:3] if (report := peer.report()) is not None]
    finally:
        for peer in peers:
            peer.end()
    seconds = max(report.end for report in reports) - killed
    waited = max(report.waited_seconds for report in reports)
    left = {len(report.survivors) for report in reports}
    sums_right = all(right(peers, reduce, report) for report in reports)
    attempts = max(report.attempts for report in reports)
    return f"| {after_seconds} | {seconds:.2f} | {waited:.2f} | {left} | {sums_right} | {attempts} |"


def beside_hivemind(options: argparse.Namespace) -> list[str]:
    """CPU seconds per GiB that two peers average, beside hivemind."""
    if options.hivemind is None:
        raise SystemExit("--hivemind: name the interpreter of an environment with hivemind 1.1.12")
    script = Path(__file__).with_name("hivemind_peers.py")
    command = [options.hivemind, str(script), "--mib", str(options.mib), "--turns", str(options.turns)]
    found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    wall, cpu = map(statistics.median, zip(*found["vector"], strict=True))
    finding_wall, finding = map(statistics.median, zip(*found["nothing"], strict=True))
    rows, gib = [], options.mib / 1024
    for links, plain in (("sealed", False), ("in the clear", True)):
        own = run_bench(2, options.mib, options.turns, plain)
        per_gib = own.cpu_seconds / gib
        ratio = (cpu - finding) / own.cpu_seconds
        rows.append(
            f"| ours, {links} | {own.wall_seconds:.2f} | {own.cpu_seconds:.2f} | {per_gib:.1f} | {ratio:.1f} |"
        )
    return [
        f"Two peers average {options.mib} MiB of float32, {options.turns} turns, medians. For hivemind 1.1.12 (links "
        "encrypted) what averaging a single value takes, which is finding each other, is subtracted from its row.",
        "",
        "| | s | CPU s per peer | CPU s per GiB and peer | hivemind's CPU over ours |",
        "|---|---|---|---|---|",
        f"| hivemind | {wall - finding_wall:.2f} | {cpu - finding:.2f} | {(cpu - finding) / gib:.1f} | |",
        *rows,
    ]


def recovery(options: argparse.Namespace) -> list[str]:
    """Four peers, one is killed."""
    return [
        "Four peers sum 16 MiB of float32, one is killed. Seconds from the kill to the last survivor's end, the whole "
        "sum among them.",
        "",
        "| killed after s | s | of which waited | members left | right sum | attempts |",
        "|---" * 6 + "|",
        *(recover(after) for after in KILLS_AFTER_SECONDS),
    ]


def growth(options: argparse.Namespace) -> list[str]:
    """Measured to 16 processes, simulated to 64 members."""
    lines = [
        f"Measured: processes of this machine, {GROWTH_MIB} MiB of float32 each, sealed, {options.turns} turns. "
        "All share its cores, so the work of all grows.",
        "",
        "| peers | s | CPU s per peer | CPU s of all | same bits |",
        "|---|---|---|---|---|",
    ]
    for count in GROWTH_MEASURED:
        own = run_bench(count, GROWTH_MIB, options.turns, plain=False)
        bits = "yes" if own.same_bits else "NO"
        all_cpu = count * own.cpu_seconds
        lines.append(f"| {count} | {own.wall_seconds:.2f} | {own.cpu_seconds:.3f} | {all_cpu:.2f} | {bits} |")
    lines += [
        "",
        "Simulated: 100 MiB each, every frame of the ring, over links of the model in `node/collective/simulation.py`: "
        "100 Mbit/s up and 40 ms one way for each; in the last column one of them has 10 Mbit/s. Links are open.",
        "",
        "| members | s | of which words | one slow s |",
        "|---|---|---|---|",
    ]
    for count in GROWTH_SIMULATED:
        equal = simulate(100 << 18, 4, [12.5e6] * count, 0.04)
        slow = simulate(100 << 18, 4, [1.25e6, *[12.5e6] * (count - 1)], 0.04)
        lines.append(f"| {count} | {equal.prepared:.1f} | {equal.words:.1f} | {slow.prepared:.1f} |")
    return lines


PARTS: dict[str, tuple[str, Callable[[argparse.Namespace], list[str]]]] = {
    "gloo": ("Beside gloo", beside_gloo),
    "hivemind": ("Beside hivemind", beside_hivemind),
    "recovery": ("After kill -9", recovery),
    "growth": ("From 2 to 64 members", growth),
    "churn": ("Random joins and kills", lambda options: churn(options.churn_seconds, seed=1)),
}


def section(part: str, options: argparse.Namespace) -> str:
    """A part's section, with the command and the load before and after."""
    title, work = PARTS[part]
    before = os.getloadavg()[0]
    lines = work(options)
    asked = ["--parts", part, "--mib", str(options.mib), "--turns", str(options.turns)]
    asked += ["--churn-seconds", f"{options.churn_seconds:g}"] if part == "churn" else []
    asked += ["--hivemind", "PYTHON"] if part == "hivemind" else []
    command = f"python benchmarks/collective/run.py {shlex.join(asked)}"
    told = f"`{command}` on {os.cpu_count()} cores; load {before:.1f} before"
    return "\n".join([f"## {title}", "", f"{told}, {os.getloadavg()[0]:.1f} after.", "", *lines, ""])


def main() -> None:
    """Measure, and replace the parts' sections of the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--parts", nargs="+", choices=PARTS, default=[part for part in PARTS if part != "hivemind"]
    )
    parser.add_argument("--mib", type=int, default=256)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--churn-seconds", type=float, default=600)
    parser.add_argument("--hivemind", help="Interpreter of an environment with hivemind.")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    for part in options.parts:
        made = section(part, options)
        print(made, flush=True)
        text = options.out.read_text(encoding="utf-8") if options.out.exists() else ""
        sections = {one.partition("\n")[0]: f"## {one}" for one in f"\n{text}".split("\n## ")[1:]}
        sections[PARTS[part][0]] = made
        ordered = [sections[title].rstrip() for title, _ in PARTS.values() if title in sections]
        options.out.write_text("\n\n".join([TITLE, *ordered]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
