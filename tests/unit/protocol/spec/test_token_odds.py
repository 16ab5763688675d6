"""Bets on tokens: fair to the last digit for honest text, and won against text of another distribution."""

import math

import numpy as np
import pytest

from cupel.protocol.spec.token_odds import (
    LIMIT_BITS,
    capital_bits,
    ending_bets,
    log_probabilities,
    place_bets,
    temperature_bets,
)

VOCABULARY, END = 6, 5


def scores(rows: int, seed: int = 0, spread: float = 1.5) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, spread, (rows, VOCABULARY)).astype(np.float32)


def all_bets(logs: np.ndarray, tokens: np.ndarray) -> np.ndarray:
    parts = (place_bets(logs, tokens), temperature_bets(logs, tokens), ending_bets(logs, tokens, END))
    return np.concatenate(parts)


@pytest.mark.parametrize("spread", [0.0, 1.5, 40.0])
def test_every_bet_is_fair(spread: float) -> None:
    """The mean factor under the policy's distribution is one: whence the bound on honest capital."""
    logs = log_probabilities(scores(7, spread=spread), 0.9)
    for row in logs:
        factors = np.exp(all_bets(np.tile(row, (VOCABULARY, 1)), np.arange(VOCABULARY)))
        np.testing.assert_allclose(factors @ np.exp(row), 1.0, rtol=1e-9)


def test_log_probabilities_are_the_softmax_at_the_temperature() -> None:
    logs = log_probabilities(np.array([[0.0, math.log(2), -1000.0]]) * 0.5, 0.5)
    np.testing.assert_allclose(np.exp(logs), [[1 / 3, 2 / 3, 0.0]])


def test_a_place_is_the_interval_behind_the_likelier_tokens() -> None:
    """Probabilities 1/2, 1/4, 1/4: the density 2u has means 1/2, 5/4, 7/4 there, ties by id; then its mirror."""
    logs = np.log(np.tile([0.25, 0.5, 0.25], (3, 1)))
    bets = np.exp(place_bets(logs, np.array([1, 0, 2])))
    np.testing.assert_allclose(bets[2], [0.5, 1.25, 1.75])
    np.testing.assert_allclose(bets[3], [1.5, 0.75, 0.25])


def test_an_ending_against_the_odds_wins_what_it_should() -> None:
    """End token of chance 1/4: odds 1/3 become 4/3, a chance of 4/7, so factors 16/7 and 4/7."""
    logs = np.log(np.tile([0.75, 0.25], (2, 1)))
    np.testing.assert_allclose(np.exp(ending_bets(logs, np.array([1, 0]), 1))[2], [16 / 7, 4 / 7])


def test_impossible_tokens_leave_numbers() -> None:
    logs = log_probabilities(np.array([[0.0, -1e6, 1.0]], np.float32), 1.0)
    bits = capital_bits(place_bets(logs, np.array([1])))
    assert bits == pytest.approx(math.log2((1.25 + 2 + 4 + 16) / 8))


def test_capital_is_the_mean_over_the_bettors() -> None:
    assert capital_bits(np.array([[1.0, 2.0], [0.0, 0.0]]) * math.log(2)) == pytest.approx(math.log2(4.5))
    assert capital_bits(np.array([[4000.0], [-np.inf]])) == pytest.approx(4000 / math.log(2) - 1)
    assert capital_bits(np.empty((3, 0))) == 0.0


def draw(logs: np.ndarray, random: np.random.Generator) -> np.ndarray:
    return (logs + random.gumbel(size=logs.shape)).argmax(axis=1)


def test_honest_capital_exceeds_a_bound_no_oftener_than_promised() -> None:
    """4000 honest texts of 60 tokens: more than 2^b of capital at most 2^-b of the time, and seldom much at all."""
    random = np.random.default_rng(5)
    logs = log_probabilities(scores(60, 1), 1.0)
    capitals = np.array([capital_bits(all_bets(logs, draw(logs, random))) for _ in range(4000)])
    for bits in (1, 3, 6):
        assert (capitals > bits).mean() <= 2.0**-bits
    assert (capitals > 0).mean() > 0


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("greedy", lambda logs, random: logs.argmax(axis=1)),
        ("cooler", lambda logs, random: draw(log_probabilities(logs, 0.6), random)),
        ("hotter", lambda logs, random: draw(log_probabilities(logs, 1.8), random)),
        ("another model", lambda logs, random: draw(log_probabilities(scores(len(logs), 99), 1.0), random)),
    ],
)
def test_other_texts_are_found(name: str, make: object) -> None:
    logs = log_probabilities(scores(600, 2), 1.0)
    tokens = make(logs, np.random.default_rng(7))  # type: ignore[operator]
    assert (
        capital_bits(np.concatenate((place_bets(logs, tokens), temperature_bets(logs, tokens)))) > LIMIT_BITS
    )


def test_ending_at_every_chance_is_found() -> None:
    logs = log_probabilities(scores(600, 3), 1.0)
    tokens = draw(logs, np.random.default_rng(8))
    assert capital_bits(ending_bets(logs, tokens, END)) < LIMIT_BITS
    early = np.where(logs.max(axis=1) - logs[:, END] < 1.0, END, tokens)
    assert capital_bits(ending_bets(logs, early, END)) > LIMIT_BITS
    never = np.where(tokens == END, 0, tokens)
    assert capital_bits(ending_bets(logs, never, END)) > LIMIT_BITS
