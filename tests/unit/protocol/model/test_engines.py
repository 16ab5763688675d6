"""Every engine against one kit, and a model of strangers from document to verified rollouts."""

from __future__ import annotations

import builtins
import dataclasses
import importlib.util
from pathlib import Path
from typing import Any

import pytest
import torch

from cupel.protocol.config import ConfigError
from cupel.protocol.model import conformance
from cupel.protocol.model.engines import TORCH, VLLM, check_engine, new_policy
from cupel.protocol.model.generate import replay
from cupel.protocol.model.layout import layout_of
from cupel.protocol.model.policy import Policy
from cupel.protocol.model.tiny import TinyPolicy, initialise
from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.task import ModelShape
from cupel.protocol.task.plan import load_plan

TINY = ModelShape("cupel/tiny-transformer-v1", 40, 2, 32, 4, 64, 32)
MODELS = {
    "tiny": TINY,
    "llama": dataclasses.replace(
        TINY, architecture="transformers/llama", options='{"num_key_value_heads":2}'
    ),
    "mistral": dataclasses.replace(
        TINY, architecture="transformers/mistral", options='{"num_key_value_heads":4}'
    ),
    "qwen2": dataclasses.replace(
        TINY,
        architecture="transformers/qwen2",
        options='{"num_key_value_heads":2,"tie_word_embeddings":true}',
    ),
    "qwen3": dataclasses.replace(
        TINY, architecture="transformers/qwen3", options='{"head_dim":8,"num_key_value_heads":2}'
    ),
}

WIDE = dataclasses.replace(MODELS["llama"], heads=1, options="")


def fresh(shape: ModelShape) -> Policy:
    policy = new_policy(shape)
    generator = torch.Generator().manual_seed(5)
    if isinstance(policy, TinyPolicy):
        initialise(policy, generator)
    else:
        with torch.no_grad():
            for parameter in policy.parameters():
                if parameter.dim() > 1:
                    parameter.normal_(0.0, 0.2, generator=generator)
    return policy.eval()


@pytest.mark.parametrize("check", conformance.CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", MODELS)
def test_an_engine_conforms(name: str, check: Any) -> None:
    check(fresh(MODELS[name]))


@pytest.mark.parametrize("check", conformance.PREFILL_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", MODELS)
def test_a_prefill_conforms(name: str, check: Any) -> None:
    check(replay, fresh(MODELS[name]))


def test_the_kit_finds_a_prefill_that_keeps_the_first_weights() -> None:
    first = fresh(TINY)
    with pytest.raises(AssertionError):
        conformance.check_prefill(lambda _, *completions: replay(first, *completions), fresh(TINY))


def test_the_kit_finds_an_engine_that_looks_ahead() -> None:
    policy = fresh(TINY)
    honest = policy.forward
    policy.forward = lambda tokens, cache=None: honest(tokens.flip(1), cache).flip(1)  # type: ignore[method-assign]
    with pytest.raises(AssertionError):
        conformance.never_looks_ahead(policy)
    with pytest.raises(AssertionError):
        conformance.check_engine(policy)


def test_tied_weights_are_one_tensor() -> None:
    tied = {tensor.name for tensor in layout_of(MODELS["qwen2"]).tensors}
    loose = {tensor.name for tensor in layout_of(MODELS["llama"]).tensors}
    assert not [name for name in tied if "lm_head" in name]
    assert [name for name in loose if "lm_head" in name]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"architecture": "transformers/gpt2"}, "'gpt2' is not one of llama"),
        ({"architecture": "transformers/../evil"}, "is not one of"),
        ({"architecture": "other/llama"}, "other/llama"),
        ({"options": '{"auto_map":1}'}, "auto_map"),
        ({"options": '{"rope_theta":"high"}'}, "rope_theta"),
        ({"options": '{"num_key_value_heads": 2}'}, "keys sorted"),
        ({"options": '{"num_key_value_heads":3}'}, "do not divide"),
        ({"options": '{"num_key_value_heads":0}'}, "do not divide"),
        ({"width": 33}, "do not divide"),
        ({"width": 1 << 17}, "width"),
        ({"layers": 0}, "layers"),
        ({"vocabulary": 1 << 21}, "vocabulary"),
    ],
)
def test_a_model_that_cannot_be_is_refused(change: dict[str, Any], words: str) -> None:
    shape = dataclasses.replace(MODELS["llama"], **change)
    for ask in (new_policy, layout_of):
        with pytest.raises(Rejected, match=words) as caught:
            ask(shape)
        assert caught.value.reason is Reason.TASK_SPEC


def test_a_missing_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = builtins.__import__

    def without(name: str, *arguments: Any, **named: Any) -> Any:
        if name == "transformers":
            raise ImportError(name)
        return honest(name, *arguments, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ConfigError, match=r"cupel\[transformers\]"):
        new_policy(MODELS["llama"])


@pytest.mark.parametrize("kind", ["llama", "mistral", "qwen2", "qwen3"])
def test_a_shape_without_options_has_as_many_key_heads_as_heads(kind: str) -> None:
    conformance.decodes_as_it_reads(fresh(dataclasses.replace(TINY, architecture=f"transformers/{kind}")))


def test_torch_runs_everything() -> None:
    for shape in (TINY, MODELS["llama"]):
        check_engine(TORCH, shape)


@pytest.mark.parametrize(
    ("engine", "shape", "problem"),
    [
        ("vlm", MODELS["llama"], "'vlm' is no engine"),
        (VLLM, TINY, "vllm does not compute cupel/tiny-transformer-v1"),
        (VLLM, WIDE, "the package vllm is not installed"),
    ],
)
def test_another_engine_is_refused_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, engine: str, shape: ModelShape, problem: str
) -> None:
    monkeypatch.setattr("cupel.protocol.model.engines.find_spec", lambda name: None)
    with pytest.raises(ConfigError) as refused:
        check_engine(engine, shape)
    assert (refused.value.key, refused.value.problem) == ("engine", problem)


def test_vllm_is_taken_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "cupel.protocol.model.engines.find_spec", lambda name: importlib.util.find_spec("json")
    )
    check_engine(VLLM, WIDE)


@pytest.mark.parametrize(
    ("options", "channels"),
    [("", 8), ('{"head_dim":16}', 16), ('{"head_dim":48}', 48), ('{"head_dim":64}', None)],
)
def test_heads_that_vllm_has_no_kernel_for_are_refused_without_a_gpu(
    monkeypatch: pytest.MonkeyPatch, options: str, channels: int | None
) -> None:
    monkeypatch.setattr(
        "cupel.protocol.model.engines.find_spec", lambda name: importlib.util.find_spec("json")
    )
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    shape = dataclasses.replace(MODELS["llama"], options=options)
    if channels is None:
        check_engine(VLLM, shape)
    else:
        with pytest.raises(
            ConfigError, match=f"^engine: .*heads of {channels} channels, only of 32, 64"
        ) as told:
            check_engine(VLLM, shape)
        assert told.value.remedy == "Set engine = 'torch', or run vllm on a GPU"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    check_engine(VLLM, shape)


def test_the_example_of_a_llama_is_refused_to_vllm_on_a_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    plan = load_plan(Path(__file__).resolve().parents[4] / "examples" / "llama" / "task.toml")
    with pytest.raises(ConfigError, match="heads of 16 channels"):
        check_engine(VLLM, plan.spec.model)
