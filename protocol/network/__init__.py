"""Peers: announcements over libp2p gossip, blocks over HTTP. Loads libp2p only when a swarm is entered.

The names below load their modules when they are first used: who only serves or fetches blocks loads no more.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from cupel.protocol.network.announcement import Announcement, AnnouncementKind
    from cupel.protocol.network.endpoint import Endpoint
    from cupel.protocol.network.errors import (
        BlockUnavailable,
        ControlPlaneDown,
        LibraryMissing,
        NetworkError,
        NotServed,
        PortTaken,
        Superseded,
    )
    from cupel.protocol.network.statistics import PeerStatistics, TransferStatistics
    from cupel.protocol.network.swarm import Swarm

__all__ = [
    "Announcement",
    "AnnouncementKind",
    "BlockUnavailable",
    "ControlPlaneDown",
    "Endpoint",
    "LibraryMissing",
    "NetworkError",
    "NotServed",
    "PeerStatistics",
    "PortTaken",
    "Superseded",
    "Swarm",
    "TransferStatistics",
]

_HOMES: Final = {
    "announcement": ("Announcement", "AnnouncementKind"),
    "endpoint": ("Endpoint",),
    "errors": (
        "BlockUnavailable",
        "ControlPlaneDown",
        "LibraryMissing",
        "NetworkError",
        "NotServed",
        "PortTaken",
        "Superseded",
    ),
    "statistics": ("PeerStatistics", "TransferStatistics"),
    "swarm": ("Swarm",),
}


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
