"""Offers for gas: never above the cap, and a raise that every client takes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cupel.protocol.chain.errors import FeeTooHigh
from cupel.protocol.chain.fees import GWEI, TIP, Fees, offer, outbid

fees = st.integers(0, 10_000 * GWEI)
caps = st.none() | st.integers(1, 10_000 * GWEI)


def test_an_offer_is_enough_for_rising_blocks() -> None:
    assert offer(10 * GWEI, None) == Fees(21 * GWEI, TIP)
    assert offer(10 * GWEI, 15 * GWEI) == Fees(15 * GWEI, TIP)
    assert offer(10 * GWEI, 10 * GWEI + 3) == Fees(10 * GWEI + 3, 3)


def test_a_spike_above_the_cap_is_waited_out() -> None:
    with pytest.raises(FeeTooHigh, match=r"gas costs 700 gwei, more than max_fee_gwei allows \(500\)"):
        offer(700 * GWEI, 500 * GWEI)


@given(fees, caps)
def test_an_offer_pays_the_base_fee_and_stays_under_the_cap(base_fee: int, cap: int | None) -> None:
    try:
        made = offer(base_fee, cap)
    except FeeTooHigh:
        assert cap is not None
        assert base_fee >= cap
        return
    assert made.max_fee >= base_fee
    assert 0 <= made.tip <= made.max_fee
    assert cap is None or made.max_fee <= cap


@given(fees, caps, st.lists(fees, max_size=8))
def test_every_raise_is_taken_by_every_client(base_fee: int, cap: int | None, later: list[int]) -> None:
    """geth wants a tenth more of both, others an eighth."""
    try:
        made = offer(base_fee, cap)
    except FeeTooHigh:
        return
    for base in later:
        raised = outbid(made, base, cap)
        if raised is None:
            assert cap is not None
            return
        assert 8 * raised.max_fee >= 9 * made.max_fee
        assert 8 * raised.tip >= 9 * made.tip
        assert raised.tip <= raised.max_fee
        assert cap is None or raised.max_fee <= cap
        made = raised
