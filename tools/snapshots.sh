#!/bin/sh
# tools/snapshots.sh check|write, from the repository root with the project's programs on PATH: compare what the
# contracts' gas tests measure with snapshots/, to the last unit of gas, or write it there. `write` renews what commands
# print (tests/snapshots) as well; that they print it, pytest checks.
set -eu

measure() {
    FORGE_SNAPSHOT_CHECK=$1 FORGE_SNAPSHOT_EMIT=$2 forge test --match-path 'tests/contracts/gas/*.t.sol'
}

case "${1:-}" in
write)
    measure false true
    python -m pytest -n0 -q --renew-snapshots tests/unit/protocol/test_command_snapshots.py
    ;;
check)
    measure true false || {
        echo 'snapshots: a number changed, see above. If it was meant to: `make snapshots`, and commit the result.' >&2
        exit 1
    }
    ;;
*)
    echo 'usage: tools/snapshots.sh check|write' >&2
    exit 2
    ;;
esac
