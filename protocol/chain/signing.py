"""Who signs an account's transactions: a key in this process, or an external signer over JSON-RPC.

An external signer is whatever answers `eth_sendTransaction` and `eth_signTypedData_v4` for its accounts: a wallet's
bridge to a hardware device, a custody service, a chain's node with an unlocked account. It may ask a person each time.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final, Protocol, Self

from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_account.signers.local import LocalAccount

from cupel.protocol.chain.answers import octets, quantity
from cupel.protocol.chain.contract import checksum
from cupel.protocol.chain.errors import ChainUnavailable
from cupel.protocol.chain.rpc import Refusal, Rpc
from cupel.protocol.config import ConfigError

SIGN_SECONDS: Final = 600.0
"""How long a signer may take: somebody may have to find a device and read what it shows."""
_SETTING: Final = "owner"
_SIGNATURE_BYTES: Final = 65
_HASH_BYTES: Final = 32


class Signing(Protocol):
    """An account that transactions can be sent from; `LocalAccount` and `RemoteAccount` are the two."""

    @property
    def address(self) -> Any:
        """Checksum address."""


class RemoteAccount:
    """One account of a signer. Use as an async context manager.

    ConfigError on entry if it serves another chain, or not one account that could be meant; ChainUnavailable if it does
    not answer.
    """

    def __init__(self, named: str, chain_id: int) -> None:
        """named: the signer's URL, and where it has several accounts `#` and the one that is meant."""
        self.url, _, wanted = named.partition("#")
        self.address = ""
        self._wanted = wanted
        self._chain_id = chain_id
        self._rpc = Rpc(self.url, SIGN_SECONDS)
        self._one_at_a_time = asyncio.Lock()

    async def __aenter__(self) -> Self:
        try:
            found = quantity(await self._ask("eth_chainId", []))
            if found != self._chain_id:
                problem = f"the signer at {self.url} serves chain {found}, not {self._chain_id}"
                raise ConfigError(_SETTING, problem, "Switch its network, or correct chain_id")
            self.address = _chosen(await self._ask("eth_accounts", []), self._wanted, self.url)
        except BaseException:
            await self._rpc.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._rpc.close()

    async def send_transaction(self, transaction: Mapping[str, Any]) -> bytes:
        """Have it signed and sent; its hash. ConfigError if it was refused, Refusal for what the chain says to it.

        ChainUnavailable if no answer comes: it may have been sent all the same.
        """
        answer = octets(await self._ask("eth_sendTransaction", [self._plain(transaction)]))
        if len(answer) != _HASH_BYTES:
            raise ChainUnavailable(f"the signer at {self.url} answered what is no transaction's hash")
        return answer

    async def sign_typed_data(self, message: Mapping[str, Any]) -> bytes:
        """65 bytes r, s, v over an EIP-712 message, seen to be this account's. ConfigError if it was refused."""
        asked = [self.address, json.dumps(message)]
        signature = octets(await self._ask("eth_signTypedData_v4", asked))
        if len(signature) != _SIGNATURE_BYTES or recovered(message, signature) != self.address:
            problem = f"the signer at {self.url} signed something else, or with another key"
            raise ConfigError(_SETTING, problem, "Look at the account that it has chosen")
        return signature

    async def _ask(self, method: str, parameters: list[Any]) -> Any:
        async with self._one_at_a_time:
            try:
                return await self._rpc.request(method, parameters)
            except ChainUnavailable as error:
                problem = f"the signer at {self.url} does not answer"
                raise ChainUnavailable(f"{problem}; start or unlock it, or correct {_SETTING}") from error
            except Refusal as refusal:
                if is_chain_s(refusal):
                    raise
                problem = f"the signer at {self.url} refused ({refusal})"
                raise ConfigError(_SETTING, problem, "Approve it there, or name another signer") from None

    def _plain(self, transaction: Mapping[str, Any]) -> dict[str, str]:
        told = {
            name: hex(value) if isinstance(value, int) else value
            for name, value in transaction.items()
            if name != "type"
        }
        return {"from": self.address, **told}


def is_chain_s(refusal: Refusal) -> bool:
    """Whether the chain behind a signer refuses, and not the signer or whom it asked."""
    text = refusal.message.lower()
    return any(word in text for word in ("underpriced", "nonce", "already", "insufficient funds", "fee"))


def recovered(message: Mapping[str, Any], signature: bytes) -> str:
    """Checksum address whose key signed an EIP-712 message; empty for what no key makes."""
    try:
        return str(
            Account.recover_message(encode_typed_data(full_message=dict(message)), signature=signature)
        )
    except Exception:  # eth_account and its libraries raise whatever they like
        return ""


def _chosen(accounts: Any, wanted: str, url: str) -> str:
    """The account that is meant. ConfigError if that is not one."""
    try:
        known = [checksum(account) for account in accounts]
        meant = checksum(wanted) if wanted else ""
    except (ValueError, TypeError):
        problem = f"{wanted!r} is not an address" if wanted else f"{url} names no accounts"
        raise ConfigError(_SETTING, problem, "Write the signer's URL, # and its account") from None
    if meant and meant not in known:
        problem = f"the signer at {url} has no account {meant}"
        raise ConfigError(
            _SETTING, problem, f"It has {', '.join(known) or 'none'}: unlock or choose one there"
        )
    if not known:
        raise ConfigError(_SETTING, f"the signer at {url} shows no account", "Unlock or connect one there")
    if not meant and len(known) != 1:
        problem = f"the signer at {url} has {len(known)} accounts"
        raise ConfigError(_SETTING, problem, f"Write which one: {url}#0x…")
    return meant or known[0]


AnyAccount = LocalAccount | RemoteAccount
"""What a `Sender` sends for."""
