"""Peers: announcements over libp2p gossip, blocks over HTTP. Loads libp2p only when a swarm is entered."""

from cupel.protocol.network.announcement import Announcement, AnnouncementKind
from cupel.protocol.network.endpoint import Endpoint
from cupel.protocol.network.errors import (
    BlockUnavailable,
    ControlPlaneDown,
    LibraryMissing,
    NetworkError,
    PortTaken,
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
    "PeerStatistics",
    "PortTaken",
    "Swarm",
    "TransferStatistics",
]
