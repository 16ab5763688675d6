"""What a chain shows against what the plan says, one line a fact. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from eth_hash.auto import keccak

from cupel.networks.plan import Argument, Plan, Planned
from cupel.protocol.chain.contract import checksum

PROXY_CODE_HASH: Final = bytes.fromhex("2fa86add0aed31f33a762c9d88e807c475bd51d0f52bd0955754b2608f7e4989")
"""keccak-256 of the deterministic deployment proxy's code."""

INSTRUCTIONS: Final = "PUSH0, TSTORE, TLOAD and MCOPY"
"""Of a chain's virtual machine."""

_ONE_EACH: Final = "one value each"


@dataclass(frozen=True, slots=True)
class Check:
    """One fact: as it should be and as it is."""

    subject: str
    fact: str
    expected: str
    observed: str

    @property
    def passed(self) -> bool:
        """Whether they are equal."""
        return self.expected == self.observed


@dataclass(frozen=True, slots=True)
class Observed:
    """What was read from a chain."""

    chain_id: int
    instructions: str = ""
    """INSTRUCTIONS if the chain has them, or what it says instead."""
    code: Mapping[str, bytes] = field(default_factory=dict)
    """By address; empty where there is no contract."""
    views: Mapping[tuple[str, str], bytes] = field(default_factory=dict)
    """What views return, by address and view; only of contracts whose code is right."""


def compare(plan: Plan, observed: Observed) -> tuple[Check, ...]:
    """Every check. On another chain that is the only one: nothing else there means anything."""
    chain = Check("chain", "id", str(plan.network.chain_id), str(observed.chain_id))
    if not chain.passed:
        return (chain,)
    machine = Check("chain", "instructions", INSTRUCTIONS, observed.instructions)
    proxy = plan.network.proxy
    creator = Check("proxy", "code", _hex(PROXY_CODE_HASH), _hash_of(observed.code.get(proxy, b""), proxy))
    outside = [
        Check(key, "contract", address, address if observed.code.get(address) else _nothing(address))
        for key, address in plan.outside.items()
    ]
    contracts = [check for planned in plan.contracts for check in _compare_contract(plan, planned, observed)]
    return (chain, machine, creator, *outside, *contracts)


def has_right_code(planned: Planned, code: bytes) -> bool:
    """Whether code is the built one, whatever its immutables."""
    return masked(planned, code) == masked(planned, planned.artefact.runtime_code)


def masked(planned: Planned, code: bytes) -> bytes:
    """Code with every immutable set to zero; code of another length unchanged."""
    if len(code) != len(planned.artefact.runtime_code):
        return code
    zeroed = bytearray(code)
    for places in planned.artefact.immutables:
        for start, length in places:
            zeroed[start : start + length] = bytes(length)
    return bytes(zeroed)


def _compare_contract(plan: Plan, planned: Planned, observed: Observed) -> Iterator[Check]:
    if planned.reviewed is not None or plan.network.addresses_required:
        yield Check(planned.name, "address", planned.derived, planned.reviewed or "not in the file")
    code = observed.code.get(planned.address, b"")
    expected = masked(planned, planned.artefact.runtime_code)
    found = _hash_of(masked(planned, code), planned.address)
    yield Check(planned.name, "code", _hex(keccak(expected)), found)
    if not has_right_code(planned, code):
        return
    if planned.artefact.immutables:
        yield Check(planned.name, "immutables", _ONE_EACH, _immutables(planned, code))
    for argument in planned.arguments:
        returned = observed.views.get((planned.address, argument.view), b"")
        yield Check(planned.name, f"{argument.view}()", str(argument.value), _shown(argument, returned))


def _immutables(planned: Planned, code: bytes) -> str:
    """The code holds an immutable once for each use; no constructor can make them differ."""
    for places in planned.artefact.immutables:
        if len({code[start : start + length] for start, length in places}) > 1:
            return f"different values at {', '.join(str(start) for start, _ in places)}"
    return _ONE_EACH


def _shown(argument: Argument, returned: bytes) -> str:
    if len(returned) != 32:
        return _hex(returned) if returned else "no answer"
    if argument.kind == "address" and not any(returned[:12]):
        return checksum(_hex(returned[12:]))
    return str(int.from_bytes(returned, "big"))


def _hash_of(code: bytes, address: str) -> str:
    return _hex(keccak(code)) if code else _nothing(address)


def _nothing(address: str) -> str:
    return f"nothing at {address}"


def _hex(data: bytes) -> str:
    return f"0x{data.hex()}"
