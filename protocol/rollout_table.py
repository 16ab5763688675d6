"""A submission's rollouts as a Parquet file: for other people's tools, and back again without a loss.

What a node publishes and commits to stays `spec.rollout_file`: Parquet writers give one table many byte strings, and
its readers are large C++ programs that no verifier should have to feed with a stranger's file (docs/adr/0004). This
table holds all of it, and the manifest; `read` proves that it does by making the published file again.

One row a rollout, in index order; nothing is null:

    index int32                 policy_version int32            reward_millionths int32
    problem int64               policy_digest binary[32]        prompt_tokens list<int32>
    seed binary[32]             target int32, -1 for none       completion_tokens list<int32>
    spans list<int32>, empty but in a dialogue                  proofs list<binary[2 + 2 topk]>

File metadata: `cupel.format` (cupel.rollouts), `cupel.version` (2), `cupel.manifest` (its bytes, in hex).
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any, Final

from cupel.protocol.rollout_table_reader import FORMAT, VERSION, decode_apart, library, table_schema
from cupel.protocol.spec import rollout_file
from cupel.protocol.spec.assignment import Assigned
from cupel.protocol.spec.environments.base import Dialogue, Environment, assigned_prompt
from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.length_reward import LengthRule
from cupel.protocol.spec.rollout import Rollout, SubmissionManifest
from cupel.protocol.spec.shardcast.unixfs import file_dag
from cupel.protocol.spec.task import TaskParams

NO_TARGET: Final = -1
# Footer, page headers and statistics: more than any file of ours needs.
_OVERHEAD_BYTES: Final = 1 << 20


def write(
    manifest: SubmissionManifest,
    rollouts: Sequence[Rollout],
    targets: Sequence[int | None],
    params: TaskParams,
    environment: Environment,
) -> bytes:
    """The table's file. targets: which target length each prompt states. ConfigError without pyarrow."""
    arrow, parquet = library()
    owed = [
        Assigned(rollout.problem, rollout.seed, target)
        for rollout, target in zip(rollouts, targets, strict=True)
    ]
    columns = {
        "index": list(range(len(rollouts))),
        "problem": [rollout.problem for rollout in rollouts],
        "seed": [rollout.seed for rollout in rollouts],
        "policy_version": [manifest.policy.version] * len(rollouts),
        "policy_digest": [manifest.policy.digest] * len(rollouts),
        "target": [NO_TARGET if target is None else target for target in targets],
        "reward_millionths": [rollout.reward for rollout in rollouts],
        "prompt_tokens": [assigned_prompt(environment, one) for one in owed],
        "completion_tokens": [rollout.tokens for rollout in rollouts],
        "spans": [rollout.spans for rollout in rollouts],
        "proofs": [rollout.proofs for rollout in rollouts],
    }
    told = {
        "cupel.format": FORMAT,
        "cupel.version": VERSION,
        "cupel.manifest": manifest.to_bytes().hex(),
    }
    schema, buffer = table_schema(arrow, params.topk), io.BytesIO()
    # Uncompressed and plain, so that a reader knows from the file's size what it will take in memory.
    options = {"compression": "none", "use_dictionary": False, "store_schema": False}
    with parquet.ParquetWriter(buffer, schema, **options) as writer:
        writer.write_table(arrow.table(columns, schema=schema))
        writer.add_key_value_metadata(told)
    return buffer.getvalue()


def read(
    data: bytes, params: TaskParams, rule: LengthRule | None, environment: Environment
) -> tuple[SubmissionManifest, tuple[Rollout, ...], bytes]:
    """Manifest, rollouts and the published file again.

    Rejected(SIZE) before anything is decoded, for a file larger than any of this task; Rejected(SCHEMA) for another
    format or version, columns too many, too few, of other types or nullable, compressed or encoded to grow in memory,
    too many rows or row groups, bytes that end or hold the library, and rows that are no rollouts; Rejected(MANIFEST)
    if it is not what the manifest names.
    """
    most = _most_bytes(params, environment)
    if len(data) > most:
        raise Rejected(Reason.SIZE, f"a table of {len(data)} bytes, at most {most} allowed")
    told, rows = decode_apart(data, params.topk, params.units_per_round)
    manifest = SubmissionManifest.from_bytes(told)
    _check_rows(rows, manifest, params, rule, environment)
    rollouts = tuple(
        Rollout(
            row["problem"],
            row["seed"],
            tuple(row["completion_tokens"]),
            row["reward_millionths"],
            tuple(row["proofs"]),
            tuple(row["spans"]),
        )
        for row in rows
    )
    return manifest, rollouts, _published(manifest, rollouts, params)


def _published(manifest: SubmissionManifest, rollouts: tuple[Rollout, ...], params: TaskParams) -> bytes:
    published = rollout_file.encode(rollouts, params)
    rollout_file.decode(published, params)
    root, _ = file_dag(published)
    if (str(root), len(published)) != (manifest.rollouts.cid, manifest.rollouts.size):
        raise Rejected(Reason.MANIFEST, f"the rows are {root}, the manifest names {manifest.rollouts.cid}")
    return published


def _check_rows(
    rows: list[dict[str, Any]],
    manifest: SubmissionManifest,
    params: TaskParams,
    rule: LengthRule | None,
    environment: Environment,
) -> None:
    if len(rows) != manifest.units:
        raise Rejected(Reason.UNITS, f"{len(rows)} rows, the manifest counts {manifest.units}")
    num_targets = 0 if rule is None else rule.num_targets
    for number, row in enumerate(rows):
        target = None if row["target"] == NO_TARGET else row["target"]
        tokens, chunks = row["completion_tokens"], -(-len(row["completion_tokens"]) // params.chunk_tokens)
        problems = {
            "rows are in index order": row["index"] != number,
            "a completion has 1 to max_tokens tokens": not 1 <= len(tokens) <= params.max_tokens,
            "tokens are not negative": any(token < 0 for token in tokens),
            "there is a proof for every chunk": len(row["proofs"]) != chunks,
            "spans are those of a dialogue": not _are_spans(row["spans"], len(tokens), environment),
            "a problem is one of the task's": not 0 <= row["problem"] < params.problem_count,
            "a reward is not negative": row["reward_millionths"] < 0,
            "a target length is one of the task's": (
                (target is None) != (rule is None) or (target is not None and not 0 <= target < num_targets)
            ),
            "the policy is the manifest's": (
                (row["policy_version"], row["policy_digest"])
                != (manifest.policy.version, manifest.policy.digest)
            ),
        }
        broken = [rule for rule, wrong in problems.items() if wrong]
        if broken:
            raise Rejected(Reason.SCHEMA, f"row {number}: {broken[0]}")
        prompt = assigned_prompt(environment, Assigned(row["problem"], row["seed"], target))
        if tuple(row["prompt_tokens"]) != prompt:
            raise Rejected(Reason.SCHEMA, f"row {number}: the prompt is that of its problem")


def _are_spans(spans: list[int], num_tokens: int, environment: Environment) -> bool:
    """Whether spans add up, and are there where the environment replies; what it replies is not computed again."""
    if not isinstance(environment, Dialogue):
        return not spans
    return len(spans) % 2 == 1 and min(spans) > 0 and sum(spans) == num_tokens


def _most_bytes(params: TaskParams, environment: Environment) -> int:
    chunks = -(-params.max_tokens // params.chunk_tokens)
    # Spans are as many as tokens at most.
    tokens = 2 * params.max_tokens + environment.prompt_tokens + 1
    row = 4 * 4 + 8 + 2 * 32 + 6 * tokens + chunks * (4 + 2 + 2 * params.topk)
    return params.units_per_round * row + _OVERHEAD_BYTES
