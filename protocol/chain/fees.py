"""What a transaction offers for its gas (EIP-1559), and what it takes to outbid an earlier one. Pure; wei a gas."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from cupel.protocol.chain.errors import FeeTooHigh

GWEI: Final = 10**9
TIP: Final = GWEI
# Clients replace a pending transaction if both fees are a tenth higher; some ask for an eighth.
RAISE_NUMERATOR: Final = 5
RAISE_DENOMINATOR: Final = 4


@dataclass(frozen=True, slots=True)
class Fees:
    """What is offered."""

    max_fee: int
    """At most, base fee included."""
    tip: int
    """To who makes the block."""


def offer(base_fee: int, cap: int | None) -> Fees:
    """For the next blocks: twice the base fee, which is then enough for five full blocks.

    cap: highest fee to pay, None for any. FeeTooHigh if the base fee alone is above it.
    """
    if cap is None:
        return Fees(2 * base_fee + TIP, TIP)
    if base_fee >= cap:
        problem = f"gas costs {base_fee / GWEI:.3g} gwei, more than max_fee_gwei allows ({cap / GWEI:.3g})"
        raise FeeTooHigh(f"{problem}; wait, or raise it")
    return Fees(min(2 * base_fee + TIP, cap), min(TIP, cap - base_fee))


def outbid(earlier: Fees, base_fee: int, cap: int | None) -> Fees | None:
    """A quarter more than the earlier offer, or what is offered now if that is higher; None if the cap forbids it."""
    raised = Fees(_raised(earlier.max_fee), _raised(earlier.tip))
    fresh = Fees(2 * base_fee + TIP, TIP)
    wanted = Fees(max(raised.max_fee, fresh.max_fee), max(raised.tip, fresh.tip))
    if cap is not None and wanted.max_fee > cap:
        return Fees(cap, raised.tip) if raised.max_fee <= cap else None
    return wanted


def _raised(fee: int) -> int:
    return fee * RAISE_NUMERATOR // RAISE_DENOMINATOR + 1
