"""What goes wrong on purpose: drawn from a seed, and of honest participants alone."""

import asyncio
import sys
from pathlib import Path

from cupel.devnet.mishaps import MOST_DEPTH, Kind, drawn_mishaps
from cupel.devnet.options import CANARY, DemoOptions
from cupel.devnet.presets import FAST
from cupel.devnet.story.events import DemoEvent
from cupel.devnet.supervisor import Supervisor

NODES, VERIFIERS = ("node-1", "node-2"), ("verifier-1", "verifier-2")


def test_a_seed_draws_the_same_mishaps_and_another_one_others() -> None:
    first = drawn_mishaps(3, 4, 20, NODES, VERIFIERS)
    assert first == drawn_mishaps(3, 4, 20, NODES, VERIFIERS)
    assert first != drawn_mishaps(4, 4, 20, NODES, VERIFIERS)


def test_every_round_has_its_stall_and_its_reorganisation_and_two_lose_power() -> None:
    for seed in range(20):
        drawn = drawn_mishaps(seed, 4, 20, NODES, VERIFIERS)
        assert [one.after_seconds for one in drawn] == sorted(one.after_seconds for one in drawn)
        assert all(0 < one.after_seconds < 80 for one in drawn)
        by_kind = {kind: [one for one in drawn if one.kind is kind] for kind in Kind}
        for kind in (Kind.STALL, Kind.REORG):
            assert sorted(one.after_seconds // 20 for one in by_kind[kind]) == [0, 1, 2, 3]
        assert all(1 <= one.measure <= MOST_DEPTH for one in by_kind[Kind.REORG])
        crashed = {one.victim for one in by_kind[Kind.CRASH]}
        assert len(crashed & set(NODES)) == len(crashed & set(VERIFIERS)) == 1


def test_a_process_that_lost_power_is_forked_again_and_its_end_is_not_told(tmp_path: Path) -> None:
    program = [sys.executable, "-c", "import time; time.sleep(600)"]

    async def scenario() -> list[DemoEvent]:
        told: list[DemoEvent] = []
        async with Supervisor(tmp_path, told.append) as supervisor:
            await supervisor.start("node-1", program)
            with supervisor.standing_still("node-1"):
                assert supervisor.is_running("node-1")
            await supervisor.cut_power("node-1")
            assert not supervisor.is_running("node-1")
            await supervisor.start("node-1", program)
            assert supervisor.is_running("node-1")
            assert [event.name for event in told] == ["process-started", "process-started"]
        return told

    assert [event.name for event in asyncio.run(scenario())][-1] == "process-ended"


def test_what_a_process_sets_itself() -> None:
    options = DemoOptions(
        FAST, 4, 3, 0, 0, None, None, False, attacks=("spam", CANARY), verifier_attacks=("false-challenge",)
    )
    verifiers = {"verifier-1": "0xA", "verifier-2": "0xB"}
    assert options.honest_nodes == ("node-1", "node-2")
    assert options.honest_verifiers == ("verifier-1", "verifier-2")
    assert options.choices("node-3", verifiers) == {}
    assert options.choices("node-4", verifiers) == {"canary_one_in": 2}
    asking = DemoOptions(FAST, 4, 3, 0, 0, None, None, False, attacks=("spam", CANARY), attestations=2)
    assert asking.choices("node-1", verifiers) == {"attestations": 2, "attesters": "0xA,0xB"}
    assert asking.choices("verifier-1", verifiers) == {}
