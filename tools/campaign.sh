#!/bin/sh
# `make campaign`, from the repository root with the project's programs on PATH: the hub's invariants under a million
# calls (profile "campaign" in foundry.toml). Writes benchmarks/results/invariants.md. SEED=0x... repeats a campaign;
# RUNS=n makes a shorter or longer one.
set -eu

SEED=${SEED:-0x$(od -An -N8 -tx8 /dev/urandom | tr -d ' ')}
RUNS=${RUNS:-4096}
RESULT=benchmarks/results/invariants.md
log=$(mktemp)
trap 'rm -f "$log"' EXIT

export FOUNDRY_PROFILE=campaign FOUNDRY_INVARIANT_RUNS="$RUNS"
forge build tests/contracts/invariant >/dev/null
began=$(date +%s)
status=0
forge test --match-path 'tests/contracts/invariant/HubInvariants.t.sol' --match-test '^invariant_' \
    --fuzz-seed "$SEED" --threads 1 >"$log" 2>&1 || status=$?
seconds=$(($(date +%s) - began))
cat "$log"

mkdir -p "${RESULT%/*}"
{
    printf '# Campaign of the hub invariants\n\n'
    printf 'What is called and what is held: `tests/contracts/invariant/`. Repeat with\n\n'
    printf '    make campaign SEED=%s RUNS=%s\n\n' "$SEED" "$RUNS"
    printf '| | |\n|---|---|\n'
    printf '| commit | %s%s |\n' "$(git rev-parse --short=12 HEAD)" \
        "$(git diff --quiet HEAD -- contracts tests/contracts || printf ', with uncommitted changes')"
    printf '| forge | %s |\n' "$(forge --version | sed -n 's/^forge Version: //p')"
    printf '| seed | %s |\n' "$SEED"
    printf '| duration | %s s on one thread of %s |\n' "$seconds" "$(nproc)"
    printf '| result | %s |\n\n' "$([ "$status" = 0 ] && printf passed || printf FAILED)"
    printf '```\n'
    grep -E '^\[(PASS|FAIL)|^\||^[╭╰]|^Suite' "$log"
    printf '```\n'
} >"$RESULT"
printf 'campaign: %s\n' "$RESULT"
exit "$status"
