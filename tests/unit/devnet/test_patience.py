"""Spans of time on a machine that is not idle."""

import dataclasses

from cupel.devnet.patience import IDLE_CORES, MOST_SLOWNESS, unhurried
from cupel.devnet.presets import FAST, FULL, choose_pace


def test_an_idle_machine_with_the_demos_liars_keeps_the_preset() -> None:
    for preset in (FAST, FULL):
        assert unhurried(preset, IDLE_CORES, 2) == preset
        assert unhurried(preset, 16.0, 1) == preset


def test_a_busy_machine_gives_everyone_as_much_more_time_as_it_is_slower() -> None:
    slow = unhurried(FULL, IDLE_CORES / 4, 2)
    assert (slow.jury.commit_seconds, slow.jury.reveal_seconds) == (32, 24)
    assert (slow.jury.appeal_seconds, slow.jury.grace_seconds) == (20, 12)
    assert (slow.data.answer_seconds, slow.data.close_seconds) == (36, 24)
    assert slow.canonical.clock_seconds == 4 * FULL.canonical.clock_seconds
    assert slow.aggregate.clock_seconds == 4 * FULL.aggregate.clock_seconds
    # Nothing else changes, and what no core is left for has a bound.
    kept = dataclasses.replace(
        slow, jury=FULL.jury, data=FULL.data, canonical=FULL.canonical, aggregate=FULL.aggregate
    )
    assert kept == dataclasses.replace(FULL, least_round_seconds=4 * FULL.least_round_seconds)
    assert unhurried(FULL, 0.0, 2).jury.commit_seconds == 8 * MOST_SLOWNESS


def test_every_further_liar_leaves_jurors_time_for_another_trial() -> None:
    crowd = unhurried(FAST, IDLE_CORES, 6)
    assert crowd.jury.commit_seconds == FAST.jury.commit_seconds + 8
    assert crowd.jury.reveal_seconds == FAST.jury.reveal_seconds + 8


def test_the_task_waits_as_long_as_its_judges_need() -> None:
    slow = unhurried(FAST, 0.5, 6)
    pace = choose_pace(slow, 8, 0.02, 0.5)
    judges = (slow.jury, slow.canonical, slow.aggregate)
    assert pace.dispute_seconds >= max(judge.needed_seconds for judge in judges)
    assert pace.round_seconds >= 4 * FAST.least_round_seconds
    assert pace.challenge_window == pace.round_seconds + slow.data.answer_seconds
