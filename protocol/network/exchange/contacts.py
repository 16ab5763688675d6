"""Addresses of peers: which ones count, how many are kept, and which are passed on.

A peer says on which port it serves; its host is the one its own message came from, so nobody can send traffic to a
stranger. Peers that it names are only candidates: each is sent one small message, and is asked for blocks and named
to others only once it answered for the same file. A name must be http://<IPv4>:<port>, and of a network at most as
private as the teller's own, so that a peer on the internet cannot point at machines of ours that it cannot reach.
"""

from __future__ import annotations

import ipaddress
import random
import re
from functools import lru_cache
from typing import Final

from cupel.protocol.spec.errors import Reason, Rejected

MAX_CONTACTS: Final = 256
# Names in one message.
MAX_NAMED: Final = 16
MAX_URL_CHARACTERS: Final = 32
# Names come again with every message: what was read is remembered, of so many.
MAX_REMEMBERED: Final = 1024
_FORM = re.compile(r"http://([0-9.]{7,15}):([1-9][0-9]{0,4})")


def peer_url(host: str, port: int) -> str:
    """Where a peer serves whose message came from `host`, an IP address."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@lru_cache(MAX_REMEMBERED)
def parse_url(text: str) -> str:
    """`text` if it is a peer's URL in its one spelling. Rejected(ENDPOINT) otherwise."""
    match = _FORM.fullmatch(text) if len(text) <= MAX_URL_CHARACTERS else None
    if match is None or int(match[2]) > 65535:
        raise Rejected(Reason.ENDPOINT, "a peer is named as http://<IPv4>:<port>")
    try:
        address = ipaddress.IPv4Address(match[1])
    except ipaddress.AddressValueError:
        raise Rejected(Reason.ENDPOINT, f"{match[1]} is not an IPv4 address") from None
    if address.is_unspecified or address.is_multicast or address.is_reserved:
        raise Rejected(Reason.ENDPOINT, f"{match[1]} is not the address of one machine")
    return text


def may_name(teller_host: str, url: str) -> bool:
    """Whether a peer at `teller_host` may name `url`: nothing more private than where it is itself."""
    return _privacy(url.split("//")[1].rsplit(":", 1)[0]) <= _privacy(teller_host)


@lru_cache(MAX_REMEMBERED)
def _privacy(host: str) -> int:
    """0 on the internet, 1 in a private network, 2 on this machine; a host name tells nothing and counts as 0."""
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return 0
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    address = mapped or address
    if address.is_loopback:
        return 2
    return 0 if address.is_global else 1


class Contacts:
    """Peers that spoke to us about one file: a bounded sample of all, whatever their number."""

    def __init__(self) -> None:
        self._urls: list[str] = []
        self._seen = 0

    def add(self, url: str, draw: random.Random) -> None:
        """A peer spoke. Once there are MAX_CONTACTS, newcomers replace others less and less often."""
        if url in self._urls:
            return
        self._seen += 1
        if len(self._urls) < MAX_CONTACTS:
            self._urls.append(url)
        elif (place := draw.randrange(self._seen)) < MAX_CONTACTS:
            self._urls[place] = url

    def remove(self, url: str) -> None:
        """A peer was found dead or lying."""
        if url in self._urls:
            self._urls.remove(url)

    def names(self, asker: str, draw: random.Random) -> tuple[str, ...]:
        """Some of them, for `asker`."""
        others = [url for url in self._urls if url != asker]
        return tuple(draw.sample(others, min(len(others), MAX_NAMED)))
