"""Direct preference optimisation (Rafailov et al. 2023, arXiv 2305.18290) on pairs from a round's groups."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from torch import Tensor
from torch.nn import functional


def preference_pairs(rewards: npt.NDArray[np.float32], group_size: int) -> npt.NDArray[np.int64]:
    """Rows of pairs, the better one first: int64 [pairs, 2] from rewards float32 [groups * group_size].

    Within a group the best is paired with the worst, the second best with the second worst, and so on while their
    rewards differ; of equal ones the earlier counts as better. No rollout is in two pairs.
    """
    pairs = []
    for start in range(0, len(rewards), group_size):
        order = start + np.argsort(-rewards[start : start + group_size], kind="stable")
        for better, worse in zip(order[: group_size // 2], order[::-1], strict=False):
            if rewards[better] > rewards[worse]:
                pairs.append((better, worse))
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)


def preference_loss(new: Tensor, reference: Tensor, inside: Tensor, beta: float) -> tuple[Tensor, Tensor]:
    """Mean loss over the pairs, and the share of them that the policy orders wrongly beside the reference.

    new, reference: log-probabilities float32 [2 * pairs, T], better and worse in turn; inside bool [2 * pairs, T].
    The loss of a pair is -log sigmoid(beta * margin); its margin is how much more the policy prefers the better
    completion to the worse one than the reference does, in nats.
    """
    shift = ((new - reference) * inside).sum(dim=1)
    margin = shift[0::2] - shift[1::2]
    return functional.softplus(-beta * margin).mean(), (margin < 0).float().mean().detach()
