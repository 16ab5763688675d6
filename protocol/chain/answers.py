"""Reading what an endpoint answered: the exact shape that was asked for, or ChainUnavailable.

An endpoint may be broken or hostile. Nothing that it sends may end a process, or be taken for something else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from cupel.protocol.chain.contract import checksum
from cupel.protocol.chain.errors import ChainUnavailable

_MAX_QUANTITY_DIGITS: Final = 64
"""Hex digits of a uint256."""
_HEX: Final = re.compile("0x[0-9a-fA-F]*")


@dataclass(frozen=True, slots=True)
class Block:
    """What is needed of a block's header."""

    number: int
    hash: bytes
    parent: bytes
    """Hash of the block before."""
    timestamp: int
    """Unix seconds."""
    base_fee: int
    """Wei a gas."""


@dataclass(frozen=True, slots=True)
class Mined:
    """What is needed of a receipt."""

    transaction_hash: bytes
    succeeded: bool
    gas_used: int
    block_number: int
    contract_address: str | None


@dataclass(frozen=True, slots=True)
class RawLog:
    """A log as it is in the chain."""

    address: str
    topics: tuple[bytes, ...]
    data: bytes
    block_number: int
    block_hash: bytes
    transaction_hash: bytes
    log_index: int


def quantity(answer: Any) -> int:
    """A number of at most 256 bits."""
    if not _is_hex(answer) or not 2 < len(answer) <= 2 + _MAX_QUANTITY_DIGITS:
        raise _nonsense("a number", answer)
    return int(answer, 16)


def octets(answer: Any, size: int | None = None) -> bytes:
    """A byte string; of `size` bytes, if given."""
    if not _is_hex(answer) or len(answer) % 2 or (size is not None and len(answer) != 2 + 2 * size):
        raise _nonsense("bytes" if size is None else f"{size} bytes", answer)
    return bytes.fromhex(answer[2:])


def block_of(answer: Any) -> Block | None:
    """A block's header; None if there is no such block."""
    if answer is None:
        return None
    fields = _fields("a block", answer)
    return Block(
        quantity(fields.get("number")),
        octets(fields.get("hash"), 32),
        octets(fields.get("parentHash"), 32),
        quantity(fields.get("timestamp")),
        quantity(fields.get("baseFeePerGas", "0x0")),
    )


def mined_of(answer: Any, transaction_hash: bytes) -> Mined | None:
    """The receipt of this transaction; None as long as it is not in a block."""
    if answer is None:
        return None
    fields = _fields("a receipt", answer)
    if fields.get("blockNumber") is None:
        return None
    address = fields.get("contractAddress")
    if octets(fields.get("transactionHash"), 32) != transaction_hash:
        raise _nonsense("the receipt asked for", fields.get("transactionHash"))
    return Mined(
        transaction_hash,
        quantity(fields.get("status")) == 1,
        quantity(fields.get("gasUsed")),
        quantity(fields.get("blockNumber")),
        None if address is None else _address(address),
    )


def logs_of(answer: Any, address: str) -> tuple[RawLog, ...]:
    """Logs of the contract at `address`, in chain order, each once. Logs that a reorganisation removed are left out."""
    if not isinstance(answer, list):
        raise _nonsense("a list of logs", answer)
    found: dict[tuple[int, int], RawLog] = {}
    for entry in answer:
        if _fields("a log", entry).get("removed") is True:
            continue
        log = _log(entry)
        if log.address != address or found.setdefault((log.block_number, log.log_index), log) != log:
            raise _nonsense(f"logs of {address}", entry)
    return tuple(found[place] for place in sorted(found))


def _log(entry: Any) -> RawLog:
    topics = entry.get("topics")
    if not isinstance(topics, list) or len(topics) > 4:
        raise _nonsense("a log's topics", topics)
    return RawLog(
        _address(entry.get("address")),
        tuple(octets(topic, 32) for topic in topics),
        octets(entry.get("data")),
        quantity(entry.get("blockNumber")),
        octets(entry.get("blockHash"), 32),
        octets(entry.get("transactionHash"), 32),
        quantity(entry.get("logIndex")),
    )


def _address(answer: Any) -> str:
    octets(answer, 20)
    return checksum(answer.lower())


def _fields(what: str, answer: Any) -> dict[str, Any]:
    if not isinstance(answer, dict):
        raise _nonsense(what, answer)
    return answer


def _is_hex(answer: Any) -> bool:
    # int() and fromhex() also take signs, underscores and spaces.
    return isinstance(answer, str) and _HEX.fullmatch(answer) is not None


def _nonsense(expected: str, answer: Any) -> ChainUnavailable:
    return ChainUnavailable(f"the endpoint answered {str(answer)[:60]!r} where {expected} was asked for")
