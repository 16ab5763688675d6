"""How far a policy has moved from the one that sampled, and how certain it has become: watched, not trained on."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from cupel.protocol.spec.recipe import K3
from cupel.protocol.training.objective import Piece
from cupel.protocol.training.regularisers import divergence, entropy, token_mean


@dataclass(slots=True)
class Spread:
    """Means over tokens, summed up piece by piece."""

    divergence: float = 0.0
    entropy: float = 0.0

    @torch.no_grad()
    def add(self, piece: Piece, temperature: float, share: float) -> None:
        """Count a piece that has this share of all tokens."""
        apart = divergence(piece.new, piece.old, K3)
        self.divergence += share * float(token_mean(apart, piece.inside))
        self.entropy += share * float(token_mean(entropy(piece.logits, temperature), piece.inside))
