"""The policy: causal, cached like uncached, and no shape it cannot have."""

import torch

from cupel.protocol.model.layout import ARCHITECTURE
from cupel.protocol.model.tiny import TinyCache, TinyPolicy, initialise
from cupel.protocol.spec.task import ModelShape

SHAPE = ModelShape(ARCHITECTURE, vocabulary=16, layers=2, width=16, heads=2, feed_forward=24, positions=12)


def policy(seed: int = 0) -> TinyPolicy:
    made = TinyPolicy(SHAPE)
    initialise(made, torch.Generator().manual_seed(seed))
    return made


def tokens(rows: int = 3, count: int = 8) -> torch.Tensor:
    return torch.randint(0, SHAPE.vocabulary, (rows, count), generator=torch.Generator().manual_seed(1))


@torch.inference_mode()
def test_a_state_depends_on_nothing_behind_it() -> None:
    model, given = policy(), tokens()
    changed = given.clone()
    changed[:, 5:] = (changed[:, 5:] + 1) % SHAPE.vocabulary
    before, after = model(given), model(changed)
    assert torch.equal(before[:, :5], after[:, :5])
    assert not torch.allclose(before[:, 5:], after[:, 5:])


@torch.inference_mode()
def test_reading_token_by_token_gives_the_states_of_one_pass() -> None:
    model, given = policy(), tokens()
    cache = TinyCache(SHAPE.layers)
    pieces = [model(given[:, :3], cache)] + [model(given[:, i : i + 1], cache) for i in range(3, 8)]
    assert cache.length == 8
    assert torch.allclose(torch.cat(pieces, dim=1), model(given), atol=1e-5)


@torch.inference_mode()
def test_a_selected_cache_goes_on_for_the_chosen_rows() -> None:
    model, given = policy(), tokens()
    cache = TinyCache(SHAPE.layers)
    model(given[:, :4], cache)
    rows = torch.tensor([2, 0, 2])
    state = model(given[rows, 4:5], cache.select(rows))
    assert torch.allclose(state, model(given[rows, :5])[:, -1:], atol=1e-5)


def test_the_same_seed_gives_the_same_weights() -> None:
    first, second, other = policy(7), policy(7), policy(8)
    pairs = list(zip(first.parameters(), second.parameters(), strict=True))
    assert all(torch.equal(a, b) for a, b in pairs)
    assert not torch.equal(first.head.weight, other.head.weight)
