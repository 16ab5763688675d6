"""An external signer for tests, as a process of its own: it holds one key and answers as wallets' bridges do.

    python -m cupel.protocol.testing.signer_process RPC_URL [--refuse | --lose-answers N]

The key comes on standard input, the signer's URL goes to standard output. What it signs it sends to the chain itself.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_account.signers.local import LocalAccount

from cupel.protocol.chain.rpc import Refusal, Rpc

_REJECTED: Final = 4001
"""EIP-1193: the user said no."""
_UNKNOWN_METHOD: Final = -32601


@dataclass(slots=True)
class Signer:
    """What it holds, and how it misbehaves."""

    account: LocalAccount
    chain: Rpc
    refuses: bool
    answers_to_lose: int

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """One JSON-RPC request."""
        asked = await request.json()
        try:
            result = await self._result(asked["method"], asked["params"])
        except Refusal as refusal:
            return _error(asked, -32000, refusal.message)
        except PermissionError:
            return _error(asked, _REJECTED, "the user rejected the request")
        except LookupError:
            return _error(asked, _UNKNOWN_METHOD, f"no method {asked['method']}")
        if asked["method"] == "eth_sendTransaction" and self.answers_to_lose:
            self.answers_to_lose -= 1
            assert request.transport is not None, "a request has a connection"
            request.transport.close()
        return web.json_response({"jsonrpc": "2.0", "id": asked["id"], "result": result})

    async def _result(self, method: str, parameters: list[Any]) -> Any:
        match method:
            case "eth_accounts":
                return [self.account.address]
            case "eth_chainId":
                return await self.chain.request(method, [])
            case "eth_signTypedData_v4" | "eth_sendTransaction" if self.refuses:
                raise PermissionError(method)
            case "eth_signTypedData_v4":
                message = encode_typed_data(full_message=json.loads(parameters[1]))
                return "0x" + bytes(self.account.sign_message(message).signature).hex()
            case "eth_sendTransaction":
                return await self._send(parameters[0])
        raise LookupError(method)

    async def _send(self, told: dict[str, str]) -> Any:
        transaction: dict[str, Any] = {name: told[name] for name in ("to", "data") if name in told}
        transaction |= {
            name: int(text, 16) for name, text in told.items() if name not in ("from", "to", "data")
        }
        signed = self.account.sign_transaction({"type": 2, **transaction})
        return await self.chain.request("eth_sendRawTransaction", ["0x" + signed.raw_transaction.hex()])


def _error(asked: dict[str, Any], code: int, message: str) -> web.Response:
    error = {"code": code, "message": message}
    return web.json_response({"jsonrpc": "2.0", "id": asked["id"], "error": error})


async def _serve(signer: Signer) -> None:
    app = web.Application()
    app.router.add_post("/", signer.answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(f"http://127.0.0.1:{runner.addresses[0][1]}", flush=True)
    await asyncio.Event().wait()


def main() -> None:
    """Serve until ended."""
    parser = argparse.ArgumentParser()
    parser.add_argument("rpc_url")
    parser.add_argument("--refuse", action="store_true")
    parser.add_argument("--lose-answers", type=int, default=0)
    given = parser.parse_args()
    account: LocalAccount = Account.from_key(sys.stdin.readline().strip())
    asyncio.run(_serve(Signer(account, Rpc(given.rpc_url), given.refuse, given.lose_answers)))


if __name__ == "__main__":
    main()
