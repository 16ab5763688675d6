"""Going on while the world fails: the chain is away, a disk is full, an account is empty, a contract refuses, no peer
serves what is needed.

A process holds a stake, so it stops for nothing that may pass: it says once what is wrong and tries again, at longer
and longer intervals.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from typing import Final, TypeVar

from cupel.protocol.chain.errors import (
    ChainUnavailable,
    ContractError,
    NoGasMoney,
    TransactionFailed,
    TransactionTimeout,
)
from cupel.protocol.network import NotServed
from cupel.protocol.observe import Observer
from cupel.protocol.storage.port import StorageError

FIRST_SECONDS: Final = 0.5
MOST_SECONDS: Final = 8.0
MOST_DOUBLINGS: Final = 10
MOST_REFUSALS: Final = 3
"""The same refusal of a contract as often in a row is no race that was lost: it will not pass."""

Found = TypeVar("Found")


class Patience:
    """One loop's failures in a row."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._failures = 0
        self._refusals = 0
        self._problem = ""

    @contextlib.contextmanager
    def attempt(self) -> Iterator[None]:
        """Run the block. What may pass is reported, once while it stays the same, and swallowed.

        ContractError comes out if it is met MOST_REFUSALS times in a row; every other exception at once.
        """
        try:
            yield
        except ContractError as error:
            self._refusals = self._refusals + 1 if str(error) == self._problem else 1
            if self._refusals >= MOST_REFUSALS:
                raise
            self._note(error)
        except (
            ChainUnavailable,
            TransactionTimeout,
            TransactionFailed,
            StorageError,
            NoGasMoney,
            NotServed,
        ) as error:
            self._note(error)
        else:
            self._failures, self._refusals, self._problem = 0, 0, ""

    async def persist(self, action: Callable[[], Awaitable[Found]]) -> Found:
        """Attempt it until it succeeds, with pauses."""
        while True:
            with self.attempt():
                return await action()
            await self.pause()

    async def pause(self) -> None:
        """Wait before the next attempt; not at all after one that succeeded."""
        if self._failures:
            doublings = min(self._failures - 1, MOST_DOUBLINGS)
            await asyncio.sleep(min(MOST_SECONDS, FIRST_SECONDS * 2**doublings))

    @property
    def failing(self) -> bool:
        """Whether the last attempt failed."""
        return self._failures > 0

    def _note(self, error: Exception) -> None:
        self._failures += 1
        if str(error) != self._problem:
            self._problem = str(error)
            self._observer.emit("error", message=self._problem)
