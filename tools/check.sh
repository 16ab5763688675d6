#!/bin/sh
# `make check`, from the repository root with the project's programs on PATH: everything that must hold before review
# apart from the tests. Stops at the first failure.
set -eu

run() {
    printf '== %s\n' "$*"
    "$@"
}

run ruff format --check .
run ruff check .
run python tools/typing_view.py
run mypy
run env MYPYPATH=.typing:tools mypy --config-file pyproject.toml --follow-imports=silent tools/*.py
run lint-imports --no-logo
run forge fmt --check
run python tools/check_trees.py
# Without the tests: solc reports at most 256 warnings, and the tests' could hide ours. --force because an
# unchanged build is skipped, warnings and all.
run forge build --force --deny warnings contracts deploy/script
run forge lint --deny warnings contracts deploy/script
run python tools/bindgen.py --check
run python tools/fill_vectors.py --check
run python tools/gas_table.py --check
run python tools/check_links.py
run python tools/pictures.py --check
printf 'check: all good\n'
