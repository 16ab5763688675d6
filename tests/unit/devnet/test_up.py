"""What `cupel devnet up` tells of the chain it has started, to people and to programs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cupel.devnet.anvil import CHAIN_ID
from cupel.devnet.up import Devnet
from cupel.devnet.wallets import create_wallet
from cupel.protocol.chain.deployments import Deployment

DEPLOYMENT = Deployment(CHAIN_ID, 0, *(f"0x{number:040x}" for number in range(1, 8)))


@pytest.fixture
def devnet(tmp_path: Path) -> Devnet:
    wallets = [create_wallet(f"wallet-{number}", tmp_path) for number in (1, 2)]
    return Devnet("http://127.0.0.1:8545", tmp_path / "deployment.json", DEPLOYMENT, wallets)


def test_a_program_gets_all_that_a_node_needs(devnet: Devnet) -> None:
    told = json.loads(json.dumps(devnet.plain()))
    assert (told["rpc_url"], told["chain_id"]) == ("http://127.0.0.1:8545", CHAIN_ID)
    assert told["deployment"] == str(devnet.file)
    assert told["contracts"]["hub"] == DEPLOYMENT.hub
    for told_wallet, wallet in zip(told["wallets"], devnet.wallets, strict=True):
        assert told_wallet["address"] == wallet.address
        assert Path(told_wallet["keystore"]).is_file()
        assert Path(told_wallet["password_file"]).is_file()


def test_a_person_reads_every_contract_and_wallet_and_what_to_do_next(devnet: Devnet) -> None:
    text = "\n".join(devnet.lines())
    for shown in (*devnet.contracts().values(), *(wallet.address for wallet in devnet.wallets)):
        assert shown in text
    assert f"cupel node run --rpc-url {devnet.rpc_url} --deployment {devnet.file}" in text
