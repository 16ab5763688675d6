"""The parsers of what an endpoint of the chain answers, for tools/fuzz_parsers.py."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from eth_abi.abi import encode as abi_encode
from fuzz_form import Form, Target

from cupel.protocol.chain.answers import RawLog, block_of, logs_of, mined_of, octets, quantity
from cupel.protocol.chain.bindings.errors import KNOWN
from cupel.protocol.chain.bindings.hub import Hub
from cupel.protocol.chain.client import _logged
from cupel.protocol.chain.errors import ChainUnavailable, decode_contract_error
from cupel.protocol.spec.task import TASK_PARAMS_ABI
from cupel.protocol.testing.vectors import HUB, NODE, example_params

LOG = {
    "address": NODE,
    "topics": ["0x" + "11" * 32],
    "data": "0x00",
    "blockNumber": "0x5",
    "blockHash": "0x" + "22" * 32,
    "transactionHash": "0x" + "33" * 32,
    "logIndex": "0x0",
}
BLOCK = {
    "number": "0x5",
    "hash": "0x" + "22" * 32,
    "parentHash": "0x" + "21" * 32,
    "timestamp": "0x64",
    "baseFeePerGas": "0x7",
}
RECEIPT = {"transactionHash": "0x" + "01" * 32, "status": "0x1", "gasUsed": "0x5208", "blockNumber": "0x5"}


def targets() -> Mapping[str, Target]:
    """What an endpoint answers."""
    answered = [json.dumps(one).encode() for one in ([LOG], BLOCK, RECEIPT, "0x5")]
    kinds = list(Hub.EVENTS.values())
    events = [
        bytes([number]) + 32 * len(kind.INDEXED) * b"\0" + bytes(32 * 64) for number, kind in enumerate(kinds)
    ]
    events += [
        bytes([number]) + 32 * b"\0" + abi_encode([TASK_PARAMS_ABI], [example_params().as_abi()])
        for number, kind in enumerate(kinds)
        if kind.__name__ == "TaskCreated"
    ]
    errors = [selector + bytes(32 * len(kind.TYPES)) for selector, kind in KNOWN.items()]
    return {
        "chain's answer": Target(_answer, (ChainUnavailable,), answered, Form.JSON),
        "event": Target(_event, (ChainUnavailable,), events),
        "revert": Target(lambda data: decode_contract_error(data, KNOWN), (), errors),
    }


def _answer(data: bytes) -> object:
    try:
        value: Any = json.loads(data)
    except (ValueError, RecursionError):
        raise ChainUnavailable("not JSON") from None
    readers = (
        quantity,
        octets,
        block_of,
        lambda one: mined_of(one, b"\1" * 32),
        lambda one: logs_of(one, NODE),
    )
    refusals = 0
    for read in readers:
        try:
            read(value)
        except ChainUnavailable:
            refusals += 1
    if refusals == len(readers):
        raise ChainUnavailable("nothing that was asked for")
    return value


def _event(data: bytes) -> object:
    kinds = list(Hub.EVENTS.values())
    kind = kinds[data[0] % len(kinds)] if data else kinds[0]
    end = 1 + 32 * len(kind.INDEXED)
    topics = [kind.TOPIC, *(data[at : at + 32] for at in range(1, min(end, len(data)), 32))]
    log = RawLog(HUB, tuple(topics), data[end:], 5, b"\2" * 32, b"\3" * 32, 0)
    return _logged(log, Hub(None, HUB))  # type: ignore[arg-type]  # it reads nothing
