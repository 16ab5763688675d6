"""From a clean clone to a paid rollout, timed as a newcomer would live it: three commands.

    git clone REPOSITORY cupel && cd cupel
    make setup
    make demo ARGS="--fast"

    python tools/first_use.py [--repository .] [--keep]

Clones the committed state into a new folder, so nothing that is built or set up here helps. Prints one JSON object: how
long each command took, the CPU time it used, and when the first pay arrived. Exit code 1 if anything failed.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def timed(command: Sequence[str], folder: Path) -> dict[str, Any]:
    """Run one command with its output on standard error; wall and CPU seconds, and the exit code."""
    # What this repository's own environment offers must not help.
    kept = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "PYTHONPATH")}
    kept["PATH"] = ":".join(
        part for part in kept["PATH"].split(":") if ".venv" not in part and "node_modules" not in part
    )
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    code = subprocess.run(command, cwd=folder, env=kept, stdout=sys.stderr).returncode
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {
        "command": " ".join(command),
        "seconds": round(time.monotonic() - began, 1),
        "cpu_seconds": round(cpu, 1),
        "exit_code": code,
    }


def first_pay_seconds(clone: Path) -> float | None:
    """From the demo's first event to its first `claimed`; None if nobody was paid."""
    for log in clone.glob("runs/*/events.jsonl"):
        events = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
        paid = [one["time"] for one in events if one.get("event") == "claimed" and int(one.get("amount", 0))]
        if paid:
            began = min(one["time"] for one in events)
            return float(round((min(paid) - began) / 1000, 1))
    return None


def main() -> int:
    """Clone, set up, run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repository", default=str(Path(__file__).resolve().parent.parent))
    parser.add_argument("--keep", action="store_true", help="Leave the clone where it is.")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="cupel-first-use-"))
    clone = folder / "cupel"
    try:
        steps = [timed(["git", "clone", "--quiet", given.repository, str(clone)], folder)]
        for command in (["make", "setup"], ["make", "demo", "ARGS=--fast"]):
            if steps[-1]["exit_code"] == 0:
                steps.append(timed(command, clone))
        passed = len(steps) == 3 and steps[-1]["exit_code"] == 0
        paid = first_pay_seconds(clone) if clone.exists() else None
        load = [round(number, 1) for number in os.getloadavg()]
        told = {
            "passed": passed and paid is not None,
            "commands": steps,
            "first_pay_seconds": paid,
            "processors": os.cpu_count(),
            "load": load,
        }
        print(json.dumps(told, indent=2))
        return 0 if told["passed"] else 1
    finally:
        if not given.keep:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
