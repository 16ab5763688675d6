"""Which convictions took a jury is counted, and why is said."""

from __future__ import annotations

import dataclasses

from cupel.devnet.attacks.catalogue import strategies
from cupel.devnet.attacks.courts import WHY, settled
from cupel.devnet.attacks.table import Row
from cupel.protocol.spec.errors import Reason

ROW = Row("int4", "", "slashed", "slashed", "toploc: toploc-exponent", "CanonicalJudge", 1, 1, 0)


def test_convictions_are_counted_by_judge() -> None:
    jury = dataclasses.replace(ROW, attack="best-of-4", check="sampling: sampling", judge="JuryJudge")
    other = dataclasses.replace(jury, attack="greedy-decoding")
    spam = dataclasses.replace(ROW, attack="spam", found="refused", judge="")
    assert settled([ROW, jury, other, spam]) == "\n".join(
        [
            "## 1 of 3 convictions took no jury",
            "",
            "| judge | attacks |",
            "| --- | --- |",
            "| CanonicalJudge | int4 |",
            "",
            "The other 2, before an honest-majority jury:",
            "",
            "| reason | attacks | why a jury |",
            "| --- | --- | --- |",
            f"| sampling | best-of-4, greedy-decoding | {WHY['sampling']} |",
            "",
        ]
    )


def test_every_reason_explained_is_one_that_a_strategy_is_found_for() -> None:
    found = {reason for one in strategies().values() for reason in one.reasons}
    assert set(WHY) <= found & {reason.value for reason in Reason}
