"""Transfers as a screen shows them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PeerStatistics:
    """One block server as this process knows it."""

    account: str
    """Checksum address that names this server on the chain."""
    url: str
    success: float
    """Average outcome in [0, 1]."""
    goodput: float
    """Average bytes per second."""
    bad_blocks: int
    """Wrong blocks it served us."""


@dataclass(frozen=True, slots=True)
class FileInFlight:
    """A file on its way here, leaf by leaf."""

    root: str
    """Its CID."""
    leaves_here: int
    leaves: int
    asked: int
    """Leaves that were asked for and have not come."""


@dataclass(frozen=True, slots=True)
class TransferStatistics:
    """What moved since the swarm started, and what moves now."""

    bytes_in: int
    bytes_out: int
    blocks_in: int
    blocks_out: int
    downloads: int
    """Requests of ours in progress."""
    uploads: int
    """Requests of peers in progress."""
    connected_peers: int
    """libp2p peers connected."""
    peers: tuple[PeerStatistics, ...]
    files: tuple[FileInFlight, ...] = ()
