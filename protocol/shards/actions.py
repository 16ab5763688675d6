"""The commands of servers and receivers as functions of their options; each returns its exit code."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from cupel.protocol.shards import commands
from cupel.protocol.shards.commands import Serving, checked_out, checked_sources, parsed_cid, until_signal
from cupel.protocol.shards.screen import Screen
from cupel.protocol.spec.errors import Rejected

EXIT_REFUSED: Final = 1


def publish(file: Path, store: Path, host: str, port: int, upload_limit: int | None, json: bool) -> int:
    """See `cupel shards publish --help`."""
    return commands.publish(file, store, Serving(host, port, upload_limit), Screen(json))


def fetch(
    cid: str,
    store: Path,
    sources: Sequence[str],
    out: Path | None,
    serve: bool,
    host: str,
    port: int,
    upload_limit: int | None,
    json: bool,
) -> int:
    """See `cupel shards fetch --help`."""
    serving = Serving(host, port, upload_limit) if serve else None
    work = commands.fetch(
        parsed_cid(cid), checked_sources("--from", sources), store, checked_out(out), serving, Screen(json)
    )
    try:
        return until_signal(work)
    except Rejected as rejected:
        print(f"cupel: {cid}: {rejected}", file=sys.stderr)
        return EXIT_REFUSED


def relay(
    upstreams: Sequence[str],
    store: Path,
    max_bytes: int,
    host: str,
    port: int,
    upload_limit: int | None,
    json: bool,
) -> int:
    """See `cupel shards relay --help`."""
    serving = Serving(host, port, upload_limit)
    return until_signal(
        commands.relay(checked_sources("--upstream", upstreams), store, max_bytes, serving, Screen(json))
    )
