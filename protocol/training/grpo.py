"""Group-relative policy optimisation: advantages within a group, a token-level loss clipped on both sides or masked.

Sources: GRPO (Shao et al. 2024); without the division by the deviation, Dr. GRPO (Liu et al. 2025); the upper bound
of the ratio that tames negative advantages, INTELLECT-2 (2025), section 3.4; the mask by a difference of probabilities,
"DPPO" as PRIME-RL's default loss has it since April 2026.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

# Keeps a group of almost equal rewards from being blown up (its deviation is at least 1/16 with binary rewards).
DEVIATION_FLOOR: Final = 1e-4


def group_advantages(
    rewards: npt.NDArray[np.float32], group_size: int, divide_by_deviation: bool
) -> npt.NDArray[np.float32]:
    """Reward minus the mean of its group, per rollout; optionally in units of the group's deviation.

    rewards: float32 [groups * group_size], group after group. Returns the same shape; all zero for a group of equal
    rewards, which teaches nothing.
    """
    groups = rewards.reshape(-1, group_size)
    centred = groups - groups.mean(axis=1, keepdims=True)
    # Means round; a group without signal must come out as exactly zero.
    centred = np.where(np.ptp(groups, axis=1, keepdims=True) == 0, np.float32(0), centred)
    if divide_by_deviation:
        centred = centred / (groups.std(axis=1, keepdims=True) + np.float32(DEVIATION_FLOOR))
    return np.asarray(centred.reshape(-1), dtype=np.float32)


def token_log_probabilities(logits: Tensor, tokens: Tensor, temperature: float) -> Tensor:
    """Log-probability of every chosen token: logits [rows, T, vocabulary], tokens int64 [rows, T] -> [rows, T]."""
    log_probabilities = torch.log_softmax(logits / temperature, dim=-1)
    return log_probabilities.gather(-1, tokens[..., None])[..., 0]


def token_loss(
    new: Tensor, old: Tensor, advantages: Tensor, inside: Tensor, clip: float, max_ratio: float
) -> tuple[Tensor, Tensor]:
    """Mean loss over the tokens inside completions, and the share of them the clip silences.

    new, old: log-probabilities float32 [rows, T]; advantages float32 [rows]; inside bool [rows, T]. A positive
    advantage stops pushing above ratio 1 + clip, a negative one below 1 - clip; `max_ratio` bounds the gradient of a
    token that the new policy likes far better than the old one did and that turned out badly.
    """
    ratio = torch.exp(new - old).clamp(max=max_ratio)
    gain = advantages[:, None]
    plain, clipped = ratio * gain, ratio.clamp(1 - clip, 1 + clip) * gain
    count = inside.sum().clamp(min=1)
    loss = -(torch.minimum(plain, clipped) * inside).sum() / count
    silenced = ((clipped < plain) & inside).sum() / count
    return loss, silenced.detach()


def masked_token_loss(
    new: Tensor, old: Tensor, advantages: Tensor, inside: Tensor, threshold: float, max_ratio: float
) -> tuple[Tensor, Tensor]:
    """As `token_loss`, with a mask for the clip: a token drops out once its probability has moved by more than
    `threshold` in the direction its advantage pushes. A rare token may so multiply its probability many times.

    `max_ratio` bounds negative advantages as in `token_loss`, which the published loss does not.
    """
    gain = advantages[:, None]
    moved = (new.exp() - old.exp()).detach()
    kept = inside & ~((gain > 0) & (moved > threshold)) & ~((gain < 0) & (moved < -threshold))
    ratio = torch.exp(new - old)
    ratio = torch.where(gain < 0, ratio.clamp(max=max_ratio), ratio)
    count = inside.sum().clamp(min=1)
    return -(ratio * gain * kept).sum() / count, (inside & ~kept).sum() / count
