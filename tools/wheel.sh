#!/bin/sh
# Build the wheel of the last commit into dist/, twice, and see that both are the same bytes: `sh tools/wheel.sh`.
# Whoever builds the same commit with the same compiler and Python gets the digest that is printed.
set -eu

SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH PYTHONHASHSEED=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

build() {
    # One place for both: compilers write down where they were.
    rm -rf "$work/source"
    mkdir -p "$work/source"
    git archive HEAD | tar -x -C "$work/source"
    (cd "$work/source" && umask 022 && python -m pip wheel --quiet --disable-pip-version-check --no-deps \
        --no-build-isolation --no-cache-dir --wheel-dir "$work/$1" .)
}

build first
build second
for wheel in "$work"/first/*.whl; do
    cmp "$wheel" "$work/second/$(basename "$wheel")"
done
mkdir -p dist
cp "$work"/first/*.whl dist/
python tools/sbom.py >dist/sbom.json
(cd dist && sha256sum ./*.whl sbom.json | tee SHA256SUMS)
