"""Rollouts as Parquet: everything comes back, and what is not exactly such a table is refused with a reason."""

import dataclasses
import io
import random
from collections.abc import Callable
from typing import Any

import pytest

from cupel.protocol import rollout_table_reader
from cupel.protocol.rollout_table import read, write
from cupel.protocol.spec import rollout_file
from cupel.protocol.spec.assignment import assigned_work
from cupel.protocol.spec.environments.base import GUESSING, get_environment
from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.rollout import (
    Metrics,
    PolicyRef,
    Rollout,
    SubmissionManifest,
    file_reference,
    pieced_reference,
)
from cupel.protocol.spec.task import NOTHING_PINNED
from cupel.protocol.testing.builders import example_spec
from cupel.protocol.testing.vectors import example_params

pyarrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")

PARAMS = dataclasses.replace(example_params(), problems_per_round=3, group_size=4, chunk_tokens=4, topk=16)
ENVIRONMENT = get_environment(example_spec().environment)


def example() -> tuple[SubmissionManifest, tuple[Rollout, ...]]:
    draw = random.Random(5)
    rollouts = []
    for owed in assigned_work(b"\1" * 32, PARAMS, range(PARAMS.units_per_round), None):
        tokens = tuple(draw.randrange(64) for _ in range(draw.randint(1, PARAMS.max_tokens)))
        proofs = tuple(
            draw.randbytes(2 + 2 * PARAMS.topk) for _ in range(-(-len(tokens) // PARAMS.chunk_tokens))
        )
        rollouts.append(Rollout(owed.problem, owed.seed, tokens, draw.randrange(2) * 10**6, proofs))
    data = rollout_file.encode(rollouts, PARAMS)
    manifest = SubmissionManifest(
        task=bytes(32),
        node="0x" + 40 * "1",
        round=3,
        sequence=2,
        policy=PolicyRef(3, b"\2" * 32),
        rollouts=file_reference(data),
        update=pieced_reference(b"update"),
        units=len(rollouts),
        metrics=Metrics(1, 2),
    )
    return manifest, tuple(rollouts)


MANIFEST, ROLLOUTS = example()
TABLE = write(MANIFEST, ROLLOUTS, [None] * len(ROLLOUTS), PARAMS, ENVIRONMENT)


def read_again(data: bytes) -> Any:
    return read(data, PARAMS, None, ENVIRONMENT)


def test_everything_comes_back() -> None:
    manifest, rollouts, published = read_again(TABLE)
    assert (manifest, rollouts) == (MANIFEST, ROLLOUTS)
    assert published == rollout_file.encode(ROLLOUTS, PARAMS)


DIALOGUES = dataclasses.replace(PARAMS, max_tokens=8, reward_rule=NOTHING_PINNED)


def test_dialogues_come_back_and_spans_are_held_against_their_tokens() -> None:
    environment = get_environment(GUESSING)
    rollouts = [
        Rollout(owed.problem, owed.seed, (4, 14, 10, 14, 12, 5, 14), 0, (bytes(34),) * 2, (2, 1, 1, 1, 2))
        for owed in assigned_work(b"\1" * 32, DIALOGUES, range(12), None)
    ]
    made = rollout_file.encode(rollouts, DIALOGUES)
    manifest = dataclasses.replace(MANIFEST, rollouts=file_reference(made))
    none: list[int | None] = [None] * 12
    table = write(manifest, rollouts, none, DIALOGUES, environment)
    assert read(table, DIALOGUES, None, environment) == (manifest, tuple(rollouts), made)
    for spans in ((), (8, -2, 1)):
        false = [dataclasses.replace(rollouts[0], spans=spans), *rollouts[1:]]
        with pytest.raises(Rejected, match="spans are those of a dialogue"):
            read(write(manifest, false, none, DIALOGUES, environment), DIALOGUES, None, environment)


def rewritten(
    change: Callable[[Any], Any] = lambda table: table, told: dict[str, str] | None = None, **options: Any
) -> bytes:
    """The table after a change, written by another writer's habits."""
    file = parquet.ParquetFile(io.BytesIO(TABLE))
    table, buffer = change(file.read()), io.BytesIO()
    kept = {key.decode(): value.decode() for key, value in file.metadata.metadata.items()}
    habits = {"compression": "none", "use_dictionary": False, "store_schema": False}
    with parquet.ParquetWriter(buffer, table.schema, **{**habits, **options}) as writer:
        writer.write_table(table, row_group_size=5)
        writer.add_key_value_metadata({**kept, **(told or {})})
    return buffer.getvalue()


def test_another_writers_bytes_say_the_same() -> None:
    other = rewritten()
    assert other != TABLE
    assert read_again(other) == read_again(TABLE)


def with_column(name: str, change: Callable[[list[Any]], list[Any]]) -> Callable[[Any], Any]:
    def changed(table: Any) -> Any:
        place = table.schema.get_field_index(name)
        values = change(table.column(name).to_pylist())
        field = table.schema.field(name)
        return table.set_column(place, field, pyarrow.array(values, field.type))

    return changed


def nullable(table: Any) -> Any:
    fields = [field.with_nullable(field.name == "problem") for field in table.schema]
    return table.cast(pyarrow.schema(fields))


def wider(table: Any) -> Any:
    place = table.schema.get_field_index("reward_millionths")
    field = pyarrow.field("reward_millionths", pyarrow.int64(), nullable=False)
    return table.set_column(place, field, table.column(place).cast(pyarrow.int64()))


def text_of(table: Any) -> Any:
    return table.append_column("text", pyarrow.array(["a"] * table.num_rows))


def first(value: Any) -> Callable[[list[Any]], list[Any]]:
    return lambda values: [value, *values[1:]]


@pytest.mark.parametrize(
    ("data", "reason", "detail"),
    [
        (b"", Reason.SCHEMA, "not a Parquet file"),
        (TABLE[:-1], Reason.SCHEMA, "not a Parquet file"),
        (TABLE + bytes(2 << 20), Reason.SIZE, "at most"),
        (rewritten(told={"cupel.version": "1"}), Reason.SCHEMA, "version '1'"),
        (rewritten(told={"cupel.format": "other"}), Reason.SCHEMA, "format 'other'"),
        (rewritten(told={"cupel.manifest": "{}"}), Reason.SCHEMA, "non-hexadecimal"),
        (rewritten(lambda table: table.drop_columns(["seed"])), Reason.SCHEMA, "columns ['seed']"),
        (rewritten(text_of), Reason.SCHEMA, "columns ['text']"),
        (rewritten(wider), Reason.SCHEMA, "columns ['reward_millionths']"),
        (rewritten(nullable), Reason.SCHEMA, "columns ['problem']"),
        (rewritten(lambda table: table.select(table.column_names[::-1])), Reason.SCHEMA, "another order"),
        (rewritten(compression="zstd"), Reason.SCHEMA, "ZSTD"),
        (rewritten(use_dictionary=True), Reason.SCHEMA, "DICTIONARY"),
        (rewritten(lambda table: table.slice(0, 0)), Reason.SCHEMA, "0 rows"),
        (rewritten(lambda table: pyarrow.concat_tables([table, table])), Reason.SCHEMA, "24 rows"),
        (rewritten(lambda table: table.slice(0, 8)), Reason.UNITS, "8 rows"),
        (rewritten(lambda table: table.take([1, 0, *range(2, 12)])), Reason.SCHEMA, "index order"),
        (rewritten(with_column("completion_tokens", first([]))), Reason.SCHEMA, "1 to max_tokens"),
        (rewritten(with_column("completion_tokens", first([1] * 10))), Reason.SCHEMA, "1 to max_tokens"),
        (rewritten(with_column("completion_tokens", first([-1]))), Reason.SCHEMA, "not negative"),
        (rewritten(with_column("proofs", first([]))), Reason.SCHEMA, "proof for every chunk"),
        (rewritten(with_column("problem", first(1 << 40))), Reason.SCHEMA, "one of the task's"),
        (rewritten(with_column("reward_millionths", first(-5))), Reason.SCHEMA, "not negative"),
        (rewritten(with_column("target", first(0))), Reason.SCHEMA, "target length"),
        (rewritten(with_column("policy_version", first(2))), Reason.SCHEMA, "policy is the manifest's"),
        (rewritten(with_column("prompt_tokens", first([1]))), Reason.SCHEMA, "prompt"),
        (rewritten(with_column("seed", first(bytes(32)))), Reason.MANIFEST, "the manifest names"),
        (rewritten(with_column("reward_millionths", first(7))), Reason.MANIFEST, "the manifest names"),
    ],
)
def test_what_is_not_exactly_such_a_table_is_refused(data: bytes, reason: Reason, detail: str) -> None:
    with pytest.raises(Rejected) as error:
        read_again(data)
    assert (error.value.reason, detail in error.value.detail) == (reason, True), error.value


def test_damage_is_refused_or_harmless() -> None:
    """Bytes that no reader looks at may differ; anything else is a reason, never another exception."""
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")
    draw = random.Random(seed)
    for _ in range(5):
        data = bytearray(TABLE)
        for _ in range(draw.randint(1, 4)):
            data[draw.randrange(len(data))] = draw.randrange(256)
        try:
            found = read_again(bytes(data))
        except Rejected:
            continue
        assert found[1:] == read_again(TABLE)[1:]


def test_what_holds_the_library_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rollout_table_reader, "READ_SECONDS", 0.01)
    with pytest.raises(Rejected) as error:
        read_again(TABLE)
    assert error.value.reason is Reason.SCHEMA
    assert "not read within" in error.value.detail


def test_a_reader_that_ends_is_a_reason() -> None:
    with pytest.raises(Rejected) as error:
        rollout_table_reader.decode_apart(TABLE, 1 << 60, 12)  # no library has a type of that width
    assert error.value == Rejected(Reason.SCHEMA, "the table ends the process that reads it (code 1)")
