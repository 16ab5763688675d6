#!/bin/sh
# `make prove`, from the repository root with the project's programs on PATH: halmos proves tests/contracts/symbolic for
# every value of the arguments. Arguments go on to halmos: make prove ARGS="--match-contract MerkleProof"
set -eu

export FOUNDRY_PROFILE=symbolic
# Only check_: without it halmos takes Foundry's invariants for proofs. 33 rounds of a loop are those of a depth of 2^32.
exec .venv-audit/bin/halmos --function check_ --forge-build-out out/symbolic --no-status --loop 33 \
    --array-lengths 'proof={0,1,2,3,4},anotherProof={0,1,2,3,4}' --default-bytes-lengths 0,32,64,65,66 \
    --solver-timeout-assertion 120s "$@"
