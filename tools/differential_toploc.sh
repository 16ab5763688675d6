#!/bin/sh
# Compare cupel.protocol.toploc_compat with the toploc package itself, from the repository root, with the project's
# programs on PATH: builds the package from its source (its wheels do not load with current torch; 3 to 10 minutes,
# once, needs a C++ compiler) into .differential/, apart from the project's own packages; runs tests/differential with
# it; then runs the package's own tests with their import changed. Nothing of the package is kept in the repository.
#
#   tools/differential_toploc.sh           compare
#   tools/differential_toploc.sh --write   write tests/vectors/toploc_package.json with the package instead
#   tools/differential_toploc.sh --build   build only, for benchmarks/toploc_speed.py
set -eu

VERSION=0.1.6
PLACE=$PWD/.differential
SITE=$PLACE/site
THEIRS=$PLACE/tests

build() {
    mkdir -p "$PLACE"
    [ -f "$PLACE/toploc-$VERSION.tar.gz" ] ||
        python -m pip download --disable-pip-version-check --quiet --no-deps --no-build-isolation --no-binary toploc \
            --dest "$PLACE" "toploc==$VERSION"
    [ -f "$SITE/toploc/__init__.py" ] || {
        echo "building toploc $VERSION from source; this takes minutes"
        python -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation \
            --target "$SITE" "$PLACE/toploc-$VERSION.tar.gz"
    }
}

# The package's tests, from its source archive, with cupel.protocol.toploc_compat for toploc.
switch_their_tests() {
    rm -rf "$THEIRS"
    mkdir -p "$THEIRS"
    tar -xzf "$PLACE/toploc-$VERSION.tar.gz" -C "$THEIRS" --strip-components=2 "toploc-$VERSION/tests"
    sed -i.bak 's/^from toploc\([. ]\)/from cupel.protocol.toploc_compat\1/' "$THEIRS"/*.py
    rm -f "$THEIRS"/*.bak
    if grep -n 'import toploc\|from toploc' "$THEIRS"/*.py; then
        echo "an import of the package is left in its tests"
        exit 1
    fi
}

build
case "${1:-}" in
--build) exit 0 ;;
--write) PYTHONPATH="$SITE" exec python tools/fill_package_vectors.py ;;
esac
echo "== proofs and results beside toploc $VERSION"
PYTHONPATH="$SITE" python -m pytest -q tests/differential
echo "== the tests of toploc $VERSION, run on cupel.protocol.toploc_compat"
switch_their_tests
cd "$THEIRS"
python -m pytest -v -p no:cacheprovider --rootdir "$THEIRS" -c /dev/null .
