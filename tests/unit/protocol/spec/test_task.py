"""Task parameters and documents: one form, one digest, strict parsing."""

import dataclasses
import json

import pytest
from eth_abi.abi import decode, encode

from cupel.protocol.spec.encoding import canonical_json
from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.length_reward import LengthRule
from cupel.protocol.spec.task import (
    TASK_PARAMS_ABI,
    EnvironmentRef,
    TaskParams,
    TaskSpec,
    check_task,
    task_id,
)
from cupel.protocol.testing.builders import example_spec
from cupel.protocol.testing.vectors import CHAIN_ID, HUB, NODE, example_params

LENGTH = dataclasses.asdict(LengthRule("exact", 300, 0, 4, 1, 2))


def test_params_survive_the_abi() -> None:
    params = example_params()
    (values,) = decode([TASK_PARAMS_ABI], encode([TASK_PARAMS_ABI], [params.as_abi()]))
    assert TaskParams.from_abi(values) == params


def test_every_field_changes_the_task_id() -> None:
    params = example_params()
    ids = {
        task_id(CHAIN_ID, HUB, params),
        task_id(CHAIN_ID + 1, HUB, params),
        task_id(CHAIN_ID, NODE, params),
    }
    for field in dataclasses.fields(params):
        value = getattr(params, field.name)
        if isinstance(value, int):
            changed: object = value + 1
        elif isinstance(value, bytes):
            changed = bytes(32)
        elif isinstance(value, str):
            changed = NODE
        elif isinstance(value, tuple):
            changed = value[:1]
        else:
            changed = dataclasses.replace(value, code=NODE)
        ids.add(task_id(CHAIN_ID, HUB, dataclasses.replace(params, **{field.name: changed})))
    assert len(ids) == 3 + len(dataclasses.fields(params))


def test_spec_round_trip() -> None:
    spec = example_spec()
    assert TaskSpec.from_bytes(spec.to_bytes()) == spec
    spec = dataclasses.replace(spec, length=LengthRule(**LENGTH))
    assert TaskSpec.from_bytes(spec.to_bytes()) == spec


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"surprise": 1}, Reason.SCHEMA),
        ({"name": 5}, Reason.SCHEMA),
        ({"kind": "cupel.other.v1"}, Reason.SCHEMA),
        ({"environment": {"id": "cupel/sorting"}}, Reason.SCHEMA),
        ({"environment": {"id": "cupel/sorting", "version": True}}, Reason.SCHEMA),
        ({"environment": {"id": "cupel/sorting", "version": -1}}, Reason.SCHEMA),
        ({"sampling": {"temperature_millionths": 0, "tolerance_millionths": 1}}, Reason.TASK_SPEC),
        ({"length": {"form": "exact"}}, Reason.SCHEMA),
        ({"length": LENGTH | {"form": "soft"}}, Reason.TASK_SPEC),
    ],
)
def test_a_bad_spec_is_refused(change: dict[str, object], reason: Reason) -> None:
    document = json.loads(example_spec().to_bytes()) | change
    with pytest.raises(Rejected) as caught:
        TaskSpec.from_bytes(canonical_json(document))
    assert caught.value.reason is reason


def test_a_task_that_cannot_work_is_refused() -> None:
    spec = example_spec()
    good = dataclasses.replace(example_params(), spec_digest=spec.digest)
    check_task(good, spec)
    for change in (
        {"spec_digest": bytes(32)},
        {"chunk_tokens": 1024},
        {"topk": 8},
        {"max_tokens": 32},
        {"rounds": 0},
        {"max_staleness": 5},
    ):
        with pytest.raises(Rejected) as caught:
            check_task(dataclasses.replace(good, **change), spec)
        assert caught.value.reason is Reason.TASK_PARAMETERS


PACKAGED = EnvironmentRef("gym/sums", 1, "gym==1.2", '{"seed":3}', prompt_tokens=64, answer_tokens=8)


def test_an_installed_environment_is_pinned_in_the_document() -> None:
    spec = dataclasses.replace(example_spec(), environment=PACKAGED)
    assert TaskSpec.from_bytes(spec.to_bytes()) == spec
    assert spec.digest != example_spec().digest
    told = {"tokenizer": 64 * "a", "vocabulary": 9, "end_token": "e", "padding_token": "p"}
    talks = dataclasses.replace(PACKAGED, turns=3, reply_tokens=4, **told)  # type: ignore[arg-type]  # by name
    assert TaskSpec.from_bytes(dataclasses.replace(spec, environment=talks).to_bytes()).environment == talks


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"package": "gym"}, "name==version"),
        ({"package": "gym>=1"}, "name==version"),
        ({"id": "sums"}, "name/which"),
        ({"version": 2}, "environment.version"),
        ({"prompt_tokens": 0}, "prompt_tokens"),
        ({"answer_tokens": 1}, "answer_tokens"),
        ({"turns": 0}, "environment.turns"),
        ({"turns": 65, "reply_tokens": 4}, "environment.turns"),
        ({"turns": 2}, "environment.reply_tokens"),
        ({"reply_tokens": 4}, "environment.reply_tokens"),
        ({"tokenizer": 64 * "a"}, "come with a tokenizer"),
        ({"vocabulary": 9, "end_token": "e", "padding_token": "p"}, "come with a tokenizer"),
        ({"tokenizer": 64 * "A", "vocabulary": 9, "end_token": "e", "padding_token": "p"}, "64 hex digits"),
        ({"tokenizer": 63 * "a", "vocabulary": 9, "end_token": "e", "padding_token": "p"}, "64 hex digits"),
        ({"arguments": ""}, "environment.arguments"),
        ({"arguments": '{"seed": 3}'}, "environment.arguments"),
        ({"arguments": '{"rate":0.5}'}, "environment.arguments"),
        ({"arguments": "[]"}, "environment.arguments"),
        ({"arguments": '{"a":"' + 4096 * "x" + '"}'}, "environment.arguments"),
    ],
)
def test_an_environment_that_nobody_can_open_is_refused(change: dict[str, object], words: str) -> None:
    environment = dataclasses.replace(PACKAGED, **change)  # type: ignore[arg-type]  # by name
    spec = dataclasses.replace(example_spec(), environment=environment)
    with pytest.raises(Rejected, match=words) as caught:
        TaskSpec.from_bytes(spec.to_bytes())
    assert caught.value.reason is Reason.TASK_SPEC


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"codec": "mxint2"}, "aggregation.codec 'mxint2': mxint8, mxint4 or sparse-1"),
        ({"codec": "sparse-17"}, "aggregation.codec"),
        ({"rule": "median"}, "aggregation.rule is 'median', mean or trimmed-mean"),
        ({"trimmed": 1}, "aggregation.trimmed is for rule = 'trimmed-mean'"),
        ({"momentum_numerator": 1}, "aggregation.momentum is 1/1: below one"),
        ({"momentum_denominator": 0}, "aggregation.momentum is 0/0: denominator 1 or more"),
        ({"learning_rate_numerator": 1025}, "aggregation.learning_rate is 1025/1: .* up to 1024"),
    ],
)
def test_an_aggregation_that_nobody_can_compute_is_refused(change: dict[str, object], words: str) -> None:
    aggregation = dataclasses.replace(example_spec().aggregation, **change)  # type: ignore[arg-type]  # by name
    spec = dataclasses.replace(example_spec(), aggregation=aggregation)
    with pytest.raises(Rejected, match=words) as caught:
        TaskSpec.from_bytes(spec.to_bytes())
    assert caught.value.reason is Reason.TASK_SPEC


def test_codec_and_rule_are_in_the_document_where_they_are_not_the_usual() -> None:
    aggregation = dataclasses.replace(
        example_spec().aggregation, codec="sparse-2", rule="trimmed-mean", trimmed=2
    )
    spec = dataclasses.replace(example_spec(), aggregation=aggregation)
    assert TaskSpec.from_bytes(spec.to_bytes()) == spec
    assert b"codec" not in example_spec().to_bytes()
