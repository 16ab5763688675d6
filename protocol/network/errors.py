"""What can go wrong between this process and its peers.

NetworkError
  PortTaken           a listening port belongs to somebody else
  LibraryMissing      libp2p is not installed
  ControlPlaneDown    the libp2p thread ended, or does not answer
  NotServed           what was asked for is not to be had at the moment; a later attempt may succeed
    PeerSilent        a peer that is reached by libp2p alone is not connected, or does not answer
    BlockUnavailable  no peer delivered a block within the caller's deadline
  Superseded          a newer version of a file appeared before most of it was here
"""

from __future__ import annotations

from cupel.protocol.config import EnvironmentProblem
from cupel.protocol.spec.shardcast.cid import Cid


class NetworkError(EnvironmentProblem):
    """Any failure of the network; peers' lies are `Rejected` instead."""


class PortTaken(NetworkError):
    """A port that another process listens on."""

    def __init__(self, setting: str, host: str, port: int) -> None:
        super().__init__(
            f"port {port} on {host} is taken; end the process that listens there or set {setting} to another port"
            " (0 takes a free one)"
        )
        self.setting = setting
        self.port = port


class LibraryMissing(NetworkError):
    """The optional libp2p distribution is absent or broken."""

    def __init__(self, problem: str) -> None:
        super().__init__(f"cannot load libp2p ({problem}); install it with: pip install 'cupel[p2p]'")


class ControlPlaneDown(NetworkError):
    """Gossip does not work in this process any more."""

    def __init__(self, problem: str) -> None:
        super().__init__(f"the libp2p thread is down: {problem}; restart this process")


class NotServed(NetworkError):
    """Something that nobody delivers at the moment."""


class PeerSilent(NotServed):
    """A peer that does not answer over libp2p."""

    def __init__(self, peer_id: str, problem: str) -> None:
        super().__init__(f"{peer_id} does not answer ({problem})")


class BlockUnavailable(NotServed):
    """A block that no peer delivered in time."""

    def __init__(self, cid: Cid, deadline_seconds: float, num_peers: int) -> None:
        super().__init__(f"none of {num_peers} peers delivered {cid} within {deadline_seconds:g} s")
        self.cid = cid


class Superseded(NetworkError):
    """A file that was dropped because a newer version of it appeared."""
