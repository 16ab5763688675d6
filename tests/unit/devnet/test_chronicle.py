"""Everything goes through the chronicle; what cannot be written or reached in time ends the demo in one line."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from cupel.devnet.chronicle import Chronicle, DemoFailed
from cupel.devnet.story.events import DemoEvent
from cupel.devnet.story.state import DemoState, StageStatus
from cupel.protocol.config import EnvironmentProblem


class Recorder:
    def __init__(self) -> None:
        self.shown: list[DemoState] = []

    def show(self, state: DemoState) -> None:
        self.shown.append(state)


def test_events_reach_state_screen_and_log(start_state: DemoState, tmp_path: Path) -> None:
    screen = Recorder()

    async def scenario() -> None:
        with Chronicle(start_state, tmp_path / "events.jsonl", screen) as chronicle:
            chronicle.stage("policy", "running", "step 1", 100)
            chronicle.tell_of_chain("block", block=3)
            chronicle.record(DemoEvent("node-1", "ready", 5, {}))
            assert screen.shown[-1] is chronicle.state
            assert chronicle.state.stage("policy").status is StageStatus.RUNNING

    asyncio.run(scenario())
    lines = [
        json.loads(line) for line in (tmp_path / "events.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    assert [(line["source"], line["event"]) for line in lines] == [
        ("demo", "stage"),
        ("chain", "block"),
        ("node-1", "ready"),
    ]


def test_waiting_ends_with_the_event_that_satisfies_it(start_state: DemoState, tmp_path: Path) -> None:
    async def scenario() -> None:
        with Chronicle(start_state, tmp_path / "events.jsonl", Recorder()) as chronicle:
            waiting = asyncio.create_task(
                chronicle.until(lambda state: state.chain.block == 2, 20, "no block 2")
            )
            for block in (1, 2):
                await asyncio.sleep(0)
                assert not waiting.done()
                chronicle.tell_of_chain("block", block=block)
            await waiting

    asyncio.run(scenario())


def test_waiting_too_long_names_what_did_not_happen(start_state: DemoState, tmp_path: Path) -> None:
    async def scenario() -> None:
        with Chronicle(start_state, tmp_path / "events.jsonl", Recorder()) as chronicle:
            await chronicle.until(lambda state: False, 0.01, "round 3 did not end")

    with pytest.raises(DemoFailed, match="round 3 did not end within 0 s"):
        asyncio.run(scenario())


def test_first_failure_is_the_one_told(start_state: DemoState, tmp_path: Path) -> None:
    async def scenario() -> None:
        with Chronicle(start_state, tmp_path / "events.jsonl", Recorder()) as chronicle:
            chronicle.fail(DemoFailed("the chain is gone"))
            chronicle.fail(DemoFailed("and so is everything"))
            await chronicle.until(lambda state: True, 20, "")

    with pytest.raises(DemoFailed, match="the chain is gone"):
        asyncio.run(scenario())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device without space")
def test_full_disk_ends_the_demo_with_a_remedy(start_state: DemoState) -> None:
    async def scenario() -> None:
        with Chronicle(start_state, Path("/dev/full"), Recorder()) as chronicle:
            chronicle.stage("policy", "running")
            await chronicle.until(lambda state: False, 20, "")

    with pytest.raises(
        EnvironmentProblem, match=r"cannot write /dev/full \(No space left on device\); free some"
    ):
        asyncio.run(scenario())
