"""Revert data becomes the exception it stands for, whatever a hostile contract sends."""

from __future__ import annotations

import pytest
from eth_abi.abi import encode
from hypothesis import given
from hypothesis import strategies as st

from cupel.protocol.chain.bindings.errors import KNOWN, ERC20InsufficientBalance
from cupel.protocol.chain.errors import (
    ChainError,
    ContractError,
    Panicked,
    Reverted,
    UnknownRevert,
    decode_contract_error,
)
from cupel.protocol.config import EnvironmentProblem

ADDRESS = "0x00000000000000000000000000000000DeaDBeef"


def test_texts_and_panics_are_known_without_bindings() -> None:
    assert decode_contract_error(Reverted.SELECTOR + encode(["string"], ["no"]), {}) == Reverted("no")
    assert decode_contract_error(Panicked.SELECTOR + encode(["uint256"], [17]), {}) == Panicked(17)


def test_custom_errors_come_from_the_bindings() -> None:
    data = ERC20InsufficientBalance.SELECTOR + encode(["address", "uint256", "uint256"], [ADDRESS, 1, 2])
    assert decode_contract_error(data, KNOWN) == ERC20InsufficientBalance(ADDRESS, 1, 2)
    assert decode_contract_error(data, {}) == UnknownRevert(data)


@pytest.mark.parametrize("data", [b"", b"\x08", Reverted.SELECTOR, Reverted.SELECTOR + b"\xff" * 64])
def test_broken_data_is_an_unknown_revert(data: bytes) -> None:
    assert decode_contract_error(data, KNOWN) == UnknownRevert(data)


@given(st.sampled_from([Reverted.SELECTOR, Panicked.SELECTOR, *KNOWN]), st.binary(max_size=200))
def test_no_data_escapes_as_another_exception(selector: bytes, rest: bytes) -> None:
    error = decode_contract_error(selector + rest, KNOWN)
    assert isinstance(error, ContractError)
    assert str(error)


def test_contract_errors_are_chain_errors_and_environment_problems() -> None:
    assert issubclass(ContractError, ChainError)
    assert issubclass(ChainError, EnvironmentProblem)
    assert len(KNOWN) == len({kind.__name__ for kind in KNOWN.values()})
