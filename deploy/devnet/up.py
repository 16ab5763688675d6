"""`cupel devnet up`: a local chain with Cupel's contracts that stays until it is interrupted."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from cupel.devnet.anvil import CHAIN_ID, local_chain
from cupel.devnet.deployment import deploy, fund
from cupel.devnet.presets import AGGREGATE, CANONICAL, DATA, FULL, TOKEN
from cupel.devnet.project import artefacts, find_binary, project_root
from cupel.devnet.wallets import Wallet, create_wallet
from cupel.protocol.chain.deployments import Deployment
from cupel.protocol.config import ConfigError, EnvironmentProblem
from cupel.protocol.waiting import waiting

_TOKENS_EACH: Final = 1_000_000 * TOKEN


async def serve(port: int, num_wallets: int, folder: Path, say: Callable[[str], None]) -> None:
    """Run the chain until cancelled. Wallets and the deployment file are written to `folder`.

    ConfigError or EnvironmentProblem if it cannot start; nothing is left running then.
    """
    root = project_root()
    built, anvil = artefacts(root), find_binary(root, "anvil")
    if (folder / "deployment.json").exists():
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
            _explain(chain.rpc_url, folder, deployment, wallets, say)
            code = await chain.process.wait()
            raise EnvironmentProblem(f"the chain ended by itself with code {code}; start it again")


def _write_files(folder: Path, num_wallets: int, deployment: Deployment) -> list[Wallet]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        deployment.write(folder / "deployment.json")
        return [create_wallet(f"wallet-{number}", folder) for number in range(1, num_wallets + 1)]
    except OSError as error:
        problem = f"cannot write to {folder} ({error.strerror})"
        raise ConfigError("dir", problem, "Name another folder with --dir") from None


def _explain(
    rpc_url: str, folder: Path, deployment: Deployment, wallets: list[Wallet], say: Callable[[str], None]
) -> None:
    say(f"chain {CHAIN_ID} at {rpc_url}; Ctrl-C ends it")
    for name in (
        "hub",
        "token",
        "objective_judge",
        "jury_judge",
        "data_judge",
        "canonical_judge",
        "attention_judge",
        "sorting_reward",
    ):
        say(f"  {name.replace('_', ' '):<16} {getattr(deployment, name)}")
    for wallet in wallets:
        say(f"  {wallet.name:<16} {wallet.address}  {wallet.keystore}")
    say(
        "\nEach wallet has 100 coins and 1,000,000 test tokens, and its password in the file beside it. A node:"
    )
    say(
        f"  cupel node run --rpc-url {rpc_url} --deployment {folder / 'deployment.json'} "
        f"--keystore {wallets[0].keystore} --password-file {wallets[0].password_file} --data-dir node-1"
    )


async def until_interrupted(port: int, num_wallets: int, folder: Path, say: Callable[[str], None]) -> None:
    """`serve` until it is cancelled: how a person ends it is no failure."""
    try:
        await serve(port, num_wallets, folder, say)
    except asyncio.CancelledError:
        say("stopped; the chain and its money are gone")
