"""Counts are counts of what the rule says, and the verdicts follow from them."""

from __future__ import annotations

import numpy as np

from cupel.verifier.calibration.columns import NAMES, PLACE
from cupel.verifier.calibration.evidence import Integers
from cupel.verifier.calibration.rules import choose
from cupel.verifier.calibration.tally import (
    AUDIT_CHUNKS,
    CheatRow,
    pooled,
    pooled_limit,
    tally_cheat,
    tally_honest,
)


def chunks(count: int, **columns: int) -> Integers:
    values = np.zeros((count, len(NAMES)), dtype=np.int64)
    for name, value in columns.items():
        values[:, PLACE[name.replace("_", "-")]] = value
    return values


HONEST = np.concatenate((chunks(90), chunks(10, mean=40, exponent=1)))
RULE = choose(HONEST)


def tally(*parts: Integers) -> CheatRow:
    return tally_cheat("name", "title", np.concatenate(parts), RULE, HONEST, 1000)


def test_every_false_chunk_refused() -> None:
    row = tally(chunks(5, untrue=1, mean=51), chunks(7, untrue=1, exponent=9, mean=99), chunks(8))
    assert (row.verdict, row.chunks, row.true_chunks, row.accepted) == ("refused", 20, 8, 0)
    assert (row.refused_by["mean"], row.refused_by["exponent"], row.refused_by["reward"]) == (12, 7, 0)


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
    row = tally_cheat("n", "t", chunks(3, untrue=1, mean=40, exponent=1), RULE, apart, 1000)
    assert row.within == 0


def test_published_rules_count_true_chunks_too() -> None:
    row = tally(chunks(4), chunks(6, untrue=1, package_exponent=39))
    assert (row.accepted_by_paper, row.accepted_by_deployed) == (4, 10)


def test_pooling_sums_whole_audits_of_one_engine() -> None:
    values = chunks(2 * AUDIT_CHUNKS + 5, mean=3)
    assert pooled(values).tolist() == [3 * AUDIT_CHUNKS, 3 * AUDIT_CHUNKS]
    assert pooled_limit([values, chunks(AUDIT_CHUNKS, mean=4)], 25) == 5 * AUDIT_CHUNKS
    assert pooled_limit([chunks(3, mean=4)], 25) == 0


def test_small_errors_in_every_chunk_show_in_an_audit() -> None:
    row = tally(chunks(2 * AUDIT_CHUNKS, untrue=1, mean=16))
    assert (row.accepted, row.pooled, row.pooled_refused) == (2 * AUDIT_CHUNKS, 2, 2)


def test_honest_refusals_are_counted_and_bounded() -> None:
    row = tally_honest("all", np.concatenate((HONEST, chunks(1, mean=51))), RULE)
    assert (row.chunks, row.refused, row.most["mean"]) == (101, 1, 51)
    assert 1 / 101 < row.refused_bound < 0.05
