"""What a node claims of N rollouts, and what the canonical policy says of the same text. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from cupel.protocol.spec.sampling import chosen_gap, sampling_scores
from cupel.protocol.spec.token_odds import ending_bets, log_probabilities, place_bets, temperature_bets
from cupel.protocol.spec.toploc import Comparison, build_proofs_batch, chunk_counts
from cupel.protocol.spec.toploc.activations import Patterns, select_points
from cupel.protocol.spec.toploc.comparison import score_batch
from cupel.protocol.spec.toploc.polynomial import Residues, evaluate_batch
from cupel.verifier.calibration.reading import Reading, read
from cupel.verifier.calibration.setting import Assigned, Setting

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Claim:
    """Rollouts as published.

    tokens int32 [N, T], negative behind the end; lengths int32 [N]; rewards int64 [N]; proofs per rollout, one per
    chunk, each of the right length. is_false bool [N]: where nothing false is claimed there is nothing to find, and the
    rollout is not counted.
    """

    problems: tuple[int, ...]
    seeds: tuple[bytes, ...]
    tokens: npt.NDArray[np.int32]
    lengths: npt.NDArray[np.int32]
    rewards: npt.NDArray[np.int64]
    proofs: list[list[bytes]]
    is_false: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Evidence:
    """A claim beside its recomputation.

    hidden float32 [N, T, width] and logits float32 [N, T, vocabulary]: what the canonical policy gives for the claimed
    problem and tokens, in one prefill, as a verifier has them. seed: 32 bytes unknown to the prover. reference: what an
    honest node publishes for the assigned rollouts.
    """

    setting: Setting
    assigned: Assigned
    claim: Claim
    hidden: npt.NDArray[np.float32]
    logits: npt.NDArray[np.float32]
    seed: bytes
    reference: Claim

    @cached_property
    def rows(self) -> Integers:
        """The rollout of every chunk: [C]."""
        counts = chunk_counts(self.claim.lengths, self.setting.chunk_tokens)
        return np.repeat(np.arange(len(counts)), counts)

    @cached_property
    def elements(self) -> Integers:
        """Activations of every chunk: [C]."""
        counts = chunk_counts(self.claim.lengths, self.setting.chunk_tokens)
        elements = np.full(int(counts.sum()), self.setting.chunk_tokens, dtype=np.int64)
        elements[np.cumsum(counts) - 1] = self.claim.lengths - (counts - 1) * self.setting.chunk_tokens
        return elements * self.setting.model.width

    @cached_property
    def support(self) -> tuple[Integers, Patterns]:
        """Recomputed indices and patterns, each [C, k]."""
        setting = self.setting
        return select_points(self.hidden, self.claim.lengths, setting.chunk_tokens, setting.topk)

    @cached_property
    def proofs(self) -> list[bytes]:
        """Every chunk's proof as published."""
        return [proof for rollout in self.claim.proofs for proof in rollout]

    @cached_property
    def coefficients(self) -> Residues:
        """Every chunk's polynomial: uint32 [C, k]."""
        words = np.frombuffer(b"".join(self.proofs), dtype=">u2").reshape(len(self.proofs), -1)
        return words[:, 1:].astype(np.uint32)

    @cached_property
    def claims(self) -> Residues:
        """What the proofs say at the recomputed indices: [C, k]."""
        return evaluate_batch(self.coefficients, self.support[0])

    @cached_property
    def comparisons(self) -> list[Comparison]:
        """The protocol's numbers of every chunk."""
        return score_batch(self.claims, *self.support, self.elements)

    @cached_property
    def reading(self) -> Reading:
        """Whose tokens are whose in the claim, by the claimed problems."""
        claim = self.claim
        return read(self.setting.environment, claim.problems, claim.tokens, claim.lengths)

    @cached_property
    def gaps(self) -> npt.NDArray[np.float64]:
        """How far every claimed token lies below the seeded choice: [N, T], 0 of what the policy did not sample."""
        setting, claim = self.setting, self.claim
        noise, tokens = setting.noise(claim.seeds), np.maximum(claim.tokens, 0)
        return np.where(self.reading.own, chosen_gap(self.logits, noise, tokens, setting.temperature), 0.0)

    @cached_property
    def worst_gaps(self) -> npt.NDArray[np.float64]:
        """The worst gap of every chunk: [C]."""
        size = self.setting.chunk_tokens
        short = -self.gaps.shape[1] % size
        padded = np.pad(self.gaps, ((0, 0), (0, short))).reshape(len(self.gaps), -1, size).max(axis=2)
        counts = chunk_counts(self.claim.lengths, size)
        worst: npt.NDArray[np.float64] = padded[np.arange(padded.shape[1]) < counts[:, None]]
        return worst

    @cached_property
    def ending_gaps(self) -> npt.NDArray[np.float64]:
        """As `worst_gaps`, of the tokens that end a completion where the seed does not, or go on where it ends."""
        tokens, noise, logits = self._tokens
        scores = sampling_scores(logits, noise, self.setting.temperature)
        end = self.setting.environment.end_token
        is_other = (scores.argmax(axis=1) == end) != (tokens == end)
        gaps = np.where(
            is_other & self._is_own, scores.max(axis=1) - scores[np.arange(len(tokens)), tokens], 0.0
        )
        worst: npt.NDArray[np.float64] = np.maximum.reduceat(gaps, self._starts)
        return worst

    @cached_property
    def token_bets(self) -> npt.NDArray[np.float64]:
        """Natural logarithm of what each bettor on tokens wins by every chunk: [bettors, C]."""
        tokens, _, logits = self._tokens
        logs = log_probabilities(logits, self.setting.temperature)
        bets = np.concatenate((place_bets(logs, tokens), temperature_bets(logs, tokens))) * self._is_own
        return np.add.reduceat(bets, self._starts, axis=1)

    @cached_property
    def ending_bets(self) -> npt.NDArray[np.float64]:
        """As `token_bets`, of the bettors on endings."""
        tokens, _, logits = self._tokens
        logs = log_probabilities(logits, self.setting.temperature)
        bets = ending_bets(logs, tokens, self.setting.environment.end_token) * self._is_own
        return np.add.reduceat(bets, self._starts, axis=1)

    @cached_property
    def is_honest(self) -> npt.NDArray[np.bool_]:
        """Which chunks are, to the bit, what the honest node publishes, and so is the text before them: [C]."""
        size, reference, claim = self.setting.chunk_tokens, self.reference, self.claim
        found = []
        for row, proofs in enumerate(claim.proofs):
            given = zip(proofs, reference.proofs[row], strict=False)
            same = [claimed == published for claimed, published in given]
            for chunk in range(len(proofs)):
                end = (chunk + 1) * size
                text = np.array_equal(claim.tokens[row, :end], reference.tokens[row, :end])
                found.append(chunk < len(same) and same[chunk] and text)
        return np.array(found)

    @cached_property
    def _starts(self) -> Integers:
        """Where every chunk begins among `_tokens`: [C]."""
        counts = self.elements // self.setting.model.width
        return np.asarray(np.cumsum(counts) - counts, dtype=np.int64)

    @cached_property
    def _tokens(self) -> tuple[Integers, npt.NDArray[np.float64], npt.NDArray[np.float32]]:
        """All claimed tokens in a row: ids [n], sampling noise [n, vocabulary] and scores [n, vocabulary]."""
        claim = self.claim
        inside = np.arange(claim.tokens.shape[1]) < claim.lengths[:, None]
        noise = self.setting.noise(claim.seeds)[inside]
        return claim.tokens[inside].astype(np.int64), noise, self.logits[inside]

    @cached_property
    def _is_own(self) -> npt.NDArray[np.bool_]:
        """Which of `_tokens` the policy sampled: [n]."""
        claim = self.claim
        inside = np.arange(claim.tokens.shape[1]) < claim.lengths[:, None]
        return self.reading.own[inside]

    @cached_property
    def recomputed_proofs(self) -> list[bytes]:
        """What an honest node would have published, had its states been the verifier's to the bit."""
        setting = self.setting
        proofs = build_proofs_batch(self.hidden, self.claim.lengths, setting.chunk_tokens, setting.topk)
        return [proof for rollout in proofs for proof in rollout]
