"""What a download asks of the network, as functions: the engine knows no sockets."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from cupel.protocol.network.outcome import NotDelivered, Outcome
from cupel.protocol.spec.shardcast.cid import BytesLike, Cid


class AskMany(Protocol):
    """One request to one peer of ours for many blocks."""

    async def __call__(
        self,
        url: str,
        cids: Sequence[Cid],
        keep: Callable[[BytesLike, Cid], None],
        arrived: Callable[[int, NotDelivered | None], None],
    ) -> NotDelivered | None:
        """See `Requests.blocks`."""
        ...


class AskBlock(Protocol):
    """One request to one server, without any policy."""

    async def __call__(
        self, url: str, cid: Cid, max_bytes: int, keep: Callable[[BytesLike, Cid], None] | None = None
    ) -> Outcome:
        """See `Requests.block`."""
        ...


Post = Callable[[str, str, bytes, int], Awaitable[tuple[int, bytes] | None]]
"""Server, path, body, most bytes of the answer: its status and body, or None if the server fails."""


@dataclass(frozen=True, slots=True)
class Wire:
    """How requests and messages leave this process."""

    ask: AskBlock
    ask_many: AskMany
    post: Post
