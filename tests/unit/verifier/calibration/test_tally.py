"""Counts are counts of what the rule says, and the verdicts follow from them."""

from __future__ import annotations

import numpy as np

from cupel.verifier.calibration.audits import AUDIT_CHUNKS
from cupel.verifier.calibration.columns import NAMES, PLACE
from cupel.verifier.calibration.evidence import Integers
from cupel.verifier.calibration.rules import choose
from cupel.verifier.calibration.tally import CheatRow, tally_cheat, tally_honest


def chunks(count: int, **columns: int) -> Integers:
    values = np.zeros((count, len(NAMES)), dtype=np.int64)
    for name, value in columns.items():
        values[:, PLACE[name.replace("_", "-")]] = value
    return values


HONEST = np.concatenate((chunks(90), chunks(10, mean=40, exponent=1)))
RULE = choose([HONEST])


def tally(*parts: Integers) -> CheatRow:
    return tally_cheat("name", "title", np.concatenate(parts), RULE, HONEST)


def test_every_false_chunk_refused() -> None:
    row = tally(chunks(5, untrue=1, mean=51), chunks(7, untrue=1, exponent=9, mean=99), chunks(8))
    assert (row.verdict, row.chunks, row.true_chunks, row.accepted) == ("refused", 20, 8, 0)
    assert (row.refused_by["mean"], row.refused_by["exponent"], row.refused_by["reward"]) == (12, 7, 0)
    assert row.refused_by_proof == 12
    assert tally(chunks(3, untrue=1, sampling=10**6), chunks(2, untrue=1, format=1)).refused_by_proof == 2


def test_few_accepted_are_caught_by_an_audit() -> None:
    row = tally(chunks(1900, untrue=1, mean=51), chunks(100, untrue=1, mean=50))
    assert (row.verdict, row.accepted) == ("caught", 100)


def test_many_accepted_are_not() -> None:
    row = tally(chunks(10, untrue=1, mean=51), chunks(1990, untrue=1))
    assert row.verdict == "partly"
    assert tally(chunks(20, untrue=1)).verdict == "accepted"
    assert tally(chunks(20)).verdict == "true"


def test_a_chunk_is_within_the_band_if_one_honest_chunk_covers_all_of_it() -> None:
    assert tally(chunks(3, untrue=1, mean=40, exponent=1)).within == 3
    assert tally(chunks(3, untrue=1, mean=41)).within == 0
    # Each number alone occurs in an honest chunk, but not both in one.
    apart = np.concatenate((chunks(1, mean=40), chunks(1, exponent=1)))
    row = tally_cheat("n", "t", chunks(3, untrue=1, mean=40, exponent=1), RULE, apart)
    assert row.within == 0


def test_published_rules_count_true_chunks_too() -> None:
    row = tally(chunks(4), chunks(6, untrue=1, package_exponent=39))
    assert (row.accepted_by_paper, row.accepted_by_deployed) == (4, 10)


def audits(*errors: int) -> Integers:
    """Audits whose chunks have a hundred points and these errors each."""
    return np.concatenate([chunks(AUDIT_CHUNKS, untrue=1, points=100, errors=one) for one in errors])


def test_small_errors_in_every_chunk_show_in_an_audit() -> None:
    rule = choose([chunks(AUDIT_CHUNKS, points=100, errors=4)])
    values = np.concatenate((audits(5, 6, 9), chunks(5)))
    row = tally_cheat("n", "t", values, rule, HONEST)
    assert (row.accepted, row.audits, row.audits_refused["pooled"]) == (3 * AUDIT_CHUNKS, 3, 2)
    assert (row.audits_accepted, row.least_pooled, row.verdict) == (1, 50_000, "accepted")
    row = tally_cheat("n", "t", audits(6, 9), rule, HONEST)
    assert (row.audits_accepted, row.verdict) == (0, "caught")


def test_an_audit_without_anything_false_is_not_accepted_wrongly() -> None:
    row = tally(chunks(AUDIT_CHUNKS), chunks(AUDIT_CHUNKS - 1), chunks(1, untrue=1))
    assert (row.audits, row.audits_accepted) == (2, 1)


def test_honest_refusals_are_counted_and_bounded() -> None:
    row = tally_honest("all", [HONEST, chunks(1, mean=51)], RULE)
    assert (row.chunks, row.refused, row.most["mean"]) == (101, 1, 51)
    assert 1 / 101 < row.refused_bound < 0.05


def test_honest_audits_are_of_one_engine() -> None:
    rule = choose([chunks(AUDIT_CHUNKS, points=100, errors=4)])
    engines = [audits(4, 4, 6), chunks(40, points=100, errors=9), chunks(40, points=100, errors=9)]
    row = tally_honest("all", engines, rule)
    assert (row.audits, row.audits_refused["pooled"], row.audits_most["pooled"]) == (3, 1, 60_000)
    assert 1 / 3 < row.pooled_refused_bound < 1
