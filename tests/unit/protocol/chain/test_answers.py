"""Whatever an endpoint answers is what was asked for, or the endpoint's failure: never another exception."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cupel.protocol.chain.answers import Block, Mined, RawLog, block_of, logs_of, mined_of, octets, quantity
from cupel.protocol.chain.errors import ChainUnavailable

HASH, OTHER = b"\1" * 32, b"\2" * 32
ADDRESS = "0x00000000000000000000000000000000000000AB"
PARENT = bytes([9]) * 32
BLOCK = {
    "number": "0x5",
    "hash": "0x" + HASH.hex(),
    "parentHash": "0x" + PARENT.hex(),
    "timestamp": "0x64",
    "baseFeePerGas": "0x7",
}
RECEIPT = {
    "transactionHash": "0x" + HASH.hex(),
    "status": "0x1",
    "gasUsed": "0x5208",
    "blockNumber": "0x5",
    "contractAddress": None,
}
LOG = {
    "address": ADDRESS.lower(),
    "topics": ["0x" + HASH.hex()],
    "data": "0x00ff",
    "blockNumber": "0x5",
    "blockHash": "0x" + HASH.hex(),
    "transactionHash": "0x" + OTHER.hex(),
    "logIndex": "0x2",
}
READ = RawLog(ADDRESS, (HASH,), b"\0\xff", 5, HASH, OTHER, 2)

words = st.sampled_from(
    ["", "0x", "0x1", "0x" + "11" * 32, "0x" + "11" * 20, "0x-1", "0x1_0", "-0x1", "0x" + "f" * 65]
)
names = st.sampled_from([*BLOCK, *RECEIPT, *LOG])
shapes = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4),
    max_leaves=8,
)


def test_good_answers_are_read() -> None:
    assert (quantity("0x0"), quantity("0x" + "f" * 64)) == (0, 2**256 - 1)
    assert (octets("0x"), octets("0xaa00", 2)) == (b"", b"\xaa\0")
    assert block_of(BLOCK) == Block(5, HASH, PARENT, 100, 7)
    assert block_of(None) is None
    assert mined_of(RECEIPT, HASH) == Mined(HASH, True, 21_000, 5, None)
    assert mined_of(RECEIPT | {"contractAddress": ADDRESS.lower()}, HASH) == Mined(
        HASH, True, 21_000, 5, ADDRESS
    )
    assert mined_of(RECEIPT | {"blockNumber": None}, HASH) is None
    assert logs_of([LOG], ADDRESS) == (READ,)


def test_logs_are_in_order_and_there_once() -> None:
    earlier, removed = LOG | {"logIndex": "0x1"}, LOG | {"logIndex": "0x0", "removed": True}
    assert [log.log_index for log in logs_of([LOG, earlier, removed, LOG, earlier], ADDRESS)] == [1, 2]


@pytest.mark.parametrize(
    "logs",
    [
        None,
        "0x",
        [None],
        [LOG | {"address": "0x" + "cd" * 20}],
        [LOG, LOG | {"data": "0x01"}],
        [LOG | {"topics": ["0x" + HASH.hex()] * 5}],
        [LOG | {"topics": "0x"}],
        [{key: value for key, value in LOG.items() if key != "blockHash"}],
    ],
)
def test_other_logs_are_refused(logs: Any) -> None:
    with pytest.raises(ChainUnavailable):
        logs_of(logs, ADDRESS)


def test_the_receipt_of_another_transaction_is_none() -> None:
    with pytest.raises(ChainUnavailable):
        mined_of(RECEIPT, OTHER)


@given(shapes)
def test_nothing_that_an_endpoint_answers_breaks_the_reader(answer: Any) -> None:
    for read in (
        quantity,
        octets,
        block_of,
        lambda one: mined_of(one, HASH),
        lambda one: logs_of(one, ADDRESS),
        lambda one: logs_of([one], ADDRESS),
    ):
        try:
            read(answer)
        except ChainUnavailable:
            continue


@given(st.sampled_from(sorted(LOG)), shapes)
def test_a_log_with_one_wrong_field_is_refused_or_read(name: str, value: Any) -> None:
    try:
        logs_of([LOG | {name: value}], ADDRESS)
    except ChainUnavailable:
        return
