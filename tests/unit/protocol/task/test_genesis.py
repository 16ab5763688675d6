"""Initial weights: the same from the same seed, and a model's own from its files."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from cupel.protocol.config import ConfigError
from cupel.protocol.model.checkpoint import checkpoint_from_bytes, from_floats
from cupel.protocol.model.engines import new_policy
from cupel.protocol.model.layout import layout_of
from cupel.protocol.model.weights import flatten, policy_of
from cupel.protocol.spec.task import NOTHING_PINNED, ModelShape, check_task
from cupel.protocol.task.genesis import drawn, imported
from cupel.protocol.task.plan import load_plan

TINY = ModelShape("cupel/tiny-transformer-v1", 40, 1, 32, 4, 64, 32)
LLAMA = dataclasses.replace(TINY, architecture="transformers/llama", options='{"num_key_value_heads":2}')


def weights_of(data: bytes, shape: ModelShape) -> np.ndarray:
    return checkpoint_from_bytes(data, layout_of(shape)).weights


@pytest.mark.parametrize("shape", [TINY, LLAMA], ids=["tiny", "llama"])
def test_a_seed_decides(shape: ModelShape) -> None:
    before = torch.random.get_rng_state()
    first, again, other = drawn(shape, 1), drawn(shape, 1), drawn(shape, 2)
    assert first == again
    assert first != other
    assert torch.equal(torch.random.get_rng_state(), before)
    assert np.count_nonzero(weights_of(first, shape)) > 0


def test_the_example_of_another_engine_is_a_task() -> None:
    plan = load_plan(Path(__file__).parents[4] / "examples" / "llama" / "task.toml")
    address = "0x" + "1" * 40
    check_task(plan.params(address, address, bytes(32), 0, NOTHING_PINNED, ()), plan.spec)
    assert layout_of(plan.spec.model).num_parameters > 10_000


def hub_files(folder: Path, scale: float = 0.1) -> torch.nn.Module:
    """A model's own files, as its hub has them: two of them, in bfloat16, with tensors that nobody asks for."""
    torch.manual_seed(3)
    model = new_policy(LLAMA).model
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_((scale * torch.randn(parameter.shape)).to(torch.bfloat16).float())
    tensors = {name: value.to(torch.bfloat16).contiguous() for name, value in model.state_dict().items()}
    names = sorted(tensors)
    save_file({name: tensors[name] for name in names[::2]}, folder / "model-1.safetensors")
    rest = {name: tensors[name] for name in names[1::2]}
    save_file({**rest, "unasked.weight": torch.ones(3)}, folder / "model-2.safetensors")
    (folder / "pytorch_model.bin").write_bytes(b"never opened: a pickle is a program")
    return model


def test_a_model_of_a_hub_computes_as_before(tmp_path: Path) -> None:
    model = hub_files(tmp_path)
    data = imported(LLAMA, tmp_path)
    tokens = torch.arange(12).reshape(2, 6)
    policy = policy_of(LLAMA, checkpoint_from_bytes(data, layout_of(LLAMA)))
    with torch.inference_mode():
        scores = policy.logits(policy(tokens))
        assert (scores - model(input_ids=tokens).logits).abs().max() < 1e-3
    flat = flatten(policy, layout_of(LLAMA))
    assert np.array_equal(from_floats(flat), weights_of(data, LLAMA))


def test_a_checkpoint_of_the_built_in_policy_by_its_own_names(tmp_path: Path) -> None:
    policy = new_policy(TINY)
    save_file(
        {name: value.detach() for name, value in policy.named_parameters()}, tmp_path / "one.safetensors"
    )
    expected = from_floats(flatten(policy, layout_of(TINY)))
    assert np.array_equal(weights_of(imported(TINY, tmp_path / "one.safetensors"), TINY), expected)


def test_weights_that_do_not_fit_say_which(tmp_path: Path) -> None:
    hub_files(tmp_path)
    two_layers = dataclasses.replace(LLAMA, layers=2)
    with pytest.raises(ConfigError, match=r"lacks 9 of 21 tensors, model\.model\.layers\.1"):
        imported(two_layers, tmp_path)
    with pytest.raises(ConfigError, match=r"is \[40, 32\], spec\.model makes it \[48, 32\]"):
        imported(dataclasses.replace(LLAMA, vocabulary=48), tmp_path)
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(ConfigError, match="holds no"):
        imported(LLAMA, empty)
    (tmp_path / "broken.safetensors").write_bytes(b"\xff" * 40)
    with pytest.raises(ConfigError, match="cannot read"):
        imported(LLAMA, tmp_path / "broken.safetensors")


@pytest.mark.parametrize("value", [17.0, float("nan"), float("inf")])
def test_weights_beyond_the_canonical_range_are_refused(tmp_path: Path, value: float) -> None:
    policy = new_policy(TINY)
    tensors = {name: parameter.detach().clone() for name, parameter in policy.named_parameters()}
    tensors["head.weight"][3, 4] = value
    save_file(tensors, tmp_path / "one.safetensors")
    with pytest.raises(ConfigError, match=r"head\.weight holds"):
        imported(TINY, tmp_path / "one.safetensors")
