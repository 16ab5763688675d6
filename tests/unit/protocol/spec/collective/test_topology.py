"""Graphs: what each family looks like, and that everybody draws the same."""

import pytest

from cupel.protocol.spec.collective.topology import Kind, Topology, draw, topology_seed
from cupel.protocol.spec.hashing import keccak256

SEED = keccak256(b"seed")


def roster(count: int) -> list[str]:
    return ["0x" + keccak256(bytes([index])).hex()[:40] for index in range(count)]


def is_connected(topology: Topology) -> bool:
    reached, todo = {0}, [0]
    while todo:
        here = todo.pop()
        for edge in topology.edges:
            if here in edge:
                other = sum(edge) - here
                if other not in reached:
                    reached.add(other)
                    todo.append(other)
    return len(reached) == len(topology.members)


def test_a_worked_example() -> None:
    topology = draw(Kind.RING, roster(4), SEED)
    assert topology.members == tuple(sorted(roster(4)))
    assert topology.edges == ((0, 2), (0, 3), (1, 2), (1, 3))
    assert topology.neighbours(topology.members[0]) == (topology.members[2], topology.members[3])


@pytest.mark.parametrize("kind", list(Kind))
def test_the_order_and_case_of_the_roster_do_not_matter(kind: Kind) -> None:
    members = roster(9)
    assert draw(kind, members[::-1], SEED) == draw(kind, members, SEED)
    shouted = [member.upper().replace("X", "x") for member in members]
    assert draw(kind, shouted, SEED).edges == draw(kind, members, SEED).edges


@pytest.mark.parametrize("kind", [Kind.RING, Kind.SMALL_WORLD, Kind.EXPANDER, Kind.PAIR])
def test_another_beacon_is_another_graph(kind: Kind) -> None:
    assert draw(kind, roster(16), SEED) != draw(kind, roster(16), keccak256(SEED))


@pytest.mark.parametrize("kind", [Kind.FULL, Kind.RING, Kind.SMALL_WORLD, Kind.EXPANDER])
@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 8, 17])
def test_every_graph_but_pairs_is_connected(kind: Kind, count: int) -> None:
    for index in range(10):
        topology = draw(kind, roster(count), keccak256(bytes([index])))
        assert is_connected(topology)
        assert all(left < right for left, right in topology.edges)
        assert len(set(topology.edges)) == len(topology.edges)


def test_degrees() -> None:
    assert set(draw(Kind.FULL, roster(16), SEED).degrees) == {15}
    assert set(draw(Kind.RING, roster(16), SEED).degrees) == {2}
    assert max(draw(Kind.EXPANDER, roster(16), SEED).degrees) == 4
    assert min(draw(Kind.SMALL_WORLD, roster(16), SEED).degrees) >= 2
    assert len(draw(Kind.SMALL_WORLD, roster(64), SEED).edges) > 64 * 3 / 2
    assert draw(Kind.RING, roster(1), SEED).edges == ()


@pytest.mark.parametrize("count", [1, 2, 7, 8])
def test_pairs_leave_at_most_one_alone(count: int) -> None:
    degrees = draw(Kind.PAIR, roster(count), SEED).degrees
    assert sorted(degrees) == (count % 2) * [0] + (count - count % 2) * [1]


def test_a_member_that_stands_twice_is_our_bug() -> None:
    with pytest.raises(AssertionError):
        draw(Kind.RING, [*roster(3), roster(3)[0].upper().replace("X", "x")], SEED)


def test_the_seed_binds_chain_hub_task_round_and_beacon() -> None:
    hub, other = roster(2)
    base = (1, hub, bytes(32), 5, SEED)
    changed = [
        (2, hub, bytes(32), 5, SEED),
        (1, other, bytes(32), 5, SEED),
        (1, hub, SEED, 5, SEED),
        (1, hub, bytes(32), 6, SEED),
        (1, hub, bytes(32), 5, bytes(32)),
    ]
    assert len({topology_seed(*arguments) for arguments in [base, *changed]}) == 6
