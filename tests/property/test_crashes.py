"""Every journal and marker file through every crash: killed, or without power, at each call, with each write torn.

Whatever is found afterwards is a state of before or after the step that was under way, and the step can be done again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cupel.node.journal import Journal
from cupel.node.metrics import MetricsLog
from cupel.node.pipeline.rounds import Order
from cupel.node.pipeline.sealed import load_set, save_set
from cupel.node.pipeline.workshop import Trained, Workshop
from cupel.node.publishing.memory import Memory
from cupel.protocol.participant import _identity
from cupel.protocol.spec.rollout import RolloutLeaf
from cupel.protocol.spec.toploc.pooled import Pool
from cupel.protocol.storage import StorageError
from cupel.protocol.testing.dying_disk import Dead, Death, calls_of, dying_disk
from cupel.verifier.exhibit import keep
from cupel.verifier.journal import Journal as VerifierJournal

TASK = b"\1" * 32
BEFORE = Order(2, b"\2" * 32, 1, b"\3" * 32, 1, 1)
ORDER = Order(3, b"\2" * 32, 2, b"\3" * 32, 2, 1)
LEAF = RolloutLeaf(0, 4, bytes(32), 7, bytes(32), 9, b"\5" * 32, bytes(32), 0)
TORN = (0, 1, 40)


@pytest.fixture(autouse=True)
def _without_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a sync means is modelled; the disk below need not be waited for."""
    monkeypatch.setattr("os.fsync", lambda descriptor: None)


@dataclass(frozen=True)
class Kept:
    """A thing on disk: a first step, the step that is interrupted, and what a process that begins finds."""

    first: Callable[[Path], object]
    step: Callable[[Path], object]
    found: Callable[[Path], Any]


def _votes(folder: Path) -> Any:
    journal = VerifierJournal(folder, TASK)
    return journal.votes, journal.passed, journal.pools, journal.suspects


def _trained(folder: Path) -> Any:
    return Workshop(folder).trained(ORDER)


KEPT = {
    "a name in the node's journal": Kept(
        lambda folder: Journal(folder).save("x", b"old"),
        lambda folder: Journal(folder).save("x", b"a longer new one"),
        lambda folder: Journal(folder).load("x"),
    ),
    "a sealed set": Kept(
        lambda folder: save_set(Journal(folder), "set", {"a": b"1", "b": b"2"}),
        lambda folder: save_set(Journal(folder), "set", {"a": b"3", "b": b"4"}),
        lambda folder: load_set(Journal(folder), "set"),
    ),
    "what a node has proven": Kept(
        lambda folder: Memory(Journal(folder)).record(0, [LEAF]),
        lambda folder: Memory(Journal(folder)).record(1, [LEAF]),
        lambda folder: Journal(folder).load("proven"),
    ),
    "a round's order": Kept(
        lambda folder: Workshop(folder).place(BEFORE),
        lambda folder: Workshop(folder).place(ORDER),
        lambda folder: Workshop(folder).order(3),
    ),
    "a round's training": Kept(
        lambda folder: Workshop(folder).save_trained(BEFORE, Trained(b"u", b"s")),
        lambda folder: Workshop(folder).save_trained(ORDER, Trained(b"update", b"state")),
        _trained,
    ),
    "a round's end": Kept(
        lambda folder: Workshop(folder).close(2, "missed"),
        lambda folder: Workshop(folder).close(3, "committed"),
        lambda folder: Workshop(folder).outcomes(),
    ),
    "a verifier's passes": Kept(
        lambda folder: VerifierJournal(folder, TASK).record_pass(b"\2" * 32, "node", Pool(3, 384, 5)),
        lambda folder: VerifierJournal(folder, TASK).record_pass(b"\4" * 32, "node", Pool(1, 128, 0)),
        _votes,
    ),
    "an evidence file": Kept(
        lambda folder: keep(folder, b"evidence of before"),
        lambda folder: keep(folder, b"evidence of now"),
        lambda folder: sorted(path.read_bytes() for path in folder.glob("[!.]*")),
    ),
}


def crashes(step: Callable[[], object]) -> Iterator[tuple[int, int]]:
    """Every call of a step; of a write some of the bytes. The step is done."""
    for number, call in enumerate(calls_of(step)):
        for torn in TORN if call == "write" else (0,):
            yield number, torn


@pytest.mark.parametrize("name", KEPT)
@pytest.mark.parametrize("death", list(Death))
def test_the_state_of_before_or_of_after(tmp_path: Path, name: str, death: Death) -> None:
    kept, trial = KEPT[name], tmp_path / "trial"
    kept.first(trial)
    before = kept.found(trial)
    places = list(crashes(lambda: kept.step(trial)))
    after = kept.found(trial)
    assert before != after
    for number, (call, torn) in enumerate(places):
        folder = tmp_path / str(number)
        kept.first(folder)
        with pytest.raises((Dead, StorageError)), dying_disk(call, death, torn):
            kept.step(folder)
        # A sealed set that was made before and is being made again may be gone: whoever makes it, makes it again.
        allowed = [before, after] if "set" not in name else [before, after, None]
        assert kept.found(folder) in allowed
        kept.step(folder)
        assert kept.found(folder) == after


@pytest.mark.parametrize("death", [Death.KILL, Death.POWER])
def test_a_vote_that_was_given_out_is_never_another_one(tmp_path: Path, death: Death) -> None:
    """Its hash goes to the chain when `vote` returns: from then on no crash may change verdict or salt."""
    trial = VerifierJournal(tmp_path / "trial", TASK)
    calls = len(calls_of(lambda: trial.vote(7, 0, True)))

    def vote_and_die(journal: VerifierJournal, given: list[Any]) -> None:
        given.append(journal.vote(7, 0, True))
        journal.record_pass(b"\2" * 32, "node", Pool())
        raise Dead

    for call in range(3 * calls):
        folder, given = tmp_path / str(call), list[Any]()
        VerifierJournal(folder, TASK)
        with pytest.raises(Dead), dying_disk(call, death):
            vote_and_die(VerifierJournal(folder, TASK), given)
        again = VerifierJournal(folder, TASK).vote(7, 0, False)
        if given:
            assert again == given[0]


@pytest.mark.parametrize("death", list(Death))
def test_a_data_folder_has_one_identity(tmp_path: Path, death: Death) -> None:
    """A half-written one would be another peer after every start."""
    for call in range(len(calls_of(lambda: _identity(tmp_path / "trial")))):
        folder = tmp_path / str(call)
        with pytest.raises((Dead, StorageError)), dying_disk(call, death, torn=16):
            _identity(folder)
        key = _identity(folder)
        assert len(key) == 32
        assert _identity(folder) == key


@pytest.mark.parametrize("torn", range(60))
def test_a_torn_line_of_the_metrics_takes_no_other_with_it(tmp_path: Path, torn: int) -> None:
    path = tmp_path / "metrics.jsonl"

    def facts(number: int) -> dict[str, Any]:
        return {"round": number, "outcome": "committed", "rest": "x" * 20}

    MetricsLog(path).write(facts(0))
    with pytest.raises(Dead), dying_disk(1, Death.KILL, torn):
        MetricsLog(path).write(facts(1))
    MetricsLog(path).write(facts(1))
    MetricsLog(path).write(facts(2))
    whole = []
    for line in path.read_bytes().splitlines():
        try:
            whole.append(json.loads(line)["round"])
        except ValueError:
            continue
    assert whole == [0, 1, 2]
