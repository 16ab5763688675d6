"""Numbers of whole audits are those of the verifier's own checks over the same rollouts."""

from __future__ import annotations

import numpy as np

from cupel.protocol.spec import toploc
from cupel.protocol.spec.errors import Rejected
from cupel.protocol.spec.token_odds import (
    capital_bits,
    ending_bets,
    log_probabilities,
    place_bets,
    temperature_bets,
)
from cupel.protocol.spec.toploc.pooled import Pool
from cupel.verifier.calibration.audits import (
    AUDIT_CHUNKS,
    AUDIT_NAMES,
    audited,
    distribution,
    measure_audits,
    pooled,
    termination,
)
from cupel.verifier.calibration.cheats.base import Bench, claim_of, generation_of
from cupel.verifier.calibration.columns import NAMES, measure
from cupel.verifier.calibration.engines import replay
from cupel.verifier.calibration.evidence import Evidence
from cupel.verifier.calibration.setting import derive_seed


def test_an_audit_is_what_the_checks_say_of_its_rollouts(bench: Bench) -> None:
    """Of greedy text, in which bets win."""
    setting = bench.setting
    assigned = setting.assign(derive_seed(3, "audits"), 24)
    claim = claim_of(
        setting,
        assigned,
        generation_of(setting, bench.policy, assigned, temperature=setting.temperature / 100),
    )
    hidden, logits = replay(bench.policy, setting.prompts(claim.problems), claim.tokens, claim.lengths, 7)
    values = measure(Evidence(setting, assigned, claim, hidden, logits, bytes(32), claim))
    bets, endings = [], []
    for row, length in enumerate(claim.lengths.tolist()):
        tokens = claim.tokens[row, :length].astype(np.int64)
        logs = log_probabilities(logits[row, :length], setting.temperature)
        bets.append(np.concatenate((place_bets(logs, tokens), temperature_bets(logs, tokens))))
        endings.append(ending_bets(logs, tokens, setting.environment.end_token))
    token_bits = capital_bits(np.concatenate(bets, axis=1))
    assert token_bits > 1, "greedy text wins bets"
    assert distribution(values) == int(np.ceil(token_bits))
    assert termination(values) == int(np.ceil(capital_bits(np.concatenate(endings, axis=1))))
    results = toploc.compare_batch(claim.proofs, hidden, claim.lengths, setting.chunk_tokens, setting.topk)
    pool = Pool.of(one for result in results if not isinstance(result, Rejected) for one in result)
    assert pool.chunks == len(values)
    assert pooled(values) == pool.mean_millionths


def test_audits_are_whole_and_in_order() -> None:
    values = np.arange((2 * AUDIT_CHUNKS + 3) * len(NAMES)).reshape(-1, len(NAMES))
    assert np.array_equal(audited(values).reshape(-1, len(NAMES)), values[: 2 * AUDIT_CHUNKS])
    assert measure_audits(values[: AUDIT_CHUNKS - 1]).shape == (0, len(AUDIT_NAMES))
