"""A real anvil with real contracts: deployed, funded, read back; and what can be wrong with them."""

from __future__ import annotations

import asyncio
import json
import socket
import stat
from pathlib import Path

import psutil
import pytest
from eth_account import Account

from cupel.devnet.anvil import CHAIN_ID, choose_port, local_chain
from cupel.devnet.audit import Auditor
from cupel.devnet.deployment import DataTerms, JuryTerms, creation_code, deploy, fund
from cupel.devnet.facts import HubMoney
from cupel.devnet.presets import CANONICAL
from cupel.devnet.project import artefacts, find_binary, project_root
from cupel.devnet.wallets import create_wallet
from cupel.protocol.chain.bindings import test_token as token_binding
from cupel.protocol.chain.bindings.jury_judge import JuryJudge
from cupel.protocol.chain.client import ChainClient
from cupel.protocol.chain.deployments import Deployment
from cupel.protocol.config import ConfigError

JURY = JuryTerms(
    size=3,
    max_appeals=2,
    commit_seconds=9,
    reveal_seconds=8,
    appeal_seconds=7,
    grace_seconds=6,
    juror_stake=400,
)
DATA = DataTerms(answer_seconds=9, close_seconds=4)


def test_devnet_is_deployed_funded_and_ended(tmp_path: Path) -> None:
    root = project_root()
    built, anvil = artefacts(root), find_binary(root, "anvil")
    wallet = create_wallet("node-1", tmp_path)

    async def scenario() -> int:
        async with local_chain(anvil, 0, tmp_path / "anvil.log") as chain:
            deployment = await deploy(chain.rpc_url, CHAIN_ID, built, JURY, DATA, CANONICAL)
            await fund(chain.rpc_url, deployment, {wallet.address: 500})
            deployment.write(tmp_path / "deployment.json")
            assert Deployment.read(tmp_path / "deployment.json", CHAIN_ID) == deployment
            async with ChainClient(chain.rpc_url, wallet.account, CHAIN_ID) as client:
                jury = JuryJudge(client, deployment.jury_judge)
                assert (await jury.hub(), await jury.commit_seconds()) == (deployment.hub, 9)
                assert await jury.needed_seconds() == JURY.needed_seconds == 3 * 17 + 2 * 7 + 6
                assert (
                    await token_binding.TestToken(client, deployment.token).balance_of(wallet.address) == 500
                )
                assert await client.balance(wallet.address) == 100 * 10**18
                snapshot = await Auditor(client, deployment).read()
                assert (snapshot.hub, snapshot.burned) == (HubMoney(0, 0, 0, 0, 0), 0)
                first = snapshot.timestamp
                while await client.now() <= first:  # noqa: ASYNC110  # the chain's clock has no event
                    await asyncio.sleep(0.05)
            return chain.process.pid

    pid = asyncio.run(scenario())
    assert not psutil.pid_exists(pid)


def test_keystore_opens_with_its_password_only(tmp_path: Path) -> None:
    wallet = create_wallet("node-1", tmp_path)
    keystore = json.loads(wallet.keystore.read_text(encoding="utf-8"))
    password = wallet.password_file.read_text(encoding="utf-8").strip()
    assert Account.from_key(Account.decrypt(keystore, password)).address == wallet.address
    assert keystore["version"] == 3
    with pytest.raises(ValueError, match="MAC mismatch"):
        Account.decrypt(keystore, password + "x")
    for path in (wallet.keystore, wallet.password_file):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_taken_port_is_one_clear_line() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        with pytest.raises(ConfigError, match=rf"rpc-port: port {port} cannot be used .* --rpc-port"):
            choose_port(port)


def test_a_free_port_that_somebody_else_took_is_another_one(tmp_path: Path) -> None:
    binary, tried = tmp_path / "anvil", tmp_path / "tried"
    binary.write_text(
        f'#!/bin/sh\n[ -e {tried} ] && exec {find_binary(project_root(), "anvil")} "$@"\n'
        f"touch {tried}; echo 'Error: Address already in use (os error 98)' >&2; exit 1\n"
    )
    binary.chmod(0o755)

    async def scenario(port: int) -> None:
        async with local_chain(binary, port, tmp_path / "anvil.log") as chain:
            assert chain.process.returncode is None

    with pytest.raises(ConfigError, match="Address already in use"):
        asyncio.run(scenario(choose_port(0)))
    tried.unlink()
    asyncio.run(scenario(0))


@pytest.mark.parametrize("port", [-1, 65536])
def test_no_port(port: int) -> None:
    with pytest.raises(ConfigError, match="is not a port"):
        choose_port(port)


def test_program_that_ends_at_once_is_reported(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with local_chain(Path("/bin/false"), 0, tmp_path / "anvil.log"):
            pass

    with pytest.raises(ConfigError, match=r"anvil: it ended at once \(exit code 1\)"):
        asyncio.run(scenario())


def test_missing_binary_and_launcher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    launcher = tmp_path / "bin" / "anvil"
    launcher.parent.mkdir()
    launcher.write_text("#!/bin/sh\nexit 0\n", encoding="utf-8")
    launcher.chmod(0o755)
    monkeypatch.setenv("PATH", str(launcher.parent))
    with pytest.raises(ConfigError, match="anvil: the program was not found"):
        find_binary(tmp_path, "anvil")


def test_missing_artefacts(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="make setup"):
        artefacts(tmp_path)
    with pytest.raises(ConfigError, match="holds no compiled Hub"):
        creation_code(tmp_path, "Hub")
    (tmp_path / "Hub.sol").mkdir()
    (tmp_path / "Hub.sol" / "Hub.json").write_text('{"bytecode": {}}', encoding="utf-8")
    with pytest.raises(ConfigError, match="holds no compiled Hub"):
        creation_code(tmp_path, "Hub")


def test_no_checkout_around(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUPEL_ROOT", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert project_root() == Path(__file__).resolve().parents[3]
