"""What can go wrong between us and the chain.

ChainError                  the port's error
|- ChainUnavailable         the RPC endpoint does not answer or answers nonsense: retry later
|  |- RateLimited           it takes no more requests for now
|  |- EndpointBehind        it knows less of the chain than was known before
|  |- EndpointsDisagree     another endpoint tells something else
|  |- EventsMissing         an event refers to one that was never told
|  `- FeeTooHigh            gas costs more than the operator's cap
|- TransactionTimeout       sent, but not mined by the deadline; it may still be
|  `- TransactionReplaced   another transaction of the same account took its place
|- TransactionFailed        mined and reverted, and a replay does not tell why
`- ContractError            a contract refuses; the generated bindings derive one class from it per custom error
   |- Reverted              Error(string): `require` with a text
   |- Panicked              Panic(uint256): an assertion, overflow or bad index in a contract
   `- UnknownRevert         revert data that no binding knows, perhaps empty
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError

from cupel.protocol.config import ConfigError, EnvironmentProblem


class ChainError(EnvironmentProblem):
    """The chain did not do what was asked."""


class ChainUnavailable(ChainError):
    """The RPC endpoint does not answer, or not with an answer."""


class RateLimited(ChainUnavailable):
    """The endpoint takes no more requests for now."""


class EndpointBehind(ChainUnavailable):
    """The endpoint does not know a block that was known before, and its own head is lower."""


class EndpointsDisagree(ChainUnavailable):
    """Two endpoints tell different things of one block: one of them errs, or lies."""


class EventsMissing(ChainUnavailable):
    """An event refers to one that the endpoint never told of."""


class FeeTooHigh(ChainUnavailable):
    """The chain's fee is above the cap. To wait is right: fees fall again, or the operator raises the cap."""


class NoGasMoney(ConfigError):
    """The account cannot pay for gas."""


class TransactionTimeout(ChainError):
    """A transaction was sent and not mined by the deadline."""

    def __init__(self, name: str, transaction_hash: bytes, seconds: float) -> None:
        super().__init__(f"{name}: transaction 0x{transaction_hash.hex()} not mined within {seconds:g} s")
        self.transaction_hash = transaction_hash


class TransactionReplaced(TransactionTimeout):
    """Another transaction of this account has its nonce: it will never be mined."""

    def __init__(self, name: str, transaction_hash: bytes) -> None:
        ChainError.__init__(
            self, f"{name}: another transaction of this account took the place of 0x{transaction_hash.hex()}"
        )
        self.transaction_hash = transaction_hash


class TransactionFailed(ChainError):
    """A mined transaction reverted for a reason that a replay does not show (out of gas, or state since changed)."""

    def __init__(self, name: str, transaction_hash: bytes) -> None:
        super().__init__(f"{name}: transaction 0x{transaction_hash.hex()} reverted")
        self.transaction_hash = transaction_hash


@dataclass(unsafe_hash=True)
class ContractError(ChainError):
    """A contract's refusal; the fields are the custom error's."""

    SELECTOR: ClassVar[bytes] = b""
    TYPES: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def from_abi(cls, values: tuple[Any, ...]) -> Self:
        """The error with these ABI-decoded fields."""
        return cls(*values)

    def __str__(self) -> str:
        shown = (f"{field.name}={_shown(getattr(self, field.name))}" for field in dataclasses.fields(self))
        return f"{type(self).__name__}({', '.join(shown)})"


@dataclass(unsafe_hash=True)
class Reverted(ContractError):
    """A contract refused with a text."""

    SELECTOR: ClassVar[bytes] = bytes.fromhex("08c379a0")
    TYPES: ClassVar[tuple[str, ...]] = ("string",)
    message: str


@dataclass(unsafe_hash=True)
class Panicked(ContractError):
    """A contract broke: an assertion (1), an overflow (17), a division by zero (18), a bad index (50)."""

    SELECTOR: ClassVar[bytes] = bytes.fromhex("4e487b71")
    TYPES: ClassVar[tuple[str, ...]] = ("uint256",)
    code: int


@dataclass(unsafe_hash=True)
class UnknownRevert(ContractError):
    """Revert data that no binding knows."""

    data: bytes


def decode_contract_error(data: bytes, known: dict[bytes, type[ContractError]]) -> ContractError:
    """The exception that revert data stands for; UnknownRevert if no class in `known` has its selector and shape."""
    general: dict[bytes, type[ContractError]] = {Reverted.SELECTOR: Reverted, Panicked.SELECTOR: Panicked}
    kind = (general | known).get(data[:4])
    if kind is None:
        return UnknownRevert(data)
    try:
        return kind.from_abi(decode(kind.TYPES, data[4:]))
    except (DecodingError, ValueError, OverflowError):  # a hostile contract may revert with anything
        return UnknownRevert(data)


def _shown(value: object) -> str:
    if isinstance(value, bytes):
        return f"0x{value.hex()}"
    return str(value)
