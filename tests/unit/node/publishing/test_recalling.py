"""A node that lost its disk: the same key in an empty folder, and what it proved comes back from its peers."""

from __future__ import annotations

import asyncio
import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

pytest.importorskip("libp2p")

from cupel.node.journal import Journal
from cupel.node.publishing.memory import Memory
from cupel.node.publishing.recalling import recall
from cupel.node.publishing.submission import RepeatedWork, Submission, make_submission
from cupel.protocol.chain.bindings import hub
from cupel.protocol.chain.ledger import HubLedger, TaskLedger
from cupel.protocol.network import Swarm
from cupel.protocol.participant import Participant
from cupel.protocol.spec.rollout import LeafContext, Metrics, PolicyRef, Rollout
from cupel.protocol.storage.files import put_file
from cupel.protocol.testing.memory_store import MemoryStore
from cupel.protocol.testing.vectors import CHAIN_ID, HUB, NODE, TASK, example_params

pytestmark = pytest.mark.timeout(120)

PARAMS = dataclasses.replace(example_params(), problems_per_round=3, group_size=2, topk=4)
POLICY = PolicyRef(4, b"\4" * 32)
ROLLOUTS = tuple(
    Rollout(index // 2, bytes([index]) * 32, (1, 2, 11), 0, (index.to_bytes(10, "big"),))
    for index in range(6)
)


def submission(sequence: int, proven: dict[Any, Any]) -> Submission:
    context = LeafContext(CHAIN_ID, HUB, TASK, NODE, sequence, sequence)
    rollouts = [dataclasses.replace(one, problem=one.problem + 10 * sequence) for one in ROLLOUTS]
    return make_submission(PARAMS, context, POLICY, rollouts, b"update", Metrics(0, 0), proven)


def told_of(*made: Submission) -> TaskLedger:
    ledger = HubLedger()
    ledger.apply(hub.TaskCreated(TASK, NODE, PARAMS, 1000))
    ledger.apply(hub.Joined(TASK, NODE, NODE, NODE, 400, 0))
    for one in made:
        place = one.manifest.sequence
        ledger.apply(hub.Committed(TASK, NODE, place, place, one.root, one.manifest.digest, one.units, 1000))
    return ledger.tasks[TASK]


@dataclass
class Process:
    """What of a participant is asked here: its account, its peers, and who hears it."""

    swarm: Swarm
    address: str = NODE
    told: list[str] = field(default_factory=list)

    @property
    def observer(self) -> Process:
        return self

    def emit(self, event: str, **fields: Any) -> None:
        self.told.append(str(fields["message"]))


def test_what_was_proven_comes_back_from_peers_into_an_empty_folder(tmp_path: Path) -> None:
    first = submission(0, {})

    async def scenario() -> tuple[Memory, Process]:
        kept = MemoryStore()
        for file in (first.manifest_file, *first.files):
            put_file(kept, file)
        memory = Memory(Journal(tmp_path / "empty"))
        async with (
            Swarm(kept, b"\1" * 32, "cupel-test") as peer,
            Swarm(MemoryStore(), b"\2" * 32, "cupel-test") as again,
        ):
            again.set_peers({NODE: peer.endpoint})
            process = Process(again)
            await recall(cast("Participant", process), told_of(first), memory, 1000)
        return memory, process

    memory, process = asyncio.run(scenario())
    assert process.told == []
    assert memory.gaps(told_of(first).commitments(NODE)) == ()
    # With what came back the node refuses what would cost its stake: its old proofs for other problems.
    with pytest.raises(RepeatedWork, match="of commitment 0"):
        submission(1, memory.beside(1))
