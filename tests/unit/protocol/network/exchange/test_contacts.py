"""Addresses of peers: whom one may name, how many are kept."""

from __future__ import annotations

import random

import pytest

from cupel.protocol.network.exchange.contacts import (
    MAX_CONTACTS,
    MAX_NAMED,
    Contacts,
    may_name,
    parse_url,
    peer_url,
)
from cupel.protocol.spec.errors import Reason, Rejected


@pytest.mark.parametrize(
    ("teller", "named", "allowed"),
    [
        ("8.8.8.8", "http://9.9.9.9:1", True),
        ("8.8.8.8", "http://10.0.0.1:1", False),
        ("8.8.8.8", "http://127.0.0.1:1", False),
        ("10.0.0.1", "http://10.0.0.2:1", True),
        ("10.0.0.1", "http://127.0.0.1:1", False),
        ("127.0.0.1", "http://10.0.0.2:1", True),
        ("::ffff:8.8.8.8", "http://10.0.0.1:1", False),
        ("some.name", "http://10.0.0.1:1", False),
    ],
)
def test_nobody_points_at_what_is_more_private(teller: str, named: str, allowed: bool) -> None:
    assert may_name(teller, named) is allowed


@pytest.mark.parametrize(
    "text",
    [
        "https://10.0.0.1:1",
        "http://10.0.0.1",
        "http://10.0.0.1:0",
        "http://10.0.0.1:65536",
        "http://10.0.0.1:080",
        "http://10.0.0.256:1",
        "http://0.0.0.0:1",
        "http://224.0.0.1:1",
        "http://10.0.0.1:1/",
        "http://name.example:1",
        "http://10.0.0.1:1" + "0" * 40,
    ],
)
def test_a_name_has_one_spelling(text: str) -> None:
    with pytest.raises(Rejected) as caught:
        parse_url(text)
    assert caught.value.reason is Reason.ENDPOINT


def test_addresses_of_both_kinds_make_urls() -> None:
    assert parse_url(peer_url("10.0.0.1", 80)) == "http://10.0.0.1:80"
    assert peer_url("fe80::1", 80) == "http://[fe80::1]:80"


def test_a_bounded_sample_of_all_is_kept_and_the_asker_is_not_told_of_itself() -> None:
    contacts, draw = Contacts(), random.Random(1)
    urls = [f"http://10.0.{number // 256}.{number % 256}:1" for number in range(4 * MAX_CONTACTS)]
    for url in urls:
        contacts.add(url, draw)
        contacts.add(url, draw)
    kept = {name for _ in range(400) for name in contacts.names("", draw)}
    assert len(kept) <= MAX_CONTACTS
    assert kept & set(urls[-MAX_CONTACTS:])
    assert len(contacts.names("", draw)) == MAX_NAMED
    few = Contacts()
    few.add(urls[0], draw)
    few.add(urls[1], draw)
    assert few.names(urls[0], draw) == (urls[1],)
    few.remove(urls[1])
    assert few.names(urls[0], draw) == ()
