"""How often one address may ask."""

import pytest

from cupel.protocol.network import rate_limit
from cupel.protocol.network.rate_limit import RateLimit


def test_each_address_has_its_own_bucket() -> None:
    limit = RateLimit(per_second=1.0, burst=2.0)
    assert [limit.ask("a", 0.0) for _ in range(3)] == [0.0, 0.0, 1.0]
    assert limit.ask("b", 0.0) == 0.0
    assert limit.ask("a", 1.0) == 0.0


def test_memory_is_bounded_and_the_longest_silent_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limit, "MAX_ADDRESSES", 2)
    limit = RateLimit(per_second=1.0, burst=1.0)
    assert [limit.ask(address, 0.0) for address in ("a", "b", "b", "c")] == [0.0, 0.0, 1.0, 0.0]
    assert limit.ask("b", 0.0) == 1.0
    assert limit.ask("a", 0.0) == 0.0
