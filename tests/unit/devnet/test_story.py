"""The reducer on a simulated demo."""

from __future__ import annotations

from cupel.devnet.story.events import CHAIN, DEMO, DemoEvent, parse_line
from cupel.devnet.story.reducer import reduce
from cupel.devnet.story.state import DemoState, StageStatus, Status, Transfer


def fold(state: DemoState, *events: DemoEvent) -> DemoState:
    for event in events:
        state = reduce(state, event)
    return state


def test_line_becomes_an_event() -> None:
    event = parse_line("node-1", b'{"event":"ready","time":7,"account":"0xaa","endpoint":"x"}\n', 9)
    assert event == DemoEvent("node-1", "ready", 7, {"account": "0xaa", "endpoint": "x"})


def test_event_log_line_reads_back() -> None:
    event = DemoEvent("node-1", "claimed", 7, {"units": 3, "amount": "30"})
    assert parse_line("node-1", event.as_json().encode(), 9) == event


def test_noise_on_standard_output_is_kept_as_text() -> None:
    assert parse_line("node-1", b"Traceback: [1]\n", 9) == DemoEvent(
        "node-1", "output", 9, {"text": "Traceback: [1]"}
    )
    assert parse_line("node-1", b'{"event":3}', 9) == DemoEvent(
        "node-1", "output", 9, {"text": '{"event":3}'}
    )
    assert parse_line("node-1", b"\xff\xfe", 9) == DemoEvent("node-1", "output", 9, {"text": "\ufffd\ufffd"})
    assert parse_line("node-1", b"  \n", 9) is None


def test_child_cannot_speak_for_another() -> None:
    event = parse_line("node-1", b'{"event":"slashed","source":"node-2"}', 9)
    assert event is not None
    assert event.source == "node-1"


def test_amounts_are_decimal_strings() -> None:
    event = DemoEvent("node-1", "claimed", 0, {"amount": "1000000000000000000000", "units": 3, "bad": "x"})
    assert (event.number("amount"), event.number("units"), event.number("bad", 5)) == (10**21, 3, 5)


def test_whole_demo(final_state: DemoState) -> None:
    assert {name: node.status for name, node in final_state.nodes.items()} == {
        "node-1": Status.DONE,
        "node-2": Status.DONE,
        "node-3": Status.DONE,
        "node-4": Status.SLASHED,
        "node-5": Status.SLASHED,
    }
    assert all(stage.status is StageStatus.DONE for stage in final_state.stages)
    assert final_state.nodes["node-1"].units == 12 * 128
    assert final_state.nodes["node-4"].units == 2 * 128
    assert sorted(final_state.nodes["node-2"].versions) == list(range(1, 13))
    assert [(item.check, item.node) for item in final_state.accusations][:2] == [
        ("reward", "node-5"),
        ("reward", "node-5"),
    ]
    assert final_state.challenges[2].votes == (("verifier-1", True), ("verifier-2", True))
    assert final_state.challenges[2].guilty is True
    assert final_state.now_ms > final_state.started_ms


def test_honest_reward_leaves_liars_out(final_state: DemoState) -> None:
    rewards = list(final_state.honest_reward.values())
    assert len(rewards) == 12
    assert rewards[0] < 300_000
    assert rewards[-1] > 850_000


def test_unknown_events_and_sources_change_only_the_time(start_state: DemoState) -> None:
    changed = fold(
        start_state, DemoEvent("stranger", "committed", 5, {}), DemoEvent("node-1", "novelty", 9, {})
    )
    assert changed.now_ms == 9
    assert (changed.nodes, changed.log) == (start_state.nodes, start_state.log)


def test_killed_failed_and_stopped_processes(start_state: DemoState) -> None:
    state = fold(
        start_state,
        DemoEvent(DEMO, "killing", 1, {"process": "node-1"}),
        DemoEvent("node-1", "process-ended", 2, {"code": -9}),
        DemoEvent("node-2", "error", 3, {"message": "disk full"}),
        DemoEvent("node-2", "process-ended", 4, {"code": 1}),
        DemoEvent("verifier-1", "process-ended", 5, {"code": -15}),
    )
    assert state.nodes["node-1"].status is Status.KILLED
    assert state.nodes["node-2"].status is Status.FAILED
    assert state.verifiers["verifier-1"].status is Status.KILLED
    assert any("disk full" in line.text for line in state.log)


def test_late_phase_of_an_ended_node_is_ignored(start_state: DemoState) -> None:
    slashed = fold(start_state, DemoEvent("node-4", "slashed", 1, {}))
    late = fold(slashed, DemoEvent("node-4", "phase", 2, {"round": 1, "phase": "training"}))
    assert late.nodes["node-4"] == slashed.nodes["node-4"]


def test_missed_round_is_noted_once(start_state: DemoState) -> None:
    missed = DemoEvent("node-2", "phase", 1, {"round": 3, "phase": "missed", "detail": "too slow"})
    state = fold(start_state, missed, missed)
    assert state.nodes["node-2"].missed == (3,)
    assert len(state.log) == 1


def test_same_vote_and_resolution_count_once(start_state: DemoState) -> None:
    opened = {"challenge_id": 4, "node": "0x1", "sequence": 0, "judge": "JuryJudge", "reason": "toploc"}
    vote = DemoEvent("verifier-2", "vote", 2, {"challenge_id": 4, "guilty": True})
    end = DemoEvent("verifier-1", "resolved", 3, {"challenge_id": 4, "guilty": True})
    again = DemoEvent("verifier-2", "resolved", 8, {"challenge_id": 4, "guilty": True})
    state = fold(start_state, DemoEvent("verifier-1", "challenged", 1, opened), vote, vote, end, again)
    assert state.challenges[4].votes == (("verifier-2", True),)
    assert state.challenges[4].resolved_ms == 3


def test_an_appeal_is_told_and_the_newest_vote_counts(start_state: DemoState) -> None:
    opened = {"challenge_id": 4, "node": "0x1", "sequence": 0, "judge": "JuryJudge", "reason": "toploc"}
    appealed = DemoEvent("verifier-1", "appealed", 3, {"challenge_id": 4, "round": 1, "bond": "35"})
    state = fold(
        start_state,
        DemoEvent("verifier-1", "challenged", 1, opened),
        DemoEvent("verifier-2", "vote", 2, {"challenge_id": 4, "guilty": False}),
        appealed,
        DemoEvent("verifier-1", "appealed", 3, {"challenge_id": 5, "round": 1, "bond": "35"}),
        DemoEvent("verifier-2", "vote", 4, {"challenge_id": 4, "guilty": True}),
    )
    assert state.challenges[4].votes == (("verifier-2", True),)
    assert [line.text for line in state.log[1:]] == [
        f"appeals against the jury's result about {state.name_of('0x1')}"
    ]


def test_stage_keeps_its_start_and_detail(start_state: DemoState) -> None:
    state = fold(
        start_state,
        DemoEvent(
            DEMO, "stage", 10, {"key": "policy", "status": "running", "progress": 300, "detail": "step 150"}
        ),
        DemoEvent(DEMO, "stage", 20, {"key": "policy", "status": "done"}),
    )
    stage = state.stage("policy")
    assert (stage.started_ms, stage.ended_ms, stage.progress, stage.detail) == (10, 20, 1000, "step 150")


def test_block_and_transfer(start_state: DemoState) -> None:
    state = fold(
        start_state,
        DemoEvent(CHAIN, "block", 10, {"block": 7, "timestamp": 99, "stakes": "500", "burned": "1"}),
        DemoEvent("verifier-2", "transfer", 11, {"bytes_in": 5, "bytes_out": 6, "peers": 7}),
    )
    assert (state.chain.block, state.chain.stakes, state.chain.burned, state.chain.seen_ms) == (7, 500, 1, 10)
    assert state.verifiers["verifier-2"].transfer == Transfer(5, 6, 7)
