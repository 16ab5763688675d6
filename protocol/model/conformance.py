"""What every engine must do, as checks that a test of one calls: `check_engine(policy)` runs them all, and
`check_prefill(prefill, policy)` those of what a verifier recomputes with.

Engines may differ in the order of float32 sums, so states are compared up to TOLERANCE.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from cupel.protocol.model.checkpoint import from_floats, to_floats
from cupel.protocol.model.generate import Generation, Prefill, generate, replay
from cupel.protocol.model.layout import layout_of
from cupel.protocol.model.policy import Places, Policy
from cupel.protocol.model.weights import flatten, load_weights
from cupel.protocol.spec.sampling import gumbel_noise

TOLERANCE: Final = 1e-4
_PROMPT, _STEPS, _ROWS = 5, 4, 6


def check_engine(policy: Policy) -> None:
    """All of them, in order."""
    for check in CHECKS:
        check(policy)


def decodes_as_it_reads(policy: Policy) -> None:
    """Token by token with a cache gives the states of one pass, also of chosen rows."""
    tokens = _tokens(policy, 3, _PROMPT + _STEPS)
    with torch.inference_mode():
        whole = policy(tokens)
        cache = policy.new_cache()
        assert cache.length == 0
        parts = [policy(tokens[:, :_PROMPT], cache)]
        chosen = torch.tensor([2, 0, 0, 1])
        cache = cache.select(chosen)
        for step in range(_PROMPT, _PROMPT + _STEPS):
            parts.append(policy(tokens[chosen, step : step + 1], cache))
        assert cache.length == _PROMPT + _STEPS
    assert whole.shape == (3, _PROMPT + _STEPS, policy.shape.width)
    assert whole.dtype == torch.float32
    assert _near(parts[0], whole[:, :_PROMPT])
    assert _near(torch.cat(parts[1:], dim=1), whole[chosen][:, _PROMPT:])


def a_selected_cache_is_its_own(policy: Policy) -> None:
    """What is read with one leaves the other as it was."""
    tokens = _tokens(policy, 2, _PROMPT + 1)
    with torch.inference_mode():
        cache = policy.new_cache()
        policy(tokens[:, :_PROMPT], cache)
        policy(tokens[:, _PROMPT:], cache.select(torch.tensor([0, 1])))
        assert cache.length == _PROMPT
        assert _near(policy(tokens[:, _PROMPT:], cache)[:, 0], policy(tokens)[:, -1])


def never_looks_ahead(policy: Policy) -> None:
    """A state depends on the tokens up to its own."""
    tokens = _tokens(policy, 2, 8)
    other = tokens.clone()
    other[:, 5:] = (other[:, 5:] + 1) % policy.shape.vocabulary
    with torch.inference_mode():
        assert _near(policy(tokens)[:, :5], policy(other)[:, :5])
        assert not _near(policy(tokens)[:, 5:], policy(other)[:, 5:])


def packs_sequences(policy: Policy) -> None:
    """Two sequences in one row do not see each other."""
    tokens = _tokens(policy, 1, 9)
    owners = torch.tensor([[0] * 4 + [1] * 5])
    visible = (owners[:, :, None] == owners[:, None, :]) & torch.ones(9, 9, dtype=torch.bool).tril()
    positions = torch.tensor([[*range(4), *range(5)]])
    with torch.inference_mode():
        packed = policy.packed(tokens, Places(positions, visible))
        assert _near(packed[:, :4], policy(tokens[:, :4]))
        assert _near(packed[:, 4:], policy(tokens[:, 4:]))


def scores_are_of_the_vocabulary(policy: Policy) -> None:
    """One score a token id, from the state alone."""
    with torch.inference_mode():
        hidden = policy(_tokens(policy, 2, 3))
        assert policy.logits(hidden).shape == (2, 3, policy.shape.vocabulary)
        assert _near(policy.logits(hidden)[1, 2], policy.logits(hidden[1, 2]))


def takes_weights_in_place(policy: Policy) -> None:
    """Canonical weights go in and come out exactly, in the layout's order, and are what it computes with."""
    layout = layout_of(policy.shape)
    before = flatten(policy, layout)
    assert before.shape == (layout.num_parameters,)
    canonical = to_floats(from_floats(before))
    tokens = _tokens(policy, 1, 4)
    load_weights(policy, layout, canonical)
    assert np.array_equal(flatten(policy, layout), canonical)
    with torch.inference_mode():
        states = policy(tokens)
        load_weights(policy, layout, canonical * np.float32(0.5))
        assert not _near(policy(tokens), states)
        load_weights(policy, layout, canonical)
        assert torch.equal(policy(tokens), states)


def every_parameter_learns(policy: Policy) -> None:
    """The gradient of a loss reaches every tensor that the layout names."""
    layout = layout_of(policy.shape)
    names = {tensor.name for tensor in layout.tensors}
    parameters = dict(policy.named_parameters())
    assert set(parameters) == names
    tokens = _tokens(policy, 4, 8)
    scores = policy.logits(policy(tokens[:, :-1]))
    loss = torch.nn.functional.cross_entropy(scores.flatten(0, 1), tokens[:, 1:].flatten())
    torch.autograd.backward(loss)
    silent = {name for name, parameter in parameters.items() if parameter.grad is None}
    policy.zero_grad(set_to_none=True)
    assert not silent, f"no gradient for {sorted(silent)}"


def samples_alike_twice(policy: Policy) -> None:
    """Seeded noise decides: two generations are equal, and a replay of them has the same states and best scores."""
    vocabulary = policy.shape.vocabulary
    prompts = _tokens(policy, _ROWS, _PROMPT).numpy()
    seeds = [bytes([row]) * 32 for row in range(_ROWS)]
    noise = np.stack([gumbel_noise(seed, _STEPS, vocabulary) for seed in seeds])
    first, second = (generate(policy, prompts, noise, vocabulary - 1, 1.0) for _ in range(2))
    assert np.array_equal(first.tokens, second.tokens)
    assert np.array_equal(first.hidden, second.hidden)
    states, scores = replay(policy, prompts, first.tokens)
    inside = np.arange(_STEPS) < first.lengths[:, None]
    assert np.allclose(states.numpy()[inside], first.hidden[inside], atol=TOLERANCE)
    best = (scores.numpy().astype(np.float64) + noise).argmax(axis=2)
    assert np.array_equal(best[inside], first.tokens[inside])


CHECKS: Final[tuple[Callable[[Policy], None], ...]] = (
    decodes_as_it_reads,
    a_selected_cache_is_its_own,
    never_looks_ahead,
    packs_sequences,
    scores_are_of_the_vocabulary,
    takes_weights_in_place,
    every_parameter_learns,
    samples_alike_twice,
)


def check_prefill(prefill: Prefill, policy: Policy) -> None:
    """All checks of a prefill, in order. The policy's weights are canonical."""
    for check in PREFILL_CHECKS:
        check(prefill, policy)


def prefills_what_was_decoded(prefill: Prefill, policy: Policy) -> None:
    """The states behind every token are those of the decode, and the scores the policy's own of them."""
    prompts, made = _decoded(policy)
    states, scores = prefill(policy, prompts, made.tokens)
    assert states.shape == (_ROWS, _STEPS, policy.shape.width)
    assert scores.shape == (_ROWS, _STEPS, policy.shape.vocabulary)
    assert states.dtype == scores.dtype == torch.float32
    inside = np.arange(_STEPS) < made.lengths[:, None]
    assert not inside.all(), "no completion ends early"
    assert np.allclose(states.numpy()[inside], made.hidden[inside], atol=TOLERANCE)
    right = policy.logits(torch.from_numpy(made.hidden)).detach().numpy()
    assert np.allclose(scores.numpy()[inside], right[inside], atol=TOLERANCE)


def prefills_with_the_policy_it_is_given(prefill: Prefill, policy: Policy) -> None:
    """One after another, each with its own weights, and the first again."""
    prompts, made = _decoded(policy)
    other = copy.deepcopy(policy)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.mul_(0.5)
    own, others = replay(policy, prompts, made.tokens)[0], replay(other, prompts, made.tokens)[0]
    inside = torch.from_numpy(np.arange(_STEPS) < made.lengths[:, None])
    assert not _near(own[inside], others[inside])
    for one, right in ((policy, own), (other, others), (policy, own)):
        assert _near(prefill(one, prompts, made.tokens)[0][inside], right[inside])


PREFILL_CHECKS: Final[tuple[Callable[[Prefill, Policy], None], ...]] = (
    prefills_what_was_decoded,
    prefills_with_the_policy_it_is_given,
)


def _decoded(policy: Policy) -> tuple[NDArray[np.int64], Generation]:
    """Prompts [rows, P] and completions of different lengths."""
    vocabulary = policy.shape.vocabulary
    prompts = _tokens(policy, _ROWS, _PROMPT).numpy()
    noise = np.stack([gumbel_noise(bytes([row]) * 32, _STEPS, vocabulary) for row in range(_ROWS)])
    whole = generate(policy, prompts, noise, vocabulary - 1, 1.0)
    # The end is whatever came second in the first row, so that at least one is shorter.
    end = int(whole.tokens[0, 1])
    return prompts, generate(policy, prompts, noise, end, 1.0)


def _tokens(policy: Policy, rows: int, count: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(rows * 100 + count)
    return torch.randint(policy.shape.vocabulary, (rows, count), generator=generator)


def _near(first: torch.Tensor, second: torch.Tensor) -> bool:
    return first.shape == second.shape and bool((first - second).abs().max() < TOLERANCE)
