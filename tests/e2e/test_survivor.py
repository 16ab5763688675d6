"""The only honest node was down when one posted a version that was slashed afterwards: it makes its own, once."""

from __future__ import annotations

import pytest

from cupel.devnet.chaos.rules import broken_rules
from cupel.devnet.chaos.scenario import draw_survivor
from cupel.devnet.chaos.world import play, standing

pytestmark = pytest.mark.e2e


@pytest.mark.timeout(600)
def test_who_is_left_alone_with_slashed_posters_versions_ends_with_its_stake_and_its_pay() -> None:
    with standing() as stand:
        run = play(stand, draw_survivor(1))
    liar, survivor = run.addresses["node-2"], run.addresses["node-1"]
    first = min(run.ledger.posted, key=lambda record: record.time)
    (slash,) = run.ledger.slashes
    assert (first.node, slash.node) == (liar, liar)
    assert slash.time < first.time + run.ledger.params.challenge_window
    # It had been there before, so it took nobody's word for that version, and had nothing to let go.
    told = [fields["version"] for _, event, fields in run.actors["node-1"].ears.heard if event == "policy"]
    assert told.count(1) == 1, told
    assert len(told) <= 8, told
    assert broken_rules(run) == []
    assert {record.node for record in run.ledger.standing()} == {survivor}
