"""`cupel devnet up`: a local chain with Cupel's contracts that stays until it is interrupted."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from cupel.devnet.anvil import CHAIN_ID, local_chain
from cupel.devnet.deployment import deploy, fund
from cupel.devnet.presets import AGGREGATE, CANONICAL, DATA, FULL, TOKEN
from cupel.devnet.project import artefacts, find_binary, project_root
from cupel.devnet.wallets import Wallet, create_wallet
from cupel.protocol.chain.deployments import Deployment
from cupel.protocol.config import ConfigError, EnvironmentProblem
from cupel.protocol.waiting import waiting

_TOKENS_EACH: Final = 1_000_000 * TOKEN
_FILE: Final = "deployment.json"


@dataclass(frozen=True, slots=True)
class Devnet:
    """A chain that runs, and what is on it."""

    rpc_url: str
    file: Path
    """The deployment file."""
    deployment: Deployment
    wallets: Sequence[Wallet]

    def contracts(self) -> dict[str, str]:
        """Addresses by name."""
        named = asdict(self.deployment).items()
        return {name: value for name, value in named if isinstance(value, str) and value}

    def lines(self) -> list[str]:
        """For a person."""
        first = self.wallets[0]
        return [
            f"chain {CHAIN_ID} at {self.rpc_url}; Ctrl-C ends it",
            *(f"  {name.replace('_', ' '):<16} {address}" for name, address in self.contracts().items()),
            *(f"  {wallet.name:<16} {wallet.address}  {wallet.keystore}" for wallet in self.wallets),
            "",
            "Each wallet has 100 coins and 1,000,000 test tokens, and its password in the file beside it. A node:",
            f"  cupel node run --rpc-url {self.rpc_url} --deployment {self.file} "
            f"--keystore {first.keystore} --password-file {first.password_file} --data-dir node-1",
        ]

    def plain(self) -> dict[str, Any]:
        """For a program."""
        return {
            "rpc_url": self.rpc_url,
            "chain_id": CHAIN_ID,
            "deployment": str(self.file),
            "contracts": self.contracts(),
            "wallets": [
                {
                    "name": wallet.name,
                    "address": wallet.address,
                    "keystore": str(wallet.keystore),
                    "password_file": str(wallet.password_file),
                }
                for wallet in self.wallets
            ],
        }


async def serve(port: int, num_wallets: int, folder: Path, ready: Callable[[Devnet], None]) -> None:
    """Run the chain until cancelled. Wallets and the deployment file are written to `folder` before `ready` is called.

    ConfigError or EnvironmentProblem if it cannot start; nothing is left running then.
    """
    root = project_root()
    built, anvil = artefacts(root), find_binary(root, "anvil")
    if (folder / _FILE).exists():
        remedy = "Its chain is gone when its process is: remove the folder, or name another with --dir"
        raise ConfigError("dir", f"{folder} holds the files of another devnet", remedy)
    with tempfile.TemporaryDirectory(prefix="cupel-devnet-") as logs:
        async with local_chain(anvil, port, Path(logs) / "anvil.log") as chain:
            with waiting("deploying the contracts, making wallets", 2) as done:
                deployment = await deploy(
                    chain.rpc_url, CHAIN_ID, built, FULL.jury, DATA, CANONICAL, AGGREGATE
                )
                done(1)
                wallets = await asyncio.to_thread(_write_files, folder, num_wallets, deployment)
                await fund(chain.rpc_url, deployment, {wallet.address: _TOKENS_EACH for wallet in wallets})
            ready(Devnet(chain.rpc_url, folder / _FILE, deployment, wallets))
            code = await chain.process.wait()
            raise EnvironmentProblem(f"the chain ended by itself with code {code}; start it again")


def _write_files(folder: Path, num_wallets: int, deployment: Deployment) -> list[Wallet]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        deployment.write(folder / _FILE)
        return [create_wallet(f"wallet-{number}", folder) for number in range(1, num_wallets + 1)]
    except OSError as error:
        problem = f"cannot write to {folder} ({error.strerror})"
        raise ConfigError("dir", problem, "Name another folder with --dir") from None


async def until_interrupted(
    port: int, num_wallets: int, folder: Path, as_json: bool, say: Callable[[str], None]
) -> None:
    """`serve` until it is cancelled: how a person ends it is no failure."""

    def tell(devnet: Devnet) -> None:
        say(json.dumps(devnet.plain()) if as_json else "\n".join(devnet.lines()))

    try:
        await serve(port, num_wallets, folder, tell)
    except asyncio.CancelledError:
        if not as_json:
            say("stopped; the chain and its money are gone")
