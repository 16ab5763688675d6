#!/bin/sh
# Every test, from the repository root with tools/path.sh sourced: make test.
set -eu
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# The contracts of the tests take one core minutes to compile, and nothing before e2e asks for them.
forge build >"$log" 2>&1 &
building=$!
tested=0
python -m pytest -n auto --maxprocesses 4 --dist loadfile -m "not e2e" || tested=$?
wait "$building" || {
    cat "$log" >&2
    exit 1
}
[ "$tested" -eq 0 ] || exit "$tested"
python -m pytest -m e2e
forge test
sh tools/snapshots.sh check
