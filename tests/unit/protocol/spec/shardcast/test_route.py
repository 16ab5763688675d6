"""Full against delta: by size, bounded, and never backwards."""

from hypothesis import given
from hypothesis import strategies as st

from cupel.protocol.spec.shardcast.route import MAX_CHAIN, Offer, Route, routes


def offers(versions: range, full: int = 100, delta: int = 12) -> dict[int, Offer]:
    return {version: Offer(bytes([version]), full, delta) for version in versions}


def test_one_version_behind_takes_the_delta_and_falls_back_to_the_checkpoint() -> None:
    assert routes(3, offers(range(5))) == (Route(4, True, 12), Route(4, False, 100))


def test_a_chain_that_is_longer_than_the_checkpoint_is_the_second_choice() -> None:
    found = routes(0, offers(range(6), full=50))
    assert found[:2] == (Route(5, False, 50), Route(5, True, 60))
    assert [route.version for route in found] == [5, 5, 4, 4, 3, 3, 2, 2, 1, 1]


def test_what_is_here_already_costs_nothing() -> None:
    some = offers(range(5), full=20) | {3: Offer(b"", 20, 0)}
    assert routes(2, some)[0] == Route(4, True, 12)
    assert routes(2, some | {4: Offer(b"", 0, 12)})[0] == Route(4, False, 0)


def test_without_a_version_or_with_a_gap_there_are_only_checkpoints() -> None:
    assert routes(-1, offers(range(1))) == (Route(0, False, 100),)
    gap = {version: offer for version, offer in offers(range(6)).items() if version != 4}
    assert routes(3, gap) == (Route(5, False, 100),)
    assert routes(2, gap) == (Route(5, False, 100), Route(3, True, 12), Route(3, False, 100))


def test_a_chain_has_a_bound() -> None:
    assert routes(0, offers(range(MAX_CHAIN + 1)))[0].deltas
    assert not any(route.deltas for route in routes(0, offers(range(MAX_CHAIN + 2)))[:1])


@given(
    st.integers(-1, 20),
    st.dictionaries(st.integers(0, 30), st.tuples(st.integers(0, 99), st.integers(0, 99))),
)
def test_routes_lead_forward_newest_first(held: int, sizes: dict[int, tuple[int, int]]) -> None:
    found = routes(held, {version: Offer(b"", *size) for version, size in sizes.items()})
    versions = [route.version for route in found]
    assert versions == sorted(versions, reverse=True)
    assert set(versions) == {version for version in sizes if version > held}
    for route in found:
        if route.deltas:
            assert all(link in sizes for link in range(held + 1, route.version + 1))
