"""The loss a recipe asks for, over some rollouts at a time."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from cupel.protocol.spec.recipe import DPO, MASK, SAMPLER, SFT, Recipe
from cupel.protocol.spec.task import MILLION
from cupel.protocol.training.grpo import masked_token_loss, token_loss
from cupel.protocol.training.preference import preference_loss
from cupel.protocol.training.regularisers import divergence, entropy, token_mean


@dataclass(frozen=True, slots=True)
class Piece:
    """Some rollouts under the policy being trained and the ones it is compared with.

    logits float32 [rows, T, vocabulary]; new, old (of the sampler) and genesis (None where nothing asks): its
    log-probabilities float32 [rows, T], all at the sampling temperature; advantages float32 [rows]; inside bool
    [rows, T].
    """

    logits: Tensor
    new: Tensor
    old: Tensor
    genesis: Tensor | None
    advantages: Tensor
    inside: Tensor


def loss_of(recipe: Recipe, temperature: float, piece: Piece) -> tuple[Tensor, Tensor]:
    """Mean loss over the piece's tokens (DPO: pairs), and the share silenced by the trust region (DPO: ordered
    wrongly; SFT: none)."""
    if recipe.objective == SFT:
        return -token_mean(piece.new, piece.inside), torch.zeros(())
    if recipe.objective == DPO:
        beta = recipe.dpo_beta_millionths / MILLION
        return preference_loss(piece.new, _reference(recipe, piece), piece.inside, beta)
    return _grpo(recipe, temperature, piece)


def _grpo(recipe: Recipe, temperature: float, piece: Piece) -> tuple[Tensor, Tensor]:
    masked = recipe.trust_region == MASK
    loss, silenced = (masked_token_loss if masked else token_loss)(
        piece.new,
        piece.old,
        piece.advantages,
        piece.inside,
        (recipe.mask_millionths if masked else recipe.clip_millionths) / MILLION,
        recipe.max_ratio_millionths / MILLION,
    )
    if recipe.kl_millionths:
        apart = divergence(piece.new, _reference(recipe, piece), recipe.kl_estimator)
        loss = loss + recipe.kl_millionths / MILLION * token_mean(apart, piece.inside)
    if recipe.entropy_millionths:
        bonus = token_mean(entropy(piece.logits, temperature), piece.inside)
        loss = loss - recipe.entropy_millionths / MILLION * bonus
    return loss, silenced


def _reference(recipe: Recipe, piece: Piece) -> Tensor:
    if recipe.reference == SAMPLER:
        return piece.old
    assert piece.genesis is not None, "the recipe compares with the initial weights"
    return piece.genesis
