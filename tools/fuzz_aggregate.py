"""Compare the outer step of one coordinate in Python and in Solidity on drawn cases.

    python tools/fuzz_aggregate.py [--seed N] [--count N]

`--count` cases, 102,000 unless said otherwise. A case depends on the seed and its number alone.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time

from cupel.protocol.testing.aggregate_vectors import draws


def main() -> int:
    """Exit with what Foundry exits with."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=time.time_ns() % 2**32, help="default: the clock")
    parser.add_argument("--count", type=int, default=102_000)
    options = parser.parse_args()
    print(f"seed {options.seed}, {options.count} coordinates", flush=True)
    environment = os.environ | {"AGGREGATE_DRAWS": json.dumps(draws(options.seed, options.count))}
    command = ["forge", "test", "--match-contract", "AggregateDrawsTest"]
    return subprocess.run(command, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
