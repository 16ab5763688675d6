"""Sums over a ring of peers."""

import cupel.protocol.chain  # noqa: F401  # undoes what eth_account does to the limit of nested JSON, which peers send
