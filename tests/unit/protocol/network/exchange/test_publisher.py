"""Who is shown what: different leaves to different peers, and nobody who holds back delays the others."""

import random

from cupel.protocol.network.exchange.masks import full
from cupel.protocol.network.exchange.publisher import Publisher


def test_peers_are_shown_different_leaves_first() -> None:
    publisher, draw = Publisher(8), random.Random(1)
    shown = [publisher.show(f"peer {number}", 0, 1, 0.0, draw) for number in range(8)]
    assert all(mask.bit_count() == 1 for mask in shown)
    assert sum(shown) == full(8)


def test_liars_that_claim_every_leaf_delay_nobody() -> None:
    publisher, draw, holdings, now = Publisher(16), random.Random(1), 0, 0.0
    while holdings != full(16):
        assert now < 10.0
        publisher.show("liar", full(16), 1, now, draw)
        holdings |= publisher.show("honest", holdings, 1, now, draw)
        now += 0.1
