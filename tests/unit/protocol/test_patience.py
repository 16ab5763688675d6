"""What may pass is waited out and told once; what will not pass comes out."""

import asyncio
from typing import Any

import pytest

from cupel.protocol import patience
from cupel.protocol.chain.errors import (
    ChainError,
    ChainUnavailable,
    FeeTooHigh,
    NoGasMoney,
    Reverted,
    TransactionFailed,
    TransactionReplaced,
    TransactionTimeout,
)
from cupel.protocol.config import ConfigError
from cupel.protocol.network import BlockUnavailable, LibraryMissing
from cupel.protocol.patience import MOST_REFUSALS, MOST_SECONDS, Patience
from cupel.protocol.spec.shardcast.cid import Cid
from cupel.protocol.storage import StorageError
from cupel.protocol.versions import VersionUnavailable

PASSING = [
    ChainUnavailable("down"),
    FeeTooHigh("dear"),
    TransactionTimeout("commit", b"\1" * 32, 60),
    TransactionReplaced("commit", b"\1" * 32),
    TransactionFailed("commit", b"\1" * 32),
    StorageError("the disk is full", "free some"),
    NoGasMoney("keystore", "empty", "send coins"),
    BlockUnavailable(Cid.raw_of(b""), 20.0, 3),
    VersionUnavailable("no peer serves it"),
]


class Recorder:
    def __init__(self) -> None:
        self.told: list[str] = []

    def emit(self, event: str, **fields: Any) -> None:
        self.told.append(fields["message"])


def attempt(one: Patience, error: Exception | None) -> None:
    with one.attempt():
        if error is not None:
            raise error


@pytest.mark.parametrize("error", PASSING, ids=lambda error: type(error).__name__)
def test_what_may_pass_is_told_once(error: Exception) -> None:
    recorder = Recorder()
    one = Patience(recorder)
    for _ in range(5):
        attempt(one, error)
    assert recorder.told == [str(error)]
    assert one.failing
    attempt(one, None)
    assert not one.failing
    attempt(one, error)
    assert recorder.told == [str(error)] * 2


@pytest.mark.parametrize(
    "error", [ChainError("no"), ConfigError("a", "b", "c"), LibraryMissing("x"), ValueError()]
)
def test_what_will_not_pass_comes_out_at_once(error: Exception) -> None:
    with pytest.raises(type(error)):
        attempt(Patience(Recorder()), error)


def test_a_lost_race_is_no_end_and_a_standing_refusal_is() -> None:
    one = Patience(Recorder())
    for number in range(10):
        attempt(one, Reverted(str(number % 2)))
    one = Patience(Recorder())
    for _ in range(MOST_REFUSALS - 1):
        attempt(one, Reverted("full"))
    with pytest.raises(Reverted):
        attempt(one, Reverted("full"))


def test_who_persists_gets_it_once_it_is_to_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr(patience.asyncio, "sleep", sleep)
    recorder = Recorder()

    async def action() -> str:
        if len(waits) < 3:
            raise VersionUnavailable("no peer serves it: waiting for the creator")
        return "found"

    assert asyncio.run(Patience(recorder).persist(action)) == "found"
    assert (recorder.told, waits) == (["no peer serves it: waiting for the creator"], [0.5, 1.0, 2.0])


def test_waits_grow_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr(patience.asyncio, "sleep", sleep)

    async def scene() -> None:
        one = Patience(Recorder())
        await one.pause()
        for number in range(2000):
            attempt(one, ChainUnavailable(str(number)))
            await one.pause()
        attempt(one, None)
        await one.pause()

    asyncio.run(scene())
    assert waits[:6] == [0.5, 1.0, 2.0, 4.0, MOST_SECONDS, MOST_SECONDS]
    assert len(waits) == 2000
    assert max(waits) == MOST_SECONDS
