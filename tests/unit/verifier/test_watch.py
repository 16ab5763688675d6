"""The watch: sums over commitments, a suspicion that outlives a restart, and no challenge that could be lost."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from cupel.protocol.spec.errors import Reason
from cupel.protocol.spec.rounds import CommittedWork
from cupel.protocol.spec.task import Pooling
from cupel.protocol.spec.toploc.pooled import SURE_FACTOR, Pool
from cupel.verifier.checks.base import Finding
from cupel.verifier.evidence import Judges
from cupel.verifier.journal import Journal
from cupel.verifier.watch import Watch, is_disputable

TASK = b"\1" * 32
NODE, OTHER = "0x" + "0a" * 20, "0x" + "0b" * 20
LIMIT = Pooling(1_000)
JURY, NO_JURY = Judges("o", "j"), Judges("o", None)


@dataclass
class Recorder:
    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def emit(self, event: str, **fields: Any) -> None:
        self.events.append((event, fields))


def watch(folder: Path, recorder: Recorder | None = None) -> Watch:
    return Watch(Journal(folder, TASK), LIMIT, recorder or Recorder(), 64)


def work(sequence: int, node: str = NODE) -> CommittedWork:
    root = sequence.to_bytes(31, "big") + node.encode()[-1:]
    return CommittedWork(node, sequence, sequence, root, bytes(32), 512, 1110)


def pool(errors: int, chunks: int = 32) -> Pool:
    return Pool(chunks, 1_000 * chunks, errors)


def found(observed: int) -> Finding:
    return Finding("pooled", Reason.TOPLOC_POOLED, "", None, str(observed), str(LIMIT.max_error_millionths))


def test_errors_of_several_commitments_add_up_to_a_suspicion(tmp_path: Path) -> None:
    recorder = Recorder()
    one = watch(tmp_path, recorder)
    one.record(work(1), pool(40), None)
    assert (one.rollouts(work(2)), recorder.events) == (64, []), "too few chunks to say anything"
    one.record(work(2), pool(25), None)
    assert recorder.events == [
        ("suspected", {"node": NODE, "chunks": 64, "observed": 1_016, "allowed": 1_000})
    ]
    assert (one.rollouts(work(3)), one.rollouts(work(3, OTHER))) == (512, 64)


def test_an_honest_node_is_never_suspected(tmp_path: Path) -> None:
    recorder = Recorder()
    one = watch(tmp_path, recorder)
    for sequence in range(1, 9):
        one.record(work(sequence), pool(32), None)
    assert (one.rollouts(work(9)), recorder.events) == (64, [])


def test_sums_and_suspicions_outlive_a_restart(tmp_path: Path) -> None:
    watch(tmp_path).record(work(1), pool(40), None)
    recorder = Recorder()
    watch(tmp_path, recorder).record(work(2), pool(25), None)
    assert [event for event, _ in recorder.events] == ["suspected"]
    again = watch(tmp_path, recorder)
    assert again.rollouts(work(3)) == 512
    again.record(work(3), pool(400), None)
    assert len(recorder.events) == 1, "told once"


def test_a_finding_that_is_not_disputed_is_a_suspicion_whatever_the_sums(tmp_path: Path) -> None:
    recorder = Recorder()
    one = watch(tmp_path, recorder)
    one.record(work(1), pool(0, 6_400), None)
    one.record(work(2), pool(96, 64), found(1_500))
    assert recorder.events == [
        ("suspected", {"node": NODE, "chunks": 64, "observed": 1_500, "allowed": 1_000})
    ]
    assert one.rollouts(work(3)) == 512


@pytest.mark.parametrize(
    ("observed", "judges", "disputable"),
    [
        (SURE_FACTOR * 1_000, JURY, False),
        (SURE_FACTOR * 1_000 + 1, JURY, True),
        (10**9, NO_JURY, False),
    ],
)
def test_a_challenge_is_made_only_where_every_honest_juror_agrees(
    observed: int, judges: Judges, disputable: bool
) -> None:
    assert is_disputable(found(observed), judges) is disputable


def test_other_findings_are_always_disputable() -> None:
    assert is_disputable(Finding("toploc", Reason.TOPLOC_EXPONENT, "", 3), NO_JURY)
