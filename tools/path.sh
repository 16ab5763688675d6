# shellcheck shell=sh
# Sourced by the Makefile from the repository root: the project's own programs come first on PATH.
# Foundry's npm launchers always exit 0 (foundry-rs/foundry#14781), so only the platform packages' own folders are
# added; and a launcher that is killed leaves anvil behind.
for folder in "$PWD"/node_modules/@foundry-rs/*-*-*/bin; do
    PATH="$folder:$PATH"
done
PATH="$PWD/.venv/bin:$PATH"
export PATH
