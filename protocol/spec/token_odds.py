"""Whether tokens look drawn from the distribution they should come from: a bet that an honest sampler cannot lose.

Against text that a policy sampled, nobody can win at fair odds. Someone bets on every token, at the odds of the
policy's own distribution, that the text came from another one; capital grows where that explains the text better. Each
factor is q(token) / p(token) for a distribution q fixed before the token is seen, so its mean under p is one, and by
Ville's inequality the capital of honest text exceeds 2^b with chance at most 2^-b, however many tokens there are and
wherever completions stop (Ville 1939; Shafer, "Testing by betting", J. R. Stat. Soc. A 184, 2021). Several bettors
share the stake; the mean of their capitals obeys the same bound.

The bettors:

- *Place.* A token's place is the interval it takes in [0, 1] with the likelier tokens before it: the
  probability-integral transform, uniform for honest sampling (Rosenblatt 1952). One bettor puts density a u^(a-1) on
  places, its mirror a (1-u)^(a-1); both are integrated over the token's interval, so no further random number is
  needed. The first wins against unlikely text (of another model), the second against greedy text.
- *Temperature.* softmax of the same scores at another temperature.
- *Ending.* The odds of the end token, multiplied by c: whoever stops early, or goes on, against the policy's odds.

The bound is for text sampled from the probabilities given here. Where an honest sampler's logarithms of them differ by
at most d from these, N tokens exceed 2^b with chance at most 2^-b exp(N d).

What it shows: that a long enough text is not a sample of these distributions. It names no single token, and a text that
the assigned seed does not give, but that was sampled honestly with another seed, passes: only the seeded check refuses
that. Where the policy is sure of every token, all samplers agree and nothing can be won.

Shapes: N tokens, V vocabulary, B bettors. Natural logarithms, float64.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

Logs = npt.NDArray[np.float64]

PLACE_EXPONENTS: Final = (1.25, 2.0, 4.0, 16.0)
TEMPERATURE_FACTORS: Final = (0.25, 0.7, 0.9, 1.1, 1.4, 4.0)
ENDING_FACTORS: Final = (1 / 16, 1 / 4, 4.0, 16.0)
LIMIT_BITS: Final = 40
"""Most capital an honest text may have, as a power of two: it has more with chance at most 2^-40, about 1e-12."""


def log_probabilities(logits: npt.NDArray[np.floating], temperature: float) -> Logs:
    """log softmax(logits / temperature). logits: finite, [N, V]. Returns [N, V]."""
    scores = logits.astype(np.float64) / temperature
    scores -= scores.max(axis=-1, keepdims=True)
    logs: Logs = scores - np.log(np.exp(scores).sum(axis=-1, keepdims=True))
    return logs


def place_bets(logs: Logs, tokens: npt.NDArray[np.integer]) -> Logs:
    """Logarithm of the factor that each place bettor's capital is multiplied by at each token: [B, N].

    logs: [N, V], tokens: [N]. Equally likely tokens are placed by id.
    """
    rows, ids = np.arange(len(tokens)), np.arange(logs.shape[1])
    own = logs[rows, tokens][:, None]
    is_before = (logs > own) | ((logs == own) & (ids < tokens[:, None]))
    odds = np.exp(logs)
    before = np.where(is_before, odds, 0.0).sum(axis=1)
    behind = np.where(is_before | (ids == tokens[:, None]), 0.0, odds).sum(axis=1)
    share = odds[rows, tokens]
    bets = [_power_bet(start, share, power) for power in PLACE_EXPONENTS for start in (before, behind)]
    return np.stack(bets)


def temperature_bets(logs: Logs, tokens: npt.NDArray[np.integer]) -> Logs:
    """As `place_bets`, of the temperature bettors."""
    rows = np.arange(len(tokens))
    others = [log_probabilities(logs, factor)[rows, tokens] for factor in TEMPERATURE_FACTORS]
    bets: Logs = np.stack(others) - logs[rows, tokens]
    return bets


def ending_bets(logs: Logs, tokens: npt.NDArray[np.integer], end: int) -> Logs:
    """As `place_bets`, of the ending bettors. end: the end token."""
    odds = np.exp(logs)
    ends, goes_on = odds[:, end], np.delete(odds, end, axis=1).sum(axis=1)
    factors = np.array(ENDING_FACTORS)[:, None]
    bets: Logs = np.where(tokens == end, np.log(factors), 0.0) - np.log(goes_on + factors * ends)
    return bets


def capital_bits(bets: Logs) -> float:
    """Base-two logarithm of what an equal share of one unit per bettor has become. bets: [B, N], B at least 1."""
    totals = bets.sum(axis=1)
    most = totals.max()
    return float((most + np.log(np.exp(totals - most).mean())) / np.log(2.0))


def _power_bet(start: Logs, share: Logs, power: float) -> Logs:
    """log of the mean of power * u^(power - 1) over [start, start + share]; all [N]."""
    with np.errstate(divide="ignore", invalid="ignore"):
        # Differences of nearly equal powers lose their digits; a narrow interval has the density of its middle.
        middle = np.log(power) + (power - 1) * np.log(start + share / 2)
        whole = np.log((start + share) ** power - start**power) - np.log(share)
    return np.where(share > 1e-6 * start, whole, middle)
