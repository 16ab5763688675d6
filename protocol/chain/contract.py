"""What the generated bindings stand on: prepared calls, events, and exact ABI encoding."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Generic, Protocol, Self, TypeVar

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError
from eth_utils.address import is_address, to_checksum_address

Result = TypeVar("Result")
ZERO_ADDRESS: Final = "0x" + 40 * "0"
AnyEvent = TypeVar("AnyEvent", bound="Event", covariant=True)


class Reader(Protocol):
    """Reads contract state; `ChainClient` is one."""

    async def call(self, to: str, data: bytes) -> bytes:
        """What a call to `to` with `data` returns now. Raises ContractError if it reverts."""
        ...


@dataclass(frozen=True, slots=True)
class Call(Generic[Result]):
    """A state change that is ready to send: `ChainClient.send` does it, `ChainClient.simulate` only tries it."""

    to: str
    data: bytes
    name: str
    """Contract and function, for messages."""
    decode_result: Callable[[bytes], Result]
    """Reads what the function returns, which only a simulation sees."""
    value: int = 0
    """Wei that go along."""


@dataclass(frozen=True, slots=True)
class Event:
    """Base of the generated events: one frozen class per Solidity event."""

    TOPIC: ClassVar[bytes]
    """keccak-256 of the signature: topic 0."""
    INDEXED: ClassVar[tuple[str, ...]]
    """ABI types of topics 1 to 3."""
    DATA: ClassVar[tuple[str, ...]]
    """ABI types of the data."""

    @classmethod
    def from_abi(cls, indexed: tuple[Any, ...], data: tuple[Any, ...]) -> Self:
        """The event with these ABI-decoded fields."""
        raise NotImplementedError

    @classmethod
    def decode(cls, topics: Sequence[bytes], data: bytes) -> Self:
        """The event of a log. ValueError if the log is not one of this event."""
        if len(topics) != 1 + len(cls.INDEXED) or topics[0] != cls.TOPIC:
            raise ValueError(f"the log is no {cls.__name__}")
        indexed = tuple(decode([kind], topic)[0] for kind, topic in zip(cls.INDEXED, topics[1:], strict=True))
        return cls.from_abi(indexed, decode(cls.DATA, data))


@dataclass(frozen=True, slots=True)
class Logged(Generic[AnyEvent]):
    """An event and where in the chain it is."""

    event: AnyEvent
    address: str
    block_number: int
    block_hash: bytes
    transaction_hash: bytes
    log_index: int


class Contract:
    """Base of the generated contracts: an address and a way to read it."""

    NAME: ClassVar[str]
    EVENTS: ClassVar[dict[bytes, type[Event]]]
    """Every event of the contract by topic 0."""

    def __init__(self, reader: Reader, address: str) -> None:
        self.address = checksum(address)
        self._reader = reader

    async def _read(
        self, selector: str, inputs: Sequence[str], values: Sequence[Any], outputs: Sequence[str]
    ) -> tuple[Any, ...]:
        returned = await self._reader.call(self.address, bytes.fromhex(selector) + encode(inputs, values))
        return decode_values(outputs, returned)

    def _prepare(
        self,
        name: str,
        selector: str,
        inputs: Sequence[str],
        values: Sequence[Any],
        decode_result: Callable[[bytes], Result],
        value: int = 0,
    ) -> Call[Result]:
        data = bytes.fromhex(selector) + encode(inputs, values)
        return Call(self.address, data, f"{self.NAME}.{name}", decode_result, value)


def decode_values(outputs: Sequence[str], data: bytes) -> tuple[Any, ...]:
    """ABI decoding of what a function returned. ValueError if the data has another shape."""
    try:
        return decode(outputs, data)
    except DecodingError as error:
        raise ValueError(f"({', '.join(outputs)}) expected: {error}") from None


def no_result(data: bytes) -> None:
    """Reads the result of a function that returns nothing."""


@functools.lru_cache(16_384)
def checksum(address: str) -> str:
    """The checksum form of an address, one text for all events of an account. ValueError if it is none."""
    if not is_address(address):
        raise ValueError(f"not an address: {address!r}")
    return str(to_checksum_address(address))


def fixed_bytes(value: bytes, size: int) -> bytes:
    """`value`, after a check of its length: the ABI codec would pad a short one in silence."""
    if len(value) != size:
        raise ValueError(f"{size} bytes expected, not {len(value)}")
    return value
