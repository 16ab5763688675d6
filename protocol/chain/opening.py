"""The chain client that the settings describe."""

from __future__ import annotations

from cupel.protocol.chain.client import ChainClient
from cupel.protocol.chain.fees import GWEI
from cupel.protocol.chain.signing import AnyAccount
from cupel.protocol.settings import Settings


def chain_of(settings: Settings, account: AnyAccount | None) -> ChainClient:
    """A client that signs with `account`, or only reads. Nothing is asked before it is entered."""
    cap = settings.max_fee_gwei * GWEI or None
    return ChainClient(
        settings.rpc_url, account, settings.chain_id, settings.rpc_witnesses.replace(",", " ").split(), cap
    )
