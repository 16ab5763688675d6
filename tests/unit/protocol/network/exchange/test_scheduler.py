"""One download's decisions: every leaf is asked for once, of those who hold it, until it is here."""

import random

from hypothesis import given
from hypothesis import strategies as st

from cupel.protocol.network.exchange.masks import Tally, full, mask_of
from cupel.protocol.network.exchange.peer import MAX_GATEWAY_WINDOW, MAX_WINDOW
from cupel.protocol.network.exchange.scheduler import Scheduler
from cupel.protocol.network.outcome import NotDelivered
from cupel.protocol.network.sources import Source
from cupel.protocol.spec.errors import Reason

MIB = 1 << 20
HONEST = "http://10.0.0.1:1"


def leaves_of(mask: int) -> set[int]:
    return {leaf for leaf in range(mask.bit_length()) if mask >> leaf & 1}


@given(st.lists(st.sets(st.integers(0, 40)), max_size=9), st.sets(st.integers(0, 40), min_size=1))
def test_a_tally_counts_like_a_dictionary(sets: list[set[int]], candidates: set[int]) -> None:
    tally = Tally()
    for leaves in sets:
        tally.add(mask_of(leaves))
    counts = {leaf: sum(leaf in leaves for leaves in sets) for leaf in candidates}
    fewest = {leaf for leaf in candidates if counts[leaf] == min(counts.values())}
    assert leaves_of(tally.rarest(mask_of(candidates))) == fewest


@given(st.integers(0, 2**32), st.integers(1, 40))
def test_an_honest_holder_is_enough_and_a_liar_costs_one_block(seed: int, num_leaves: int) -> None:
    draw, now = random.Random(seed), 0.0
    scheduler = Scheduler([MIB] * num_leaves, 0)
    urls = [HONEST, *(f"http://10.0.0.{number}:1" for number in range(2, 6))]
    for url in urls:
        assert scheduler.meet(url, now, given=True)
        scheduler.heard(url, full(num_leaves), now)
    lies: dict[str, int] = {}
    running = []
    for _ in range(100 * num_leaves + 1000):
        if scheduler.complete:
            break
        asks = scheduler.asks(now, draw)
        assert not {ask.url for ask in asks} & set(scheduler.banned)
        running += asks
        leaves = [ask.leaf for ask in running]
        assert len(leaves) - len(set(leaves)) <= 8
        now += 0.1
        if running:
            ask = running.pop(draw.randrange(len(running)))
            if ask.url == HONEST:
                gone = scheduler.received(ask.url, ask.leaf, now)
                running = [other for other in running if other not in gone]
                scheduler.stored(ask.leaf)
            elif ask.url not in scheduler.banned:
                lies[ask.url] = lies.get(ask.url, 0) + 1
                scheduler.not_delivered(ask.url, ask.leaf, NotDelivered.LIED, now)
        gone = scheduler.overdue(now)
        running = [ask for ask in running if ask not in gone and ask.url not in scheduler.banned]
    assert scheduler.complete
    assert all(count == 1 for count in lies.values())
    assert {rejected.reason for rejected in scheduler.banned.values()} <= {Reason.BLOCK_HASH}


def test_a_fast_peer_is_asked_for_several_leaves_together_and_a_gateway_for_fewer() -> None:
    fast = Source(updated=0.0, goodput=500e6)
    for holdings, most in ((full(100), MAX_WINDOW), (None, MAX_GATEWAY_WINDOW)):
        scheduler = Scheduler([MIB] * 100, 0, {HONEST: fast})
        scheduler.meet(HONEST, 0.0)
        scheduler.heard(HONEST, holdings, 0.0)
        assert scheduler.speaks(HONEST) is (holdings is not None)
        first = scheduler.asks(0.0, random.Random(1))
        assert len(first) == 1  # nothing is known of it yet
        scheduler.received(HONEST, first[0].leaf, 0.01)
        together = scheduler.asks(0.01, random.Random(1))
        assert len(together) == most
        for done in together[: most // 2 - 1]:
            scheduler.received(HONEST, done.leaf, 0.02)
        assert scheduler.asks(0.02, random.Random(1)) == []
        scheduler.received(HONEST, together[most // 2 - 1].leaf, 0.02)
        assert len(scheduler.asks(0.02, random.Random(1))) == most // 2


def test_what_is_given_up_is_free_again_and_nobodys_fault() -> None:
    known = {HONEST: Source(updated=0.0)}
    scheduler = Scheduler([MIB], 0, known)
    scheduler.meet(HONEST, 0.0)
    scheduler.heard(HONEST, 1, 0.0)
    (ask,) = scheduler.asks(0.0, random.Random(1))
    assert scheduler.is_asked(ask)
    scheduler.give_up(ask)
    scheduler.give_up(ask)
    assert not scheduler.is_asked(ask)
    assert known[HONEST].success == 1.0
    assert [again.leaf for again in scheduler.asks(0.0, random.Random(1))] == [0]
