"""The contracts come onto a real chain by the real script, once, and the check tells what is otherwise.

Every case runs `forge script` or `cupel deploy` as a process against an anvil; files and keys are throw-away ones.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sysconfig
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from cupel.devnet.project import find_binary
from cupel.devnet.wallets import Wallet, create_wallet
from cupel.protocol.chain.contract import checksum
from cupel.protocol.chain.deployments import Deployment

ROOT = Path(__file__).resolve().parents[2]
ANVIL = (ROOT / "deploy" / "networks" / "anvil.toml").read_text(encoding="utf-8")
GUIDE = (ROOT / "docs" / "deployment.md").read_text(encoding="utf-8")
CUPEL = Path(sysconfig.get_path("scripts")) / "cupel"
PROXY = "0x4e59b44847b379578588920cA78FbF26c0B4956C"
CONTRACTS = [
    "TestToken",
    "Hub",
    "ObjectiveJudge",
    "JuryJudge",
    "DataJudge",
    "CanonicalSteps",
    "AggregateJudge",
    "CanonicalJudge",
    "AttentionJudge",
    "SortingReward",
]
SECONDS = 240  # forge may have to compile the script first


@dataclass(frozen=True)
class Ended:
    """What a command left."""

    code: int
    output: str
    errors: str

    @property
    def differences(self) -> list[tuple[str, ...]]:
        """Subject and fact of every line of a check that differs."""
        return [tuple(line.split()[1:3]) for line in self.output.splitlines() if line.startswith("DIFF")]


def run(*command: str | Path, **environment: str) -> Ended:
    ended = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    return Ended(ended.returncode, ended.stdout, ended.stderr)


@dataclass(frozen=True)
class Desk:
    """A chain, an account with gas money, and a folder for files."""

    chain: Any
    wallet: Wallet
    folder: Path

    def network(self, **changes: str) -> Path:
        """A file like anvil.toml, with these keys changed and these addresses added."""
        text = ANVIL
        for key, value in changes.items():
            line = f"{key} = {value}"
            known = re.compile(rf"^{key} = .*$", re.MULTILINE)
            text = known.sub(line, text) if known.search(text) else f"{text}{line}\n"
        path = self.folder / "network.toml"
        path.write_text(text, encoding="utf-8")
        return path

    def script(self, network: Path, *, broadcast: bool = True) -> Ended:
        """Run Deploy.s.sol as the guide says, which may read this folder besides the checkout's own.

        Ten transactions at once are more than one block takes, and an anvil does not mine again for what is left.
        """
        config = self.folder / "foundry.toml"
        allowed = f'fs_permissions = [\n  {{ access = "read", path = "{self.folder}" }},'
        text = (ROOT / "foundry.toml").read_text(encoding="utf-8").replace("fs_permissions = [", allowed)
        config.write_text(text, encoding="utf-8")
        signing = [
            "--broadcast",
            "--slow",
            "--keystore",
            self.wallet.keystore,
            "--sender",
            self.wallet.address,
        ]
        signing += ["--password-file", self.wallet.password_file]
        return run(
            *(find_binary(ROOT, "forge"), "script", "deploy/script/Deploy.s.sol"),
            *("--sig", "run(string)", network, "--rpc-url", self.chain.rpc_url),
            *(signing if broadcast else []),
            FOUNDRY_CONFIG=str(config),
            FOUNDRY_BROADCAST=str(self.folder / "broadcast"),
        )

    def check(self, network: Path, *options: str) -> Ended:
        """Run `cupel deploy check`."""
        return run(
            *(CUPEL, "deploy", "check", "--network", network, "--rpc-url", self.chain.rpc_url),
            *("--out", self.folder / "deployment.json", *options),
        )

    def addresses(self, network: Path) -> dict[str, str]:
        """What `cupel deploy plan` prints."""
        ended = run(CUPEL, "deploy", "plan", "--network", network)
        assert ended.code == 0, ended.errors
        found: dict[str, str] = tomllib.loads(ended.output)["addresses"]
        return found

    def exists(self, address: str, block: str = "latest") -> bool:
        return bool(self.chain.request("eth_getCode", address, block) != "0x")

    def sent(self) -> int:
        """Transactions that the account has sent."""
        return int(self.chain.request("eth_getTransactionCount", self.wallet.address, "latest"), 16)

    @contextmanager
    def tampered(self) -> Iterator[None]:
        """Undo afterwards whatever is done to the chain."""
        snapshot = self.chain.request("evm_snapshot")
        try:
            yield
        finally:
            self.chain.request("evm_revert", snapshot)


@contextmanager
def sit_down(chain: Any, folder: Path) -> Iterator[Desk]:
    wallet = create_wallet("deployer", folder)
    chain.fund(wallet.address)
    yield Desk(chain, wallet, folder)


@pytest.fixture(scope="module")
def deployed(start_anvil: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A chain with everything on it, by one run of the script."""
    with start_anvil() as chain, sit_down(chain, tmp_path_factory.mktemp("deployed")) as desk:
        chain.request("anvil_mine", "0x5")
        ended = desk.script(desk.network())
        assert ended.code == 0, ended.errors
        assert f"{len(CONTRACTS)} of {len(CONTRACTS)} to deploy" in ended.output
        assert desk.sent() == len(CONTRACTS)
        yield desk


@pytest.fixture
def empty(start_anvil: Callable[..., Any], tmp_path: Path) -> Iterator[Desk]:
    """A chain without the proxy."""
    with start_anvil("--disable-default-create2-deployer") as chain, sit_down(chain, tmp_path) as desk:
        yield desk


def test_what_was_deployed_passes_and_is_what_nodes_read(deployed: Desk) -> None:
    network = deployed.network()
    ended = deployed.check(network)
    assert (ended.code, ended.differences) == (0, [])
    assert "0 differences; written to" in ended.output
    deployment = Deployment.read(deployed.folder / "deployment.json", 31337)
    addresses = deployed.addresses(network)
    assert list(addresses) == CONTRACTS
    assert (deployment.hub, deployment.token) == (addresses["Hub"], addresses["TestToken"])
    assert deployed.exists(deployment.hub, hex(deployment.first_block))
    assert not deployed.exists(deployment.hub, hex(deployment.first_block - 1))
    (deployed.folder / "deployment.json").unlink()


def test_a_first_block_that_would_hide_events_is_refused(deployed: Desk) -> None:
    network = deployed.network()
    assert deployed.check(network, "--first-block", "1").code == 0
    assert Deployment.read(deployed.folder / "deployment.json", 31337).first_block == 1
    (deployed.folder / "deployment.json").unlink()
    ended = deployed.check(network, "--first-block", "100")
    assert ended.code == 2
    assert "first-block: the hub was there before block 100" in ended.errors
    assert not (deployed.folder / "deployment.json").exists()


def test_an_endpoint_that_forgets_is_told_the_first_block(
    start_anvil: Callable[..., Any], tmp_path: Path
) -> None:
    with start_anvil("--prune-history") as chain, sit_down(chain, tmp_path) as desk:
        network = desk.network()
        assert desk.script(network).code == 0
        for _ in range(40):
            chain.request("evm_mine")
        ended = desk.check(network)
        assert ended.code == 2
        assert "first-block: the endpoint does not tell when the hub was created" in ended.errors
        assert desk.check(network, "--first-block", "1").code == 0


def test_mistakes_and_failing_endpoints_have_their_exit_codes(deployed: Desk) -> None:
    unknown = run(CUPEL, "deploy", "plan", "--network", "nowhere")
    assert (unknown.code, unknown.output) == (2, "")
    assert unknown.errors == "cupel: network: no file nowhere. Name a file, or one of anvil, template\n"
    silent = run(CUPEL, "deploy", "check", "--network", "anvil", "--rpc-url", "http://127.0.0.1:1")
    assert (silent.code, silent.output) == (4, "")
    assert "http://127.0.0.1:1 does not answer" in silent.errors


def test_a_second_run_sends_nothing(deployed: Desk) -> None:
    sent = deployed.sent()
    ended = deployed.script(deployed.network())
    assert ended.code == 0, ended.errors
    assert f"0 of {len(CONTRACTS)} to deploy" in ended.output
    for name, address in deployed.addresses(deployed.network()).items():
        assert f"there   {address} {name}" in ended.output
    assert deployed.sent() == sent


def test_an_interrupted_run_is_completed(deployed: Desk) -> None:
    address = deployed.addresses(deployed.network())["JuryJudge"]
    with deployed.tampered():
        deployed.chain.request("anvil_setCode", address, "0x")
        deployed.chain.request("anvil_setNonce", address, "0x0")
        sent = deployed.sent()
        ended = deployed.script(deployed.network())
        assert ended.code == 0, ended.errors
        assert f"1 of {len(CONTRACTS)} to deploy" in ended.output
        assert deployed.sent() == sent + 1
        assert deployed.check(deployed.network()).code == 0
    (deployed.folder / "deployment.json").unlink()


def test_reviewed_addresses_are_accepted_and_changed_parameters_are_not(deployed: Desk) -> None:
    reviewed = {name: f'"{place}"' for name, place in deployed.addresses(deployed.network()).items()}
    same = deployed.network(addresses_required="true", **reviewed)
    assert deployed.check(same).code == 0
    assert deployed.script(same, broadcast=False).code == 0
    (deployed.folder / "deployment.json").unlink()

    changed = deployed.network(addresses_required="true", size="5", reveal_seconds="31", **reviewed)
    ended = deployed.check(changed)
    assert ended.code == 1
    assert ended.differences == [
        ("JuryJudge", "address"),
        ("JuryJudge", "jurySize()"),
        ("JuryJudge", "revealSeconds()"),
    ]
    assert re.search(r"jurySize\(\) +expected 5, observed 3", ended.output)
    assert not (deployed.folder / "deployment.json").exists()
    assert 'Deploy_UnreviewedAddress("JuryJudge"' in deployed.script(changed, broadcast=False).errors


def test_another_chain_is_the_only_difference(deployed: Desk) -> None:
    network = deployed.network(chain_id="5")
    ended = deployed.check(network, "--json")
    assert ended.code == 1
    chain = {"subject": "chain", "fact": "id", "expected": "5", "observed": "31337", "passed": False}
    assert json.loads(ended.output) == {
        "passed": False,
        "network": "network",
        "chain_id": 5,
        "deployment": None,
        "checks": [chain],
    }
    assert "Deploy_WrongChain(5, 31337" in deployed.script(network).errors


def test_a_missing_contract_is_named(deployed: Desk) -> None:
    address = deployed.addresses(deployed.network())["SortingReward"]
    with deployed.tampered():
        deployed.chain.request("anvil_setCode", address, "0x")
        ended = deployed.check(deployed.network())
    assert (ended.code, ended.differences) == (1, [("SortingReward", "code")])
    assert f"observed nothing at {address}" in ended.output


def test_other_code_is_named_and_never_built_upon(deployed: Desk) -> None:
    address = deployed.addresses(deployed.network())["Hub"]
    code = deployed.chain.request("eth_getCode", address, "latest")
    with deployed.tampered():
        deployed.chain.request("anvil_setCode", address, code[:-2] + ("00" if code[-2:] != "00" else "01"))
        ended = deployed.check(deployed.network())
        script = deployed.script(deployed.network())
    assert (ended.code, ended.differences) == (1, [("Hub", "code")])
    assert script.code == 1
    assert f'Deploy_ForeignCode("Hub", {address}' in script.errors


def test_a_tampered_immutable_is_named(deployed: Desk) -> None:
    """The code is right but for the first place of the jury size, or for all of them."""
    address = deployed.addresses(deployed.network())["JuryJudge"]
    code = bytes.fromhex(deployed.chain.request("eth_getCode", address, "latest")[2:])
    built = json.loads((ROOT / "out/JuryJudge.sol/JuryJudge.json").read_text(encoding="utf-8"))
    size = (3).to_bytes(32, "big")
    (places,) = (
        [place["start"] for place in places]
        for places in built["deployedBytecode"]["immutableReferences"].values()
        if code[places[0]["start"] : places[0]["start"] + 32] == size
    )
    for changed, difference in ((places[:1], "immutables"), (places, "jurySize()")):
        tampered = bytearray(code)
        for start in changed:
            tampered[start : start + 32] = (1).to_bytes(32, "big")
        with deployed.tampered():
            deployed.chain.request("anvil_setCode", address, "0x" + tampered.hex())
            ended = deployed.check(deployed.network())
        assert ended.code == 1
        assert ("JuryJudge", difference) in ended.differences


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"size": "33", "salt": '"another"'}, r'Deploy_ConstructorFailed\("JuryJudge", 0x[0-9a-f]{8}\)'),
        (
            {"token": '"0x5FbDB2315678afecb367f032d93F642f64180aa3"'},
            r'Deploy_NoContract\("jury.token", 0x5FbDB2315678afecb367f032d93F642f64180aa3\)',
        ),
        ({"addresses_required": "true"}, r'Deploy_UnreviewedAddress\("TestToken", ""'),
        ({"proxy": f'"0x{40 * "7"}"'}, "Deploy_NoProxy"),
    ],
)
def test_the_script_sends_nothing_that_cannot_work(
    deployed: Desk, changes: dict[str, str], error: str
) -> None:
    sent = deployed.sent()
    ended = deployed.script(deployed.network(**changes))
    assert ended.code == 1
    assert re.search(error, ended.errors)
    assert deployed.sent() == sent


def test_a_token_without_a_contract_is_named(deployed: Desk) -> None:
    ended = deployed.check(deployed.network(token=f'"{deployed.wallet.address}"'))
    assert ended.code == 1
    assert ("jury.token", "contract") in ended.differences


def test_without_the_proxy_the_guide_helps(empty: Desk) -> None:
    """The guide's own transaction puts the proxy in its place, and the addresses are those of every chain."""
    network = empty.network()
    refused = empty.script(network)
    assert refused.code == 1
    assert f"Deploy_NoProxy({PROXY}" in refused.errors
    assert empty.sent() == 0
    assert ("proxy", "code") in empty.check(network).differences

    transaction = re.findall(r"0xf8a5[0-9a-f]+", GUIDE)[0]
    signer = Account.recover_transaction(transaction)
    assert signer in GUIDE
    empty.chain.request("anvil_setBalance", signer, hex(10**16))
    empty.chain.request("eth_sendRawTransaction", transaction)
    empty.chain.request("evm_mine")
    assert empty.exists(PROXY)
    ended = empty.script(network)
    assert ended.code == 0, ended.errors
    assert empty.check(network).code == 0


def test_a_copy_of_the_proxy_does_as_well(empty: Desk) -> None:
    code = re.findall(r"--create (0x[0-9a-f]+)", GUIDE)[0]
    sender = checksum("0x" + 40 * "7")
    empty.chain.fund(sender)
    empty.chain.request("anvil_impersonateAccount", sender)
    sent = empty.chain.request("eth_sendTransaction", {"from": sender, "data": code})
    empty.chain.request("evm_mine")
    place = checksum(empty.chain.request("eth_getTransactionReceipt", sent)["contractAddress"])
    network = empty.network(proxy=f'"{place}"')
    ended = empty.script(network)
    assert ended.code == 0, ended.errors
    assert empty.check(network).code == 0

    empty.chain.request("anvil_setCode", place, "0x00")
    assert "Deploy_ForeignProxy" in empty.script(network).errors
    assert ("proxy", "code") in empty.check(network).differences
