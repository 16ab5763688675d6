"""What is not on this machine: chain, contracts, money, peers."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from cupel.protocol.chain.bindings.hub import Hub
from cupel.protocol.chain.bindings.test_token import TestToken
from cupel.protocol.chain.client import ChainClient
from cupel.protocol.chain.cursor import LogCursor
from cupel.protocol.chain.deployments import Deployment
from cupel.protocol.chain.ledger import HubLedger, TaskLedger
from cupel.protocol.chain.opening import chain_of
from cupel.protocol.chain.signing import RemoteAccount
from cupel.protocol.config import ConfigError, EnvironmentProblem
from cupel.protocol.doctor.finding import Finding, Level, bad, good, mind
from cupel.protocol.keys import load_account
from cupel.protocol.network.dial_back import DialledBack, ask
from cupel.protocol.network.endpoint import Endpoint
from cupel.protocol.network.errors import NetworkError
from cupel.protocol.settings import Settings
from cupel.protocol.spec.errors import Rejected

# Blocks of public chains come every few seconds; a chain that lags more is stuck, or this machine's clock is wrong.
_MOST_SKEW_SECONDS: Final = 60
# A round takes a commitment of about 50,000 gas, and now and then a claim or a checkpoint.
_GAS_OF_A_ROUND: Final = 150_000
_FEW_ROUNDS: Final = 100
_MANY_ROUNDS: Final = 1_000_000
_PEERS_TRIED: Final = 8
_CONNECT_SECONDS: Final = 3.0


async def examine(settings: Settings) -> list[Finding]:
    """Everything that needs the chain, as far as one gets."""
    findings: list[Finding] = []
    try:
        account = load_account(settings)
        findings.append(good("keystore", f"opens: {account.address}"))
        address: str | None = str(account.address)
    except ConfigError as error:
        findings.append(bad("keystore", error.problem, error.remedy))
        address = None
    payer = address
    if settings.owner:
        findings.append(owner := await _owner(settings))
        payer = None if owner.level is Level.BAD else owner.text
    try:
        deployment = Deployment.read(Path(settings.deployment), settings.chain_id)
        async with chain_of(settings, None) as chain:
            findings.append(await _clock(chain, settings.rpc_url))
            await chain.code_hash(deployment.hub)
            findings.append(good("contracts", f"hub {deployment.hub} on chain {settings.chain_id}"))
            ledger = HubLedger()
            progress = await LogCursor(chain, Hub(chain, deployment.hub), deployment.first_block).advance()
            for logged in progress.events:
                ledger.apply(logged.event)
            if address is not None:
                findings.append(await _gas(chain, address))
            if address is not None and payer is not None:
                findings += await _tokens(chain, deployment, ledger, address, payer)
            findings.append(await _peers(ledger.endpoints.items(), address))
            findings += await reached(settings, _dialled(ledger.endpoints.items(), address))
    except ConfigError as error:
        findings.append(bad(error.key, error.problem, error.remedy))
    except EnvironmentProblem as error:
        findings.append(bad("rpc_url", str(error), "Start the chain, or correct rpc_url"))
    return findings


async def _clock(chain: ChainClient, rpc_url: str) -> Finding:
    began = time.monotonic()
    newest = await chain.now()
    milliseconds = round(1000 * (time.monotonic() - began))
    skew = round(time.time()) - newest
    text = f"{rpc_url} answers in {milliseconds} ms, its newest block is {skew} s old"
    if abs(skew) > _MOST_SKEW_SECONDS:
        return mind(
            "chain",
            text,
            "Set this machine's clock (NTP); if it is right, choose an endpoint that is in sync",
        )
    return good("chain", text)


async def _owner(settings: Settings) -> Finding:
    """Whose the stake is, where that is a signer's account; the text is its address."""
    try:
        async with RemoteAccount(settings.owner, settings.chain_id) as owner:
            return good("owner", owner.address)
    except ConfigError as error:
        return bad("owner", error.problem, error.remedy)
    except EnvironmentProblem as error:
        return bad("owner", str(error), "Start or unlock the signer, or correct owner")


async def _gas(chain: ChainClient, address: str) -> Finding:
    balance, fee = await chain.balance(address), await chain.base_fee()
    rounds = balance // max(1, _GAS_OF_A_ROUND * 2 * fee)
    lasts = f"about {rounds:,}" if rounds < _MANY_ROUNDS else f"more than {_MANY_ROUNDS:,}"
    text = f"{balance / 10**18:.6f} coins, {lasts} rounds of gas"
    if balance == 0:
        return bad("gas", f"{address} has none of the chain's coin", f"Send {address} some")
    if rounds < _FEW_ROUNDS:
        return mind("gas", text, f"Send {address} more before it runs out")
    return good("gas", text)


async def _tokens(
    chain: ChainClient, deployment: Deployment, ledger: HubLedger, node: str, payer: str
) -> tuple[Finding, ...]:
    """Stake and allowance. payer: whose tokens the stake would be."""
    tasks = list(ledger.tasks.values())
    token = TestToken(chain, tasks[-1].params.token if tasks else deployment.token)
    tokens, allowed = await token.balance_of(payer), await token.allowance(payer, deployment.hub)
    return stake(tokens, tasks, node, payer), allowance(allowed, tasks, node)


def stake(tokens: int, tasks: list[TaskLedger], node: str, payer: str) -> Finding:
    """Whether the payer's tokens suffice for the newest task."""
    if not tasks:
        return good("stake", f"{tokens:,} of the token's smallest unit; there is no task to stake for")
    newest = tasks[-1].params
    if node in tasks[-1].members:
        return good("stake", "this account is a member of the newest task")
    if tokens < newest.stake:
        text = f"{tokens:,} of token {newest.token}, the newest task asks a stake of {newest.stake:,}"
        return mind("stake", text, f"To be its node, send {payer} {newest.stake - tokens:,} more")
    return good("stake", f"{tokens:,} of the token, the newest task asks {newest.stake:,}")


def allowance(allowed: int, tasks: list[TaskLedger], node: str) -> Finding:
    """What the hub may take by itself. Never a fault: who joins approves first."""
    told = f"the hub may take {allowed:,} of the token"
    if tasks and node not in tasks[-1].members and allowed < tasks[-1].params.stake:
        return good("allowance", f"{told}; joining approves the stake first, a transaction more")
    return good("allowance", told)


async def _peers(endpoints: Iterable[tuple[str, str]], own: str | None) -> Finding:
    tried = [endpoint for account, endpoint in endpoints if account != own and endpoint][-_PEERS_TRIED:]
    if not tried:
        return good("peers", "nobody else has announced an address yet")
    answered = sum(await asyncio.gather(*(_answers(endpoint) for endpoint in tried)))
    text = f"{answered} of the {len(tried)} that announced themselves last can be connected to"
    if answered == 0:
        return mind("peers", text, "Check this machine's firewall; peers may also have stopped")
    return good("peers", text)


def _dialled(endpoints: Iterable[tuple[str, str]], own: str | None) -> list[str]:
    """Block servers to ask for a dial, those that announced themselves last first."""
    urls = []
    for account, text in endpoints:
        with contextlib.suppress(Rejected):
            endpoint = Endpoint.parse(text)
            if account != own and endpoint.accepts:
                urls.append(endpoint.data_url)
    return urls[::-1][:_PEERS_TRIED]


async def reached(settings: Settings, urls: list[str]) -> list[Finding]:
    """Whether peers that are asked to dial this machine's ports get through. Nothing where it accepts nobody."""
    if settings.inbound == "no":
        return []
    ports = {"p2p_port": settings.p2p_port, "http_port": settings.http_port}
    return [await _dialled_back(settings, name, port, urls) for name, port in ports.items()]


async def _dialled_back(settings: Settings, name: str, port: int, urls: list[str]) -> Finding:
    subject, where = f"{name} from outside", f"{settings.listen_host}:{port or 'a free port'}"
    try:
        for url in urls:
            found = await ask(url, name, settings.listen_host, port)
            if found is not None:
                return _reached(subject, where, settings, found, url)
    except NetworkError as error:
        remedy = "Stop what listens there (a running node, perhaps), and ask again"
        return mind(subject, f"cannot be tried ({error})", remedy)
    remedy = "Ask again once others run; what the address itself tells is above"
    return mind(subject, "unknown: no peer is there to dial it", remedy)


def _reached(subject: str, where: str, settings: Settings, found: DialledBack, url: str) -> Finding:
    if found.reached and found.address == settings.listen_host:
        return good(subject, f"reachable: {url} dialled {where} and came through")
    if found.reached:
        remedy = f'Set listen_host = "{found.address}" where this machine has it, or forward to it'
        text = f"reached at {found.address}, but {settings.listen_host} is announced"
        return mind(subject, text, remedy)
    forward = "forward the port to this machine in the router, and let it through the firewall"
    remedy = f'Set inbound = "no" (peers then ask over connections made from here), or {forward}'
    text = f"outbound-only: {url} sees this machine as {found.address} and cannot connect to {where}"
    return mind(subject, text, remedy)


async def _answers(endpoint: str) -> bool:
    try:
        parsed = Endpoint.parse(endpoint)
        if not parsed.accepts:
            return False
        connecting = asyncio.open_connection(parsed.data_host, parsed.data_port)
        _, writer = await asyncio.wait_for(connecting, _CONNECT_SECONDS)
    except (Rejected, OSError, TimeoutError):
        return False
    writer.close()
    return True
