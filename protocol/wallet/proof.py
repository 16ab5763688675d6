"""A sentence to sign that moves nothing: it shows that a signer has the key of its account. Pure."""

from __future__ import annotations

from typing import Any


def proof_message(chain_id: int, challenge: str) -> dict[str, Any]:
    """An EIP-712 message as `eth_signTypedData_v4` takes it. challenge: drawn anew, so that no old answer will do."""
    return {
        "domain": {"name": "Cupel", "version": "1", "chainId": chain_id},
        "primaryType": "Proof",
        "types": {
            "EIP712Domain": [
                {"name": "name", "type": "string"},
                {"name": "version", "type": "string"},
                {"name": "chainId", "type": "uint256"},
            ],
            "Proof": [{"name": "purpose", "type": "string"}, {"name": "challenge", "type": "string"}],
        },
        "message": {"purpose": "to show that this signer works; it moves nothing", "challenge": challenge},
    }
