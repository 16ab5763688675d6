"""Every column says what its check says, of honest work and of work that breaks it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

from cupel.protocol.spec import toploc
from cupel.protocol.spec.errors import Rejected
from cupel.protocol.spec.sampling import chosen_gap
from cupel.protocol.spec.task import Thresholds
from cupel.protocol.toploc_compat import verify_proofs_bytes
from cupel.verifier.calibration.cheats.base import Bench, honest
from cupel.verifier.calibration.columns import NAMES, PLACE, measure
from cupel.verifier.calibration.engines import Variant, replay
from cupel.verifier.calibration.evidence import Claim, Evidence, Integers
from cupel.verifier.calibration.setting import Assigned, derive_seed

COUNT = 12


@pytest.fixture(scope="module")
def assigned(bench: Bench) -> Assigned:
    return bench.setting.assign(derive_seed(0, "test"), COUNT)


@pytest.fixture(scope="module")
def claim(bench: Bench, assigned: Assigned) -> Claim:
    return honest(bench.setting, bench.policy, Variant())(assigned)


@pytest.fixture(scope="module")
def evidence(bench: Bench, assigned: Assigned, claim: Claim) -> Callable[[Claim], Evidence]:
    def of(changed: Claim) -> Evidence:
        prompts = bench.setting.prompts(changed.problems)
        recomputed = replay(bench.policy, prompts, changed.tokens, changed.lengths, 5)
        return Evidence(bench.setting, assigned, changed, *recomputed, bytes(32), claim)

    return of


def column(values: Integers, name: str) -> list[int]:
    numbers: list[int] = values[:, PLACE[name]].tolist()
    return numbers


Of = Callable[[Claim], Evidence]


def test_honest_work_breaks_nothing(evidence: Of, claim: Claim) -> None:
    values = measure(evidence(claim))
    chunks = sum(len(proofs) for proofs in claim.proofs)
    assert values.shape == (chunks, len(NAMES))
    assert chunks > COUNT, "some completion has several chunks"
    for name in (
        "constant",
        "off-support",
        "format",
        "repeated",
        "assignment",
        "reward",
        "ending",
        "untrue",
        "seeded-ending",
    ):
        assert column(values, name) == [0] * chunks, name
    assert max(column(values, "mean")) < 100


def test_toploc_columns_are_the_protocol_s_numbers(evidence: Of, claim: Claim, bench: Bench) -> None:
    """A verdict from columns is the verdict of `accept`, at a limit and one below it."""
    other = dataclasses.replace(claim, proofs=[[proofs[0]] * len(proofs) for proofs in claim.proofs])
    seen = evidence(other)
    values, setting = measure(seen), bench.setting
    results = toploc.compare_batch(
        other.proofs, seen.hidden, other.lengths, setting.chunk_tokens, setting.topk
    )
    comparisons = [one for result in results for one in (() if isinstance(result, Rejected) else result)]
    assert len(comparisons) == len(values)
    for row, comparison in zip(values.tolist(), comparisons, strict=True):
        numbers = [row[PLACE[name]] for name in ("exponent", "mean", "median")]
        is_constant = row[PLACE["constant"]] > 0
        assert (toploc.accept(comparison, Thresholds(*numbers)) is None) is not is_constant
        for place in range(3):
            tighter = [number - (place == which) for which, number in enumerate(numbers)]
            if tighter[place] >= 0:
                assert toploc.accept(comparison, Thresholds(*tighter)) is not None


def test_package_columns_are_the_package_s_numbers(evidence: Of, claim: Claim, bench: Bench) -> None:
    torch = pytest.importorskip("torch")
    other = dataclasses.replace(claim, proofs=[*claim.proofs[1:], claim.proofs[0]])
    full = [row for row in range(COUNT) if claim.lengths[row] >= bench.setting.chunk_tokens]
    row = next(row for row in full if len(other.proofs[row]) == len(claim.proofs[row]))
    seen = evidence(
        dataclasses.replace(
            claim, proofs=[other.proofs[row] if r == row else p for r, p in enumerate(claim.proofs)]
        )
    )
    place = int(np.flatnonzero(seen.rows == row)[0])
    states = torch.from_numpy(seen.hidden[row, : bench.setting.chunk_tokens]).bfloat16()
    setting = bench.setting
    result = verify_proofs_bytes(
        states,
        other.proofs[row][:1],
        decode_batching_size=setting.chunk_tokens,
        topk=setting.topk,
        skip_prefill=True,
    )[0]
    values = measure(seen)[place]
    assert values[PLACE["package-exponent"]] == result.exp_mismatches
    assert values[PLACE["package-mean"]] == int(np.ceil(round(1000 * result.mant_err_mean, 6)))
    assert values[PLACE["package-median"]] == 1000 * result.mant_err_median


def test_a_token_the_seed_did_not_choose(evidence: Of, claim: Claim, bench: Bench) -> None:
    tokens = claim.tokens.copy()
    tokens[3, 0] = (tokens[3, 0] + 1) % 10
    seen = evidence(dataclasses.replace(claim, tokens=tokens))
    values = measure(seen)
    chunk = int(np.flatnonzero(seen.rows == 3)[0])
    length = int(claim.lengths[3])
    noise = bench.setting.noise((claim.seeds[3],))[0, :length]
    gap = chosen_gap(seen.logits[3, :length], noise, tokens[3, :length], bench.setting.temperature)
    first = gap[: bench.setting.chunk_tokens].max()
    assert values[chunk, PLACE["sampling"]] == int(first * 1_000_000) > 0
    assert values[chunk, PLACE["untrue"]] == 1


def test_an_end_the_seed_did_not_draw(evidence: Of, claim: Claim, bench: Bench) -> None:
    """Only tokens that end, or go on where the seed ends, count; another word in between is for sampling alone."""
    end = bench.setting.environment.end_token
    last = bench.setting.max_tokens - 1
    row = next(row for row in range(COUNT) if claim.lengths[row] > last and claim.tokens[row, last] != end)
    for token, is_ending in ((end, True), ((claim.tokens[row, last] + 1) % 10, False)):
        tokens = claim.tokens.copy()
        tokens[row, last] = token
        seen = evidence(dataclasses.replace(claim, tokens=tokens))
        values = measure(seen)
        chunk = int(np.flatnonzero(seen.rows == row)[-1])
        gap = int(seen.gaps[row, last] * 1_000_000)
        assert values[chunk, PLACE["sampling"]] == gap > 0
        assert values[chunk, PLACE["seeded-ending"]] == (gap if is_ending else 0)


def test_wrong_assignment_reward_and_ending(evidence: Of, claim: Claim) -> None:
    seeds = (bytes(32), *claim.seeds[1:])
    rewards = claim.rewards.copy()
    rewards[1] += 1
    lengths = claim.lengths.copy()
    long = int(np.flatnonzero(lengths > 5)[0])
    lengths[long] -= 1
    tokens = claim.tokens.copy()
    tokens[long, lengths[long] :] = -1
    proofs = [*claim.proofs]
    proofs[long] = proofs[long][: -(-int(lengths[long]) // 4)]
    seen = evidence(Claim(claim.problems, seeds, tokens, lengths, rewards, proofs, claim.is_false))
    values = measure(seen)
    for name, row in (("assignment", 0), ("reward", 1), ("ending", long)):
        assert column(values, name) == [int(rollout == row) for rollout in seen.rows.tolist()], name


def test_malformed_and_repeated_proofs(evidence: Of, claim: Claim, bench: Bench) -> None:
    null = toploc.Proof((0,) * bench.setting.topk).to_bytes()
    proofs = [[null] * len(given) for given in claim.proofs]
    values = measure(evidence(dataclasses.replace(claim, proofs=proofs)))
    assert set(column(values, "format")) == {1}
    assert 1 in column(values, "repeated")


def test_what_is_no_lie_is_not_counted(evidence: Of, claim: Claim) -> None:
    none = dataclasses.replace(claim, is_false=np.zeros(COUNT, dtype=bool))
    assert len(measure(evidence(none))) == 0
