"""Sets of files with a marker that is written last: a reader finds all of a set or none of it.

The marker names every file with its SHA-256. A file that is not what its marker says (a damaged disk) breaks the seal,
and whoever makes such sets makes this one again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from cupel.node.journal import Journal
from cupel.protocol.spec.encoding import canonical_json, parse_canonical_json
from cupel.protocol.spec.errors import Rejected
from cupel.protocol.spec.hashing import sha256

_MAX_MARKER_BYTES: Final = 1 << 20


def marker_of(name: str) -> str:
    """File that says that the set `name` is whole."""
    return f"{name}.stable"


def save_set(journal: Journal, name: str, files: Mapping[str, bytes]) -> None:
    """Save files, then the marker that declares them to be the set `name`."""
    for file, data in files.items():
        journal.save(file, data)
    digests = {file: sha256(data).hex() for file, data in files.items()}
    journal.save(marker_of(name), canonical_json({"files": digests}))


def load_set(journal: Journal, name: str) -> dict[str, bytes] | None:
    """The files of a set; None if it is not sealed, or no longer what was sealed: the seal is then removed."""
    marker = journal.load(marker_of(name))
    if marker is None:
        return None
    try:
        wanted = parse_canonical_json(marker, _MAX_MARKER_BYTES)["files"]
        found = {file: journal.load(file) for file in wanted}
    except (Rejected, KeyError, TypeError):
        journal.remove(marker_of(name))
        return None
    whole = {file: data for file, data in found.items() if data is not None}
    if {file: sha256(data).hex() for file, data in whole.items()} != wanted:
        journal.remove(marker_of(name))
        return None
    return whole
