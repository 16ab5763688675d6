"""Endpoints from the chain: one spelling, one machine, one kind of key."""

import pytest

from cupel.protocol.network.endpoint import Endpoint
from cupel.protocol.spec.errors import Reason, Rejected

PEER_ID = "12D3KooWK99VoVxNE7XzyBwXEzW7xhK7Gpv85r9F3V3fyKSUKPH5"
TEXT = f"/ip4/10.0.0.7/tcp/4001/p2p/{PEER_ID},/ip4/10.0.0.8/tcp/65535/http"


def test_round_trip() -> None:
    endpoint = Endpoint.parse(TEXT)
    assert endpoint == Endpoint("10.0.0.7", 4001, PEER_ID, "10.0.0.8", 65535)
    assert str(endpoint) == TEXT
    assert endpoint.control_address == "/ip4/10.0.0.7/tcp/4001"
    assert endpoint.data_url == "http://10.0.0.8:65535"


def test_who_accepts_no_connections_says_who_it_is() -> None:
    endpoint = Endpoint.parse(f"/p2p/{PEER_ID}")
    assert endpoint == Endpoint.outbound(PEER_ID)
    assert (str(endpoint), endpoint.accepts) == (f"/p2p/{PEER_ID}", False)
    assert endpoint.data_url == f"p2p://{PEER_ID}"
    assert Endpoint.parse(TEXT).accepts


@pytest.mark.parametrize(
    "text",
    [
        "",
        TEXT + "\n",
        TEXT + ",",
        " " + TEXT,
        TEXT.split(",")[0],
        f"/p2p/{PEER_ID}/",
        f"/p2p/{PEER_ID[:-1]}0",
        f"/p2p/{PEER_ID}," + TEXT.split(",")[1],
        TEXT.replace("4001", "0"),
        TEXT.replace("4001", "04001"),
        TEXT.replace("4001", "65536"),
        TEXT.replace("4001", "4" * 200),
        TEXT.replace("4001", "\u0664001"),
        TEXT.replace("10.0.0.7", "10.0.0.256"),
        TEXT.replace("10.0.0.7", "10.0.0.07"),
        TEXT.replace("10.0.0.7", "1000000"),
        TEXT.replace("10.0.0.8", "0.0.0.0"),
        TEXT.replace("10.0.0.8", "224.0.0.1"),
        TEXT.replace("10.0.0.8", "localhost"),
        TEXT.replace("/http", "/https"),
        TEXT.replace("/http", "/http/x"),
        TEXT.replace(PEER_ID, PEER_ID[:-1]),
        TEXT.replace(PEER_ID, PEER_ID[:-1] + "0"),
        TEXT.replace(PEER_ID, "1" + PEER_ID[:-1]),
        TEXT.replace(PEER_ID, "2" + PEER_ID[1:]),
        TEXT.replace(PEER_ID, "1" + "z" * 51),
        TEXT.replace(PEER_ID, "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N"),
    ],
)
def test_any_other_text_is_rejected(text: str) -> None:
    with pytest.raises(Rejected) as caught:
        Endpoint.parse(text)
    assert caught.value.reason is Reason.ENDPOINT
