"""The report: one file, nothing fetched, nothing hidden, nothing injected."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pytest

from cupel.devnet.facts import ChainFacts
from cupel.devnet.outcome import Outcome, RunInfo
from cupel.devnet.report.charts import Frame, Series, curve_chart, nice_top
from cupel.devnet.report.page import render
from cupel.devnet.story.state import DemoState
from cupel.devnet.verdict import judge

INFO = RunInfo("2026-01-01 12:00", "full", 1, "2 cores", "runs/x")
VOID = {"meta", "br"}


class Balance(HTMLParser):
    """Fails on a tag that is not closed where it should be, and collects attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes |= {name for name, _ in attrs}
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes |= {name for name, _ in attrs}

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def page(facts: ChainFacts, state: DemoState, margin: int = 300_000) -> str:
    return render(Outcome(INFO, state, facts, judge(facts, state, margin)))


def test_a_challenge_that_another_overtook_is_told_apart(
    facts: ChainFacts, final_state: DemoState, change: Callable[..., Any]
) -> None:
    unsettled = change(facts.challenges[0], guilty=None)
    assert "overtaken: slashed already" in page(change(facts, challenges=(unsettled,)), final_state)
    still_open = page(change(facts, challenges=(unsettled,), slashes=()), final_state)
    assert "open or expired" in still_open
    assert "overtaken" not in still_open


def test_page_is_well_formed_and_self_contained(facts: ChainFacts, final_state: DemoState) -> None:
    html = page(facts, final_state)
    balance = Balance()
    balance.feed(html)
    assert balance.open == []
    assert not balance.attributes & {"src", "href", "onload", "onclick"}
    assert not re.search(r"https?:|url\(|@import", html)


def test_page_tells_the_outcome(facts: ChainFacts, final_state: DemoState) -> None:
    html = page(facts, final_state)
    assert "Three honest nodes paid, both liars slashed" in html
    assert "8 of 8 promises held" in html
    assert facts.slashes[0].transaction in html
    assert facts.checkpoints[-1].digest in html
    assert "Hub.challenge" in html


def test_page_shows_a_failure(facts: ChainFacts, final_state: DemoState, change: Callable[..., Any]) -> None:
    html = page(change(facts, slashes=()), final_state)
    assert ">Failed<" in html
    assert "no of two liars slashed" in html
    assert "node-4 NOT slashed" in html


def test_words_of_a_peer_are_escaped(
    facts: ChainFacts, final_state: DemoState, change: Callable[..., Any]
) -> None:
    hostile = change(final_state.accusations[0], observed="<script>alert(1)</script>")
    state = change(final_state, accusations=(hostile,))
    challenge = change(facts.challenges[0], accusation="<b>x</b>")
    html = page(change(facts, challenges=(challenge,)), state)
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert "<b>x</b>" not in html


def test_page_of_a_run_without_rounds(
    facts: ChainFacts, start_state: DemoState, change: Callable[..., Any]
) -> None:
    empty = change(
        facts, work=(), challenges=(), slashes=(), claims=(), withdrawals=(), checkpoints=(), gas=()
    )
    assert "No challenge was made." in page(empty, start_state)


@pytest.mark.parametrize(
    ("values", "top"),
    [([], 1e6), ([0], 1e6), ([200_000], 2e5), ([210_000], 2.5e5), ([7], 10), ([1_000_000], 1e6)],
)
def test_nice_top(values: list[int], top: float) -> None:
    assert nice_top(values) == top


def test_chart_spans_its_frame() -> None:
    frame = Frame(200, 100, 3, 1_000_000)
    assert (frame.x(0), frame.x(2)) == (frame.left, 200 - frame.right)
    assert (frame.y(0), frame.y(1_000_000)) == (100 - frame.below, frame.above)
    assert frame.y(5_000_000) == frame.above
    svg = curve_chart([Series("a", {0: 0, 2: 1_000_000}, "red")], {0: 0}, frame, "t")
    assert svg.count("<circle") == 3


def test_negative_losses_stay_inside() -> None:
    frame = Frame(200, 100, 3, 100, bottom=-100)
    assert frame.y(-100) == 100 - frame.below
    assert frame.y(0) == pytest.approx((100 - frame.below + frame.above) / 2)
