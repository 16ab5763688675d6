"""A memory that does not grow: the newest so many of what comes by."""

from __future__ import annotations


class Recent:
    """The digests added last; whoever was longest here makes room."""

    def __init__(self, most: int) -> None:
        """most: how many are remembered."""
        self._most = most
        self._added: dict[bytes, None] = {}

    def __contains__(self, digest: bytes) -> bool:
        return digest in self._added

    def add(self, digest: bytes) -> None:
        """Remember one; one that is here keeps its place."""
        self._added[digest] = None
        if len(self._added) > self._most:
            del self._added[next(iter(self._added))]

    def discard(self, digest: bytes) -> None:
        """Forget one, if it is here."""
        self._added.pop(digest, None)
