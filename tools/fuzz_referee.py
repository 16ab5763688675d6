"""Compare every step of the referee, and every entry of a trace, in Python and in Solidity on drawn cases.

    python tools/fuzz_referee.py [--seed N] [--count N]

`--count` cases of each of the fourteen steps, 102,000 unless said otherwise, and as many entries in all, spread over
the nineteen parts of a trace. A difference ends the run with the number of its step or part, after which a lower count
finds its case. A case depends on the seed and its number alone.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time

from cupel.protocol.spec.referee.layout import Part
from cupel.protocol.spec.referee.steps import Step
from cupel.protocol.testing import referee_draws, referee_entry_draws


def main() -> int:
    """Exit with what Foundry exits with."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=time.time_ns() % 2**32, help="default: the clock")
    parser.add_argument("--count", type=int, default=102_000, help="of each step")
    options = parser.parse_args()
    entries = -(-options.count // len(Part))
    print(
        f"seed {options.seed}, {options.count} cases of each of {len(Step)} steps, "
        f"{entries} entries of each of {len(Part)} parts",
        flush=True,
    )
    environment = os.environ | {
        "REFEREE_DRAWS": json.dumps(referee_draws.digests(options.seed, options.count)),
        "REFEREE_ENTRY_DRAWS": json.dumps(referee_entry_draws.digests(options.seed, entries)),
    }
    command = ["forge", "test", "--match-contract", "Referee(Entry)?DrawsTest"]
    return subprocess.run(command, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
