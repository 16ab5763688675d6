"""Adapters by the chain rule are adapters by automatic differentiation."""

import torch

from cupel.protocol.model.layout import ARCHITECTURE
from cupel.protocol.model.tiny import initialise
from cupel.protocol.spec.task import ModelShape
from cupel.protocol.training.adapters import ADAPTED, Adapters
from cupel.protocol.training.flat import AdamW, FlatPolicy

SHAPE = ModelShape(ARCHITECTURE, vocabulary=16, layers=2, width=16, heads=2, feed_forward=24, positions=12)
RANK, SCALE = 2, 1.5


def prepared() -> tuple[FlatPolicy, Adapters, torch.Tensor]:
    """A policy with adapters, and what it reads."""
    model = FlatPolicy(SHAPE)
    initialise(model.policy, torch.Generator().manual_seed(0))
    adapters = Adapters(model, RANK, SCALE, torch.Generator().manual_seed(1))
    return model, adapters, torch.randint(0, 16, (4, 6), generator=torch.Generator().manual_seed(2))


def read(model: FlatPolicy, tokens: torch.Tensor) -> torch.Tensor:
    return model.policy.logits(model.policy(tokens)).square().mean()


def test_fresh_adapters_change_nothing() -> None:
    model, adapters, _ = prepared()
    before = model.weights.clone()
    adapters.merge()
    assert torch.equal(model.weights, before)
    # 2 layers x rank x (rows + columns) of 48x16, 16x16, 24x16 and 16x24.
    assert adapters.weights.numel() == 2 * RANK * (64 + 32 + 40 + 40)


def test_gradients_are_those_of_adapters_inside_the_model() -> None:
    model, adapters, tokens = prepared()
    adapters.weights.normal_(generator=torch.Generator().manual_seed(3))
    # The same function of A and B through PyTorch: every adapted map reads base + scale * B A.
    flat = adapters.weights.clone().requires_grad_()
    parameters, start = {}, 0
    for tensor in model.layout.tensors:
        base = dict(model.policy.named_parameters())[tensor.name].detach().clone()
        if tensor.name.split(".")[-2] in ADAPTED:
            rows, columns = tensor.shape
            down = flat[start : start + RANK * columns].view(RANK, columns)
            start += RANK * columns
            up = flat[start : start + RANK * rows].view(rows, RANK)
            start += RANK * rows
            base = base + SCALE * up @ down
        parameters[tensor.name] = base
    states = torch.func.functional_call(model.policy, parameters, (tokens,))
    expected = (states @ parameters["head.weight"].T).square().mean()
    expected.backward()
    adapters.merge()
    loss = read(model, tokens)
    loss.backward()
    adapters.collect()
    assert torch.allclose(loss, expected, rtol=1e-5)
    assert flat.grad is not None
    assert torch.allclose(adapters.gradient, flat.grad, rtol=1e-3, atol=1e-6)


def test_steps_move_adapted_maps_by_low_rank_and_nothing_else() -> None:
    model, adapters, tokens = prepared()
    before, first = model.weights.clone(), read(model, tokens).item()
    optimiser = AdamW.fresh(adapters)
    for _ in range(20):
        model.gradient.zero_()
        read(model, tokens).backward()
        adapters.collect()
        optimiser.step(1e-2)
        adapters.merge()
    assert read(model, tokens).item() < 0.8 * first
    for name, moved in model.layout.split((model.weights - before).numpy()).items():
        if name.split(".")[-2] in ADAPTED:
            assert torch.linalg.matrix_rank(torch.from_numpy(moved), atol=1e-5).item() == RANK
        else:
            assert not moved.any()
