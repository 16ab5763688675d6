"""Getting a transaction mined: once, whatever the endpoint and the fee market do.

A transaction has the lowest nonce that no block has used, so an account has no gaps. While it is not mined it is sent
again, every time at a higher fee up to the cap: all these have one nonce, so one of them is mined at most. Who calls
again after TransactionTimeout looks at the chain first, for the earlier one may still have been mined.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from cupel.protocol.chain.answers import Mined, block_of, mined_of, quantity
from cupel.protocol.chain.errors import (
    ChainError,
    ChainUnavailable,
    TransactionReplaced,
    TransactionTimeout,
)
from cupel.protocol.chain.fees import Fees, offer, outbid
from cupel.protocol.chain.rpc import Refusal
from cupel.protocol.chain.signing import AnyAccount, RemoteAccount

Request = Callable[[str, Sequence[Any]], Awaitable[Any]]

# State may change between estimate and inclusion: a first use of a storage slot costs 22,100 gas more.
GAS_MARGIN_NUMERATOR: Final = 13
GAS_MARGIN_DENOMINATOR: Final = 10
RECEIPT_POLL_SECONDS: Final = 0.2
REPLACE_SECONDS: Final = 15.0
"""A transaction that is not mined by then is sent again at a higher fee; at least one block of any chain."""
LOOKS_PER_COUNT: Final = 5
MIN_UNSEEN: Final = 3
MAX_BIDS: Final = 40
"""Raises that a replacement may take: a quarter each, 7,500 times the first offer."""
_KNOWN_TEXTS: Final = ("already known", "already imported", "known transaction")
_LOW_BID_TEXTS: Final = ("underpriced", "fee too low", "less than block base fee", "fee cap")
_USED_NONCE_TEXTS: Final = ("nonce too low", "nonce is too low", "already used")


@dataclass(slots=True)
class _Pending:
    """A nonce, and every transaction that was signed for it."""

    name: str
    transaction: dict[str, Any]
    fees: Fees
    hashes: list[bytes] = field(default_factory=list)
    raw: bytes = b""
    num_unseen: int = 0
    """Times that the nonce was used and none of ours had a receipt."""


class Sender:
    """Sends one account's transactions, one after the other."""

    def __init__(self, request: Request, account: AnyAccount, chain_id: int, max_fee: int | None) -> None:
        """max_fee: cap in wei a gas; None for none."""
        self._request = request
        self._account = account
        self._chain_id = chain_id
        self._max_fee = max_fee
        self._one_at_a_time = asyncio.Lock()

    async def send(self, name: str, call: dict[str, str], deadline_seconds: float) -> Mined:
        """Sign, send and wait until mined; `call` as `eth_call` takes it. The receipt may tell of a revert.

        Errors of the request's own from the estimate; FeeTooHigh; TransactionTimeout, and TransactionReplaced if
        another program used the nonce.
        """
        loop = asyncio.get_running_loop()
        async with self._one_at_a_time:
            deadline = loop.time() + deadline_seconds
            nonce = await self._free_nonce(deadline)
            gas = quantity(await self._request("eth_estimateGas", [call]))
            transaction: dict[str, Any] = {
                "type": 2,
                "chainId": self._chain_id,
                "nonce": nonce,
                "gas": gas * GAS_MARGIN_NUMERATOR // GAS_MARGIN_DENOMINATOR,
                "value": int(call["value"], 16),
                "data": call["data"],
            }
            if "to" in call:
                transaction["to"] = call["to"]
            pending = _Pending(name, transaction, offer(await self._base_fee(), self._max_fee))
            await self._bid(pending)
            if isinstance(self._account, RemoteAccount):  # whoever approves it may take longer than any block
                deadline = loop.time() + deadline_seconds
            return await self._until_mined(pending, deadline, deadline_seconds)

    async def _free_nonce(self, deadline: float) -> int:
        """The lowest nonce that no block has used, once nothing of ours is under way.

        What an earlier process sent, or another program with this key, has its time to be mined; then it is outbid.
        """
        loop = asyncio.get_running_loop()
        patience = min(deadline, loop.time() + REPLACE_SECONDS)
        while True:
            used, under_way = await self._count("latest"), await self._count("pending")
            if under_way <= used or loop.time() >= patience:
                return used
            await asyncio.sleep(RECEIPT_POLL_SECONDS)

    async def _bid(self, pending: _Pending) -> None:
        """Sign and send; higher, as long as somebody else's offer for this nonce is better."""
        for _ in range(MAX_BIDS):
            try:
                await self._submit(pending)
                return
            except Refusal as error:
                text = error.message.lower()
                if any(known in text for known in _USED_NONCE_TEXTS):
                    if not pending.hashes:
                        raise TransactionReplaced(pending.name, b"") from error
                    return  # whether by one of ours is seen when its receipt is looked for
                higher = outbid(pending.fees, await self._base_fee(), self._max_fee)
                if higher is None or not any(low in text for low in _LOW_BID_TEXTS):
                    raise
                pending.fees = higher
        raise ChainError(f"{pending.name}: every offer was refused as too low")

    async def _submit(self, pending: _Pending) -> None:
        fees = {"maxFeePerGas": pending.fees.max_fee, "maxPriorityFeePerGas": pending.fees.tip}
        if isinstance(self._account, RemoteAccount):
            pending.hashes.append(await self._sent_elsewhere(self._account, pending.transaction | fees))
            return
        signed = self._account.sign_transaction(pending.transaction | fees)
        transaction_hash, pending.raw = bytes(signed.hash), bytes(signed.raw_transaction)
        if transaction_hash not in pending.hashes:
            pending.hashes.append(transaction_hash)
        await self._broadcast(pending)

    async def _sent_elsewhere(self, account: RemoteAccount, transaction: dict[str, Any]) -> bytes:
        """The hash of what a signer sent. ChainUnavailable if it had sent it before, and the answer was lost."""
        try:
            return await account.send_transaction(transaction)
        except Refusal as error:
            if any(known in error.message.lower() for known in _KNOWN_TEXTS):
                raise ChainUnavailable(f"what {account.url} signed before is not mined yet") from error
            raise

    async def _broadcast(self, pending: _Pending) -> None:
        try:
            # It may have arrived although no answer did: its receipt tells.
            with contextlib.suppress(ChainUnavailable):
                await self._request("eth_sendRawTransaction", ["0x" + pending.raw.hex()])
        except Refusal as error:
            if not any(known in error.message.lower() for known in _KNOWN_TEXTS):
                raise

    async def _until_mined(self, pending: _Pending, deadline: float, deadline_seconds: float) -> Mined:
        loop = asyncio.get_running_loop()
        next_bid = loop.time() + REPLACE_SECONDS
        for look in itertools.count(1):
            # An outage now must not hide what became of a transaction that is out.
            with contextlib.suppress(ChainUnavailable):
                mined = await self._look(pending, counts=look % LOOKS_PER_COUNT == 0)
                if mined is not None:
                    return mined
            if loop.time() >= deadline:
                break
            if loop.time() >= next_bid:
                next_bid += REPLACE_SECONDS
                with contextlib.suppress(ChainUnavailable, Refusal):
                    await self._again(pending)
            await asyncio.sleep(RECEIPT_POLL_SECONDS)
        raise TransactionTimeout(pending.name, pending.hashes[-1], deadline_seconds)

    async def _look(self, pending: _Pending, counts: bool) -> Mined | None:
        """The receipt of any of the transactions. counts: whether to see if the nonce is used; TransactionReplaced."""
        used = await self._count("latest") if counts else 0
        for transaction_hash in pending.hashes:
            asked = ["0x" + transaction_hash.hex()]
            mined = mined_of(await self._request("eth_getTransactionReceipt", asked), transaction_hash)
            if mined is not None:
                return mined
        # The count was read before: one of ours would have its receipt, if not every time on an endpoint that is many.
        pending.num_unseen += counts and used > pending.transaction["nonce"]
        if pending.num_unseen >= MIN_UNSEEN:
            raise TransactionReplaced(pending.name, pending.hashes[-1])
        return None

    async def _again(self, pending: _Pending) -> None:
        """Offer more; where the cap forbids it, at least see that it was not forgotten.

        An external signer is asked once: it would take a second question for a second payment.
        """
        if isinstance(self._account, RemoteAccount):
            return
        higher = outbid(pending.fees, await self._base_fee(), self._max_fee)
        if higher is None:
            await self._broadcast(pending)
        else:
            pending.fees = higher
            await self._bid(pending)

    async def _base_fee(self) -> int:
        block = block_of(await self._request("eth_getBlockByNumber", ["latest", False]))
        if block is None:
            raise ChainUnavailable("the endpoint knows no newest block")
        return block.base_fee

    async def _count(self, tag: str) -> int:
        return quantity(await self._request("eth_getTransactionCount", [self._account.address, tag]))
