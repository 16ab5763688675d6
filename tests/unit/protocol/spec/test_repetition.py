"""Work counted twice: what is one, what is not, and how far back a node has to remember."""

import dataclasses

from hypothesis import given
from hypothesis import strategies as st

from cupel.protocol.spec.repetition import ENTRY_BYTES, RING, Place, ProvenWork, Repetition, first_repetition
from cupel.protocol.spec.rollout import RolloutLeaf

LEAF = RolloutLeaf(0, 4, bytes(32), 0, bytes(32), 9, bytes(32), bytes(32), 0)
ROOT = b"\7" * 32


def leaves(*work: tuple[int, bytes]) -> list[RolloutLeaf]:
    """One leaf for each (problem, root)."""
    return [
        dataclasses.replace(LEAF, index=index, problem=problem, toploc_root=root)
        for index, (problem, root) in enumerate(work)
    ]


def test_one_root_for_two_problems_is_a_repetition() -> None:
    found = first_repetition(3, leaves((5, ROOT), (6, b"\1" * 32), (7, ROOT), (8, ROOT)), {})
    assert found == Repetition(Place(3, 2, 7), Place(3, 0, 5))


def test_one_root_for_one_problem_is_none() -> None:
    assert first_repetition(3, leaves((5, ROOT), (5, ROOT)), {}) is None
    assert first_repetition(3, leaves((5, ROOT)), {ROOT: Place(2, 9, 5)}) is None


def test_other_commitments_count() -> None:
    known = ProvenWork().add(2, leaves((4, b"\1" * 32), (5, ROOT)))
    found = first_repetition(3, leaves((6, ROOT)), known.beside(3))
    assert found == Repetition(Place(3, 0, 6), Place(2, 1, 5))


def test_a_commitment_is_not_compared_with_an_earlier_try_at_it() -> None:
    known = ProvenWork().add(2, leaves((5, ROOT)))
    assert known.beside(2) == {}
    assert known.add(2, leaves((6, ROOT))).beside(3) == {ROOT: Place(2, 0, 6)}


def test_the_memory_is_as_long_as_the_ring() -> None:
    known = ProvenWork().add(0, leaves((5, ROOT)))
    assert known.beside(RING - 1) == {ROOT: Place(0, 0, 5)}
    assert known.beside(RING) == {}
    for sequence in range(1, RING + 1):
        known = known.add(sequence, leaves((sequence, bytes([sequence]) * 32)))
    assert len(known.commitments) == RING
    assert 0 not in known.commitments


def test_it_is_kept_in_44_bytes_a_rollout() -> None:
    known = ProvenWork().add(3, leaves((4, b"\1" * 32), (5, ROOT))).add(2, leaves((6, ROOT)))
    data = known.to_bytes()
    assert len(data) == 3 * ENTRY_BYTES == 132
    assert data[:12] == bytes.fromhex("000000020000000000000006")
    assert ProvenWork.from_bytes(data) == known


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from([b"\1" * 32, b"\2" * 32, ROOT])), max_size=8))
def test_it_is_found_whenever_two_leaves_show_it(work: list[tuple[int, bytes]]) -> None:
    shown = any(root == other and problem != twin for problem, root in work for twin, other in work)
    assert (first_repetition(0, leaves(*work), {}) is not None) is shown
