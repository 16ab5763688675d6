"""The screen and the final tables, drawn from a simulated demo."""

from __future__ import annotations

import io

import pytest
from rich.console import Console, RenderableType

from cupel.devnet.facts import ChainFacts
from cupel.devnet.outcome import Outcome, RunInfo
from cupel.devnet.screen.draw import draw
from cupel.devnet.screen.final import final_tables
from cupel.devnet.screen.glyphs import bar, size, sparkline
from cupel.devnet.screen.live import LiveScreen, PlainScreen, news
from cupel.devnet.story.events import DEMO, DemoEvent
from cupel.devnet.story.reducer import reduce
from cupel.devnet.story.state import DemoState
from cupel.devnet.verdict import judge


def text_of(renderable: RenderableType, width: int = 140) -> str:
    console = Console(file=io.StringIO(), width=width, force_terminal=False, color_system=None)
    console.print(renderable)
    output = console.file
    assert isinstance(output, io.StringIO)
    return output.getvalue()


def test_set_up_shows_every_stage_and_its_progress(start_state: DemoState) -> None:
    fields = {"key": "policy", "status": "running", "progress": 500, "detail": "step 250 of 500"}
    text = text_of(draw(reduce(start_state, DemoEvent(DEMO, "stage", start_state.started_ms + 1, fields))))
    assert all(stage.title in text for stage in start_state.stages)
    assert "━━━━━━━━━━━━╌╌╌╌╌╌╌╌╌╌╌╌ step 250 of 500" in text


def test_rounds_show_nodes_disputes_and_money(state_in_round_five: DemoState) -> None:
    text = text_of(draw(state_in_round_five))
    assert "round 5 of 11" in text
    assert "lies: perturbed-model" in text
    assert "node-4 wrong-toploc, 2 votes: guilty" in text
    assert "-100" in text
    assert "2.0 MB / 1.9 MB" in text


@pytest.mark.parametrize("width", [40, 80, 200])
def test_any_terminal_width_works(state_in_round_five: DemoState, width: int) -> None:
    assert "node-1" in text_of(draw(state_in_round_five), width)


def test_plain_lines_tell_each_thing_once(start_state: DemoState, events: list[DemoEvent]) -> None:
    console = Console(file=io.StringIO(), width=200, color_system=None)
    state = start_state
    with PlainScreen(console, state) as screen:
        for event in events:
            state = reduce(state, event)
            screen.show(state)
        screen.show(state)
    output = console.file
    assert isinstance(output, io.StringIO)
    lines = output.getvalue().splitlines()
    assert len(lines) == len(set(lines))
    assert sum("node-1" in line and "128 units" in line for line in lines) == 12
    assert any(
        line.split("  ")[-1].endswith("Policy pre-trained: done (500 steps, loss 0.71)") for line in lines
    )


def test_news_survive_a_log_that_forgets(start_state: DemoState) -> None:
    state = start_state
    for number in range(450):
        before = state
        state = reduce(state, DemoEvent("node-1", "error", number, {"message": f"error {number}"}))
        assert [line.split("  ")[-1].strip() for line in news(before, state)] == [f"error {number}"]


def test_live_screen_draws_without_a_terminal(final_state: DemoState) -> None:
    console = Console(file=io.StringIO(), width=120)
    with LiveScreen(console, final_state) as screen:
        screen.show(final_state)


def test_final_tables_name_the_broken_promise(facts: ChainFacts, final_state: DemoState) -> None:
    info = RunInfo("now", "full", 3, "2 cores", "runs/x")
    good = text_of(final_tables(Outcome(info, final_state, facts, judge(facts, final_state, 1))), 220)
    assert "PASSED" in good
    assert facts.slashes[0].transaction in good
    bad = text_of(final_tables(Outcome(info, final_state, facts, judge(facts, final_state, 999_000))), 220)
    assert "FAILED" in bad
    assert "(expected: at least +1.00)" in bad


def test_glyphs() -> None:
    assert sparkline([0, 500_000, 1_000_000, 2_000_000]) == "▁▄██"
    assert (bar(0, 4), bar(500, 4), bar(5000, 4)) == ("╌╌╌╌", "━━╌╌", "━━━━")
    assert (size(0), size(999), size(1500), size(5_000_000_000_000)) == (
        "0 B",
        "999 B",
        "1.5 kB",
        "5000.0 GB",
    )
