"""Where a participant is reached, as it says on the chain: one string of two multiaddrs.

    /ip4/<host>/tcp/<port>/p2p/<peer id>,/ip4/<host>/tcp/<port>/http

The first is the libp2p control plane, the second the HTTP server of blocks. A participant that accepts no connections,
behind NAT for example, says who it is and nothing else:

    /p2p/<peer id>

It connects to the others, who ask it for blocks over that connection. Anyone may write anything on the chain,
so parsing is strict and bounded, and an endpoint is a place to try, never a proof of who answers there.
"""

from __future__ import annotations

import functools
import ipaddress
import re
from dataclasses import dataclass
from typing import Final

from cupel.protocol.spec.errors import Reason, Rejected

MAX_ENDPOINT_CHARACTERS: Final = 160
_FORM = re.compile(
    r"/ip4/([0-9.]{7,15})/tcp/([1-9][0-9]{0,4})/p2p/([1-9A-HJ-NP-Za-km-z]{52}),/ip4/([0-9.]{7,15})/tcp/([1-9][0-9]{0,4})/http"
)
_OUTBOUND_FORM = re.compile(r"/p2p/([1-9A-HJ-NP-Za-km-z]{52})")
STREAM_SCHEME: Final = "p2p://"
"""Of the data URL of a participant that accepts no connections; its peer id follows."""
_BASE58: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
# Identity multihash (its zero byte is base58's leading '1') of a 36-byte protobuf: key type Ed25519, 32 bytes.
_ED25519_PREFIX: Final = bytes.fromhex("2408011220")
_PEER_ID_TAIL_BYTES: Final = 37


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Both planes of one participant; hosts are empty and ports 0 where it accepts no connections."""

    control_host: str
    """IPv4, dotted."""
    control_port: int
    peer_id: str
    """libp2p peer id of an Ed25519 key, base58."""
    data_host: str
    data_port: int

    @classmethod
    def parse(cls, text: str) -> Endpoint:
        """Inverse of `str`. Rejected(ENDPOINT) for any other text."""
        if outbound := _OUTBOUND_FORM.fullmatch(text):
            return cls.outbound(_peer_id(outbound[1]))
        match = _FORM.fullmatch(text) if len(text) <= MAX_ENDPOINT_CHARACTERS else None
        if match is None:
            raise Rejected(Reason.ENDPOINT, "neither /ip4/…/tcp/…/p2p/…,/ip4/…/tcp/…/http nor /p2p/…")
        control_host, control_port, peer_id, data_host, data_port = match.groups()
        peer_id = _peer_id(peer_id)
        return cls(_host(control_host), _port(control_port), peer_id, _host(data_host), _port(data_port))

    @classmethod
    def outbound(cls, peer_id: str) -> Endpoint:
        """A participant that accepts no connections."""
        return cls("", 0, peer_id, "", 0)

    @property
    def accepts(self) -> bool:
        """Whether others can connect."""
        return bool(self.control_host)

    @property
    def control_address(self) -> str:
        """What libp2p dials; only of one that accepts connections."""
        assert self.accepts, "there is nothing to dial"
        return f"/ip4/{self.control_host}/tcp/{self.control_port}"

    @property
    def data_url(self) -> str:
        """Root of the block server, or of the streams to one who has none."""
        if not self.accepts:
            return STREAM_SCHEME + self.peer_id
        return f"http://{self.data_host}:{self.data_port}"

    def __str__(self) -> str:
        if not self.accepts:
            return f"/p2p/{self.peer_id}"
        return f"{self.control_address}/p2p/{self.peer_id},/ip4/{self.data_host}/tcp/{self.data_port}/http"


def _peer_id(text: str) -> str:
    if not _is_ed25519_peer_id(text):
        raise Rejected(Reason.ENDPOINT, "not the peer id of an Ed25519 key")
    return text


@functools.lru_cache(4096)  # the same peers are read at every look at the chain
def _is_ed25519_peer_id(text: str) -> bool:
    number = 0
    for character in text:
        number = number * 58 + _BASE58.index(character)
    # A second leading '1' would be a second zero byte: another spelling, and no key.
    if text[0] != "1" or text[1] == "1" or number >= 1 << 8 * _PEER_ID_TAIL_BYTES:
        return False
    return number.to_bytes(_PEER_ID_TAIL_BYTES, "big").startswith(_ED25519_PREFIX)


def _host(text: str) -> str:
    try:
        address = ipaddress.IPv4Address(text)
    except ipaddress.AddressValueError:
        raise Rejected(Reason.ENDPOINT, f"{text} is not an IPv4 address") from None
    if address.is_unspecified or address.is_multicast:
        raise Rejected(Reason.ENDPOINT, f"{text} is not the address of one machine")
    return text


def _port(text: str) -> int:
    if int(text) > 65535:
        raise Rejected(Reason.ENDPOINT, f"{text} is not a port")
    return int(text)
