"""An operator's mistake or a machine that fails: one line with the remedy, a non-zero exit, nothing left running.

Every case runs the real command as a process against a real chain.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sysconfig
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from cupel.devnet.wallets import create_wallet
from cupel.protocol.testing.waiting import HANG_SECONDS
from tests.unit.devnet.test_processes import dies

NOBODY = "http://127.0.0.1:9"
CUPEL = Path(sysconfig.get_path("scripts")) / "cupel"
ROLES = ("node", "verifier")


@dataclass(frozen=True)
class Devnet:
    """A chain started by `cupel devnet up`."""

    rpc_url: str
    folder: Path

    def flags(self, data_dir: Path, wallet: str = "wallet-1") -> list[str]:
        return [
            *("--rpc-url", self.rpc_url),
            *("--deployment", str(self.folder / "deployment.json")),
            *("--keystore", str(self.folder / f"{wallet}.json")),
            *("--password-file", str(self.folder / f"{wallet}.password")),
            *("--data-dir", str(data_dir)),
        ]


@pytest.fixture(scope="module")
def devnet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Devnet]:
    folder = tmp_path_factory.mktemp("devnet") / "files"
    command = [str(CUPEL), "devnet", "up", "--port", "0", "--wallets", "2", "--dir", str(folder), "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        assert ready["deployment"] == str(folder / "deployment.json")
        assert [wallet["name"] for wallet in ready["wallets"]] == ["wallet-1", "wallet-2"]
        assert json.loads((folder / "deployment.json").read_text())["hub"] == ready["contracts"]["hub"]
        children = psutil.Process(process.pid).children(recursive=True)
        yield Devnet(ready["rpc_url"], folder)
        process.send_signal(signal.SIGINT)
        assert process.wait(HANG_SECONDS) == 0
        assert all(dies(child.pid) for child in children)
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


@dataclass(frozen=True)
class Refusal:
    """What a command that refuses leaves."""

    code: int
    output: str
    line: str


def refuse(
    *arguments: str,
    folder: Path | None = None,
    environment: dict[str, str] | None = None,
    limit: bool = False,
) -> Refusal:
    """Run `cupel` and require that it ends by itself with one line on standard error and nothing left running."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CUPEL_")}
    process = subprocess.Popen(
        [str(CUPEL), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        env={**kept, **(environment or {})},
        start_new_session=True,
        preexec_fn=_no_file_may_grow if limit else None,
    )
    try:
        output, errors = process.communicate(timeout=HANG_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, errors = process.communicate()
        pytest.fail(f"still running after {HANG_SECONDS} s; it said: {output}{errors}")
    lines = errors.splitlines()
    assert process.returncode not in (0, None), errors
    assert len(lines) == 1, errors
    assert lines[0].startswith("cupel: "), errors
    assert all(dies(member.pid) for member in _group_members(process.pid))
    return Refusal(process.returncode, output, lines[0])


def _no_file_may_grow() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def _group_members(group: int) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if os.getpgid(process.pid) == group and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (ProcessLookupError, psutil.NoSuchProcess):
            continue
    return found


@contextlib.contextmanager
def taken_port() -> Iterator[int]:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        yield int(holder.getsockname()[1])


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path | None]:
    """A file system without space, or None where we may not mount one."""
    point = tmp_path / "full"
    point.mkdir()
    mounted = (
        shutil.which("mount") is not None
        and not subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(point)], capture_output=True, check=False
        ).returncode
    )
    if not mounted:
        yield None
        return
    try:
        _fill(point / "ballast")
        yield point
    finally:
        subprocess.run(["umount", str(point)], check=True)


def _fill(path: Path) -> None:
    """Write until nothing more fits; closing an unbuffered file writes nothing more."""
    with path.open("wb", buffering=0) as ballast, contextlib.suppress(OSError):
        while True:
            ballast.write(bytes(4096))


@pytest.mark.parametrize("role", ROLES)
def test_config_that_is_not_there(role: str, tmp_path: Path) -> None:
    refusal = refuse(role, "run", "--config", str(tmp_path / "absent.toml"))
    assert refusal.line.startswith(
        f"cupel: config: cannot read {tmp_path}/absent.toml (No such file or directory). "
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"rpc_url = ", "is not TOML"),
        (b"\xff\xfe\x00", "is not TOML"),
        (b'rpc_ur = "x"', "Did you mean rpc_url?"),
        (b'chain_id = "one"', "'one' is no whole number"),
    ],
)
def test_config_that_cannot_be_used(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "node.toml"
    path.write_bytes(content)
    assert message in refuse("node", "run", "--config", str(path)).line


@pytest.mark.parametrize("role", ROLES)
def test_wrong_chain_id(devnet: Devnet, role: str, tmp_path: Path) -> None:
    deployment = json.loads((devnet.folder / "deployment.json").read_text(encoding="utf-8"))
    (tmp_path / "deployment.json").write_text(json.dumps({**deployment, "chain_id": 1}), encoding="utf-8")
    flags = [*devnet.flags(tmp_path / "data"), "--deployment", str(tmp_path / "deployment.json")]
    line = refuse(role, "run", *flags, "--chain-id", "1").line
    assert f"{devnet.rpc_url} serves chain 31337, not 1. Correct chain_id or rpc_url" in line


def test_deployment_of_another_chain(devnet: Devnet, tmp_path: Path) -> None:
    line = refuse("node", "run", *devnet.flags(tmp_path / "data"), "--chain-id", "1").line
    assert "is of chain 31337, not 1. Correct chain_id or deployment" in line


@pytest.mark.parametrize("role", ROLES)
def test_nobody_answers_at_the_rpc_url(devnet: Devnet, role: str, tmp_path: Path) -> None:
    url = NOBODY
    line = refuse(role, "run", *devnet.flags(tmp_path / "data"), "--rpc-url", url).line
    assert f"{url} does not answer" in line
    assert "start the chain or correct rpc_url" in line


def test_something_else_answers_at_the_rpc_url(devnet: Devnet, tmp_path: Path) -> None:
    line = refuse("node", "run", *devnet.flags(tmp_path / "data"), "--rpc-url", "no url at all").line
    assert "rpc_url" in line


def test_store_that_is_none(devnet: Devnet, tmp_path: Path) -> None:
    refusal = refuse("node", "run", *devnet.flags(tmp_path / "data"), "--store", "kubo:127.0.0.1:5001")
    assert "store: 'kubo:127.0.0.1:5001' names no store. Use `files`" in refusal.line
    assert refusal.code == 2


def test_no_daemon_answers_at_the_store(devnet: Devnet, tmp_path: Path) -> None:
    url = NOBODY
    refusal = refuse("node", "run", *devnet.flags(tmp_path / "data"), "--store", f"kubo:{url}")
    assert f"store: no IPFS daemon listens at {url}" in refusal.line
    assert "ipfs daemon" in refusal.line
    assert refusal.code == 4


def test_something_else_answers_at_the_store(devnet: Devnet, tmp_path: Path) -> None:
    store = f"kubo:{devnet.rpc_url}"
    refusal = refuse("verifier", "run", *devnet.flags(tmp_path / "data"), "--store", store)
    assert f"store: what answers at {devnet.rpc_url} is not Kubo's RPC" in refusal.line
    assert refusal.code == 2


@pytest.mark.parametrize("role", ROLES)
def test_empty_wallet(devnet: Devnet, role: str, tmp_path: Path) -> None:
    wallet = create_wallet("empty", tmp_path)
    keys = ["--keystore", str(wallet.keystore), "--password-file", str(wallet.password_file)]
    line = refuse(role, "run", *devnet.flags(tmp_path / "data"), *keys).line
    assert f"account {wallet.address} is empty, it cannot pay for gas. Send it some" in line


def test_keystore_and_password_that_do_not_fit(devnet: Devnet, tmp_path: Path) -> None:
    flags = devnet.flags(tmp_path / "data")
    absent = refuse("node", "run", *flags, "--keystore", str(tmp_path / "absent.json")).line
    assert "absent.json" in absent
    wrong = refuse("node", "run", *flags, "--password-file", str(devnet.folder / "wallet-2.password")).line
    assert "password" in wrong


@pytest.mark.parametrize("flag", ["--http-port", "--p2p-port"])
def test_listening_port_taken(devnet: Devnet, flag: str, tmp_path: Path) -> None:
    with taken_port() as port:
        line = refuse("node", "run", *devnet.flags(tmp_path / "data"), flag, str(port)).line
    assert str(port) in line


@pytest.mark.parametrize(
    "command",
    [
        lambda port, folder: ["demo", "--rpc-port", port, "--run-dir", folder],
        lambda port, folder: ["devnet", "up", "--port", port, "--dir", folder],
    ],
)
def test_chain_port_taken(command: Callable[[str, str], list[str]], tmp_path: Path) -> None:
    with taken_port() as port:
        refusal = refuse(*command(str(port), str(tmp_path / "run")))
    assert f"port {port} cannot be used" in refusal.line


@pytest.mark.parametrize("role", ROLES)
def test_disk_full(devnet: Devnet, full_disk: Path | None, role: str, tmp_path: Path) -> None:
    folder = full_disk if full_disk is not None else tmp_path
    line = refuse(role, "run", *devnet.flags(folder / "data"), limit=full_disk is None).line
    assert re.search(r"No space left on device|File too large", line)
    assert str(folder) in line


def test_demo_on_a_full_disk(full_disk: Path | None, tmp_path: Path) -> None:
    if full_disk is None:
        refusal = refuse("demo", "--run-dir", str(tmp_path / "run"), limit=True)
    else:
        refusal = refuse("demo", "--run-dir", str(full_disk / "run"))
    assert "run-dir" in refusal.line


def test_json_demo_says_why_on_both_streams(tmp_path: Path) -> None:
    (tmp_path / "used").touch()
    refusal = refuse("demo", "--json", "--run-dir", str(tmp_path))
    result = json.loads(refusal.output)
    assert result["passed"] is False
    assert refusal.line == f"cupel: {result['error']}"


@pytest.mark.parametrize("command", [["demo"], ["devnet", "up"]])
def test_foundry_missing(command: list[str], tmp_path: Path) -> None:
    for name in ("foundry.toml", "package.json"):
        (tmp_path / name).touch()
    hub = tmp_path / "out" / "Hub.sol" / "Hub.json"
    hub.parent.mkdir(parents=True)
    hub.write_text("{}", encoding="utf-8")
    environment = {"CUPEL_ROOT": str(tmp_path), "PATH": "/nowhere"}
    line = refuse(*command, folder=tmp_path, environment=environment).line
    assert "anvil: the program was not found. Run `make setup`" in line
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("command", [["demo"], ["devnet", "up"]])
def test_contracts_not_built(command: list[str], tmp_path: Path) -> None:
    for name in ("foundry.toml", "package.json"):
        (tmp_path / name).touch()
    line = refuse(*command, folder=tmp_path, environment={"CUPEL_ROOT": str(tmp_path)}).line
    assert "make setup" in line


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--nodes", "2"], "nodes: 2 is not possible. Use 3 to 16: two of them lie"),
        (["--kill-node", "5@1"], "kill-node: node 5 is not an honest one. Choose 1 to 3"),
        (["--rounds", "1"], "rounds: 1 is not possible"),
    ],
)
def test_demo_that_cannot_work(arguments: list[str], message: str) -> None:
    assert message in refuse("demo", *arguments).line


def test_plan_and_checkpoint_of_a_creator(devnet: Devnet, tmp_path: Path) -> None:
    files = ["--plan", str(tmp_path / "plan.toml"), "--genesis", str(tmp_path / "genesis.safetensors")]
    line = refuse("task", "run", *files, *devnet.flags(tmp_path / "data")).line
    assert f"plan: cannot read {tmp_path}/plan.toml" in line
