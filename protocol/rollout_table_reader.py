"""Parquet bytes to rows, in a process of its own under limits.

    python -m cupel.protocol.rollout_table_reader TOPK MOST_ROWS      a table on standard input, JSON on standard output

Of 3000 tables with one to four damaged bytes three ended the process that read them (pyarrow 26.0.1, SIGABRT): no
exception handler helps there. A process that dies, hangs or takes too much memory is a reason like any other.
"""

from __future__ import annotations

import io
import json
import resource
import subprocess
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from cupel.protocol.config import ConfigError
from cupel.protocol.spec.errors import Reason, Rejected

if TYPE_CHECKING:
    import pyarrow

FORMAT: Final = "cupel.rollouts"
VERSION: Final = "2"
READ_SECONDS: Final = 120.0
_MOST_MEMORY_BYTES: Final = 4 << 30
# Of memory for each byte of a table: the rows as Python objects, and their JSON.
_MEMORY_FACTOR: Final = 64
_ENCODINGS: Final = {"PLAIN", "RLE"}
_BYTES: Final = ("seed", "policy_digest")


def decode_apart(data: bytes, topk: int, most_rows: int) -> tuple[bytes, list[dict[str, Any]]]:
    """The manifest's bytes and the rows of a table. Rejected(SCHEMA); ConfigError without pyarrow."""
    library()
    command = [sys.executable, "-P", "-m", __spec__.name, str(topk), str(most_rows)]
    try:
        done = subprocess.run(command, input=data, capture_output=True, timeout=READ_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise Rejected(Reason.SCHEMA, f"the table is not read within {READ_SECONDS:.0f} s") from None
    if done.returncode:
        raise Rejected(Reason.SCHEMA, f"the table ends the process that reads it (code {done.returncode})")
    answer = json.loads(done.stdout)
    if "rejected" in answer:
        raise Rejected(Reason.SCHEMA, answer["rejected"])
    for row in answer["rows"]:
        row.update({name: bytes.fromhex(row[name]) for name in _BYTES})
        row["proofs"] = [bytes.fromhex(proof) for proof in row["proofs"]]
    return bytes.fromhex(answer["manifest"]), answer["rows"]


def main(arguments: Sequence[str]) -> int:
    """Read one table."""
    topk, most_rows = map(int, arguments)
    arrow, parquet = library()
    data = sys.stdin.buffer.read()
    memory = _MOST_MEMORY_BYTES + _MEMORY_FACTOR * len(data)
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        file = parquet.ParquetFile(io.BytesIO(data))
        manifest = _check_footer(file, table_schema(arrow, topk), most_rows)
        table = file.read(use_threads=False)
        table.validate(full=True)
        answer = {"manifest": manifest.hex(), "rows": [_plain(row) for row in table.to_pylist()]}
    except Rejected as rejected:
        answer = {"rejected": rejected.detail}
    except (arrow.ArrowException, OSError, ValueError, KeyError, TypeError) as error:
        answer = {"rejected": f"not a Parquet file: {str(error)[:200]}"}
    print(json.dumps(answer))
    return 0


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    found = {name: row[name].hex() for name in _BYTES}
    return {**row, **found, "proofs": [proof.hex() for proof in row["proofs"]]}


def _check_footer(file: Any, schema: pyarrow.Schema, most_rows: int) -> bytes:
    """The manifest's bytes, from a footer that promises what `read` can take."""
    footer, found = file.metadata, file.schema_arrow
    told: dict[bytes, bytes] = dict(footer.metadata or {})
    named = tuple(
        told.get(key, b"").decode("ascii", "replace") for key in (b"cupel.format", b"cupel.version")
    )
    if named != (FORMAT, VERSION):
        raise Rejected(
            Reason.SCHEMA, f"format {named[0]!r} version {named[1]!r}, {FORMAT} {VERSION} expected"
        )
    if not found.equals(schema, check_metadata=False):
        wrong = sorted(set(found.names) ^ set(schema.names)) or [
            field.name for field in schema if not field.equals(found.field(field.name))
        ]
        raise Rejected(Reason.SCHEMA, f"missing, unknown or mistyped columns {wrong or 'in another order'}")
    if not 1 <= footer.num_rows <= most_rows:
        raise Rejected(Reason.SCHEMA, f"{footer.num_rows} rows, 1 to {most_rows} allowed")
    if footer.num_row_groups > footer.num_rows:
        raise Rejected(Reason.SCHEMA, f"{footer.num_row_groups} row groups for {footer.num_rows} rows")
    for group in range(footer.num_row_groups):
        chunks = (footer.row_group(group).column(index) for index in range(footer.num_columns))
        for chunk in chunks:
            if chunk.compression != "UNCOMPRESSED" or not set(chunk.encodings) <= _ENCODINGS:
                detail = f"{chunk.path_in_schema} is {chunk.compression}, {', '.join(chunk.encodings)}"
                raise Rejected(Reason.SCHEMA, f"{detail}; uncompressed and plain expected")
    return bytes.fromhex(told.get(b"cupel.manifest", b"").decode("ascii"))


def table_schema(arrow: Any, topk: int) -> pyarrow.Schema:
    """The columns of a table, for proofs of so many activations."""

    def whole(name: str, kind: Any) -> Any:
        return arrow.field(name, kind, nullable=False)

    tokens = arrow.list_(whole("element", arrow.int32()))
    proofs = arrow.list_(whole("element", arrow.binary(2 + 2 * topk)))
    return arrow.schema(
        [
            whole("index", arrow.int32()),
            whole("problem", arrow.int64()),
            whole("seed", arrow.binary(32)),
            whole("policy_version", arrow.int32()),
            whole("policy_digest", arrow.binary(32)),
            whole("target", arrow.int32()),
            whole("reward_millionths", arrow.int32()),
            whole("prompt_tokens", tokens),
            whole("completion_tokens", tokens),
            whole("spans", tokens),
            whole("proofs", proofs),
        ]
    )


def library() -> tuple[Any, Any]:
    """pyarrow and its Parquet part. ConfigError if they cannot be loaded."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        remedy = "Install it with: pip install 'cupel[parquet]'"
        raise ConfigError("parquet", f"pyarrow cannot be loaded ({error})", remedy) from None
    return pyarrow, pyarrow.parquet


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
