"""A creator's whole life in a real browser, from the plan to the refund; and the bytes that Python writes."""

from __future__ import annotations

import asyncio
import io
import json
import subprocess
import sysconfig
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from eth_account import Account

from cupel.devnet.deployment import deploy, fund
from cupel.devnet.presets import CANONICAL, DATA, FULL
from cupel.devnet.project import artefacts, project_root
from cupel.protocol.activity import ActivityLog, keep_transfers, newest_transfers
from cupel.protocol.chain.bindings.hub import Hub
from cupel.protocol.chain.bindings.test_token import TestToken as Token
from cupel.protocol.chain.client import ChainClient
from cupel.protocol.chain.contract import checksum
from cupel.protocol.chain.cursor import LogCursor
from cupel.protocol.chain.deployments import Deployment
from cupel.protocol.chain.ledger import HubLedger
from cupel.protocol.config import ConfigError
from cupel.protocol.model.checkpoint import checkpoint_to_bytes, genesis
from cupel.protocol.model.layout import layout_of
from cupel.protocol.network.statistics import FileInFlight, TransferStatistics
from cupel.protocol.observe import TextObserver
from cupel.protocol.spec.pieces import pieces_root
from cupel.protocol.spec.task import task_id
from cupel.protocol.task.plan import load_plan
from cupel.protocol.task.price import price_of
from cupel.protocol.testing.browser import (
    NoBrowser,
    accessibility_faults,
    apart,
    chromium,
    opened,
    overflow_pixels,
    photograph,
)
from cupel.protocol.testing.vectors import example_params
from cupel.protocol.testing.waiting import HANG_SECONDS, eventually

CUPEL = Path(sysconfig.get_path("scripts")) / "cupel"
AXE = project_root() / "node_modules" / "axe-core" / "axe.min.js"
TOKEN = 10**18
PLANS = (
    "protocol/task/template.toml",
    "examples/sorting/task.toml",
    "examples/llama/task.toml",
    "examples/guessing/task.toml",
)


class Quiet(SimpleHTTPRequestHandler):
    """A web server that knows nothing of Cupel."""

    def log_message(self, *told: object) -> None:
        pass


SIZES = (1, 2048, 2049, 20_000)
WRITE_PLANS = """async (texts) => {
  const [toml, plans, { toHex }] = await Promise.all(["toml", "plan", "bytes"].map((name) => import(`/${name}.js`)));
  const schema = await (await fetch("/plan.json")).json();
  return texts.map((text) => {
    const again = toml.parseToml(toml.writeToml(toml.parseToml(text)));
    const { plan, problems } = plans.checkPlan(schema, again);
    if (!plan) return problems;
    const { bounty, nodes, settled_seconds } = plans.priceOf(schema, plan);
    return [toHex(plans.specBytes(schema, plan)), String(bounty), Number(nodes), Number(settled_seconds)];
  });
}"""
WRITE_TASK = """async ([chainId, hub, abi]) => {
  const [{ Contracts }, { fromHex, toHex }, { keccak256 }] =
    await Promise.all(["contracts", "bytes", "keccak"].map((name) => import(`/${name}.js`)));
  const contracts = await Contracts.load();
  const params = contracts.decodeParams(fromHex(abi));
  const preimage = contracts.taskPreimage(chainId, hub, params);
  return [toHex(contracts.paramsBytes("createTask", 0, params)), toHex(keccak256(preimage))];
}"""
WRITE_ROOTS = """async (sizes) => {
  const [{ piecesRoot }, { toHex }] = await Promise.all([import("/checkpoint.js"), import("/bytes.js")]);
  const fileOf = (size) => Uint8Array.from({ length: size }, (_, place) => place % 251);
  return Promise.all(sizes.map(async (size) => toHex(await piecesRoot(fileOf(size)))));
}"""
COUNT_ACCEPTED = """async (texts) => {
  const [{ parseToml }, { checkPlan }] = await Promise.all([import("/toml.js"), import("/plan.js")]);
  const schema = await (await fetch("/plan.json")).json();
  const accepts = (text) => {
    try {
      return checkPlan(schema, parseToml(text)).plan !== null;
    } catch {
      return false;
    }
  };
  return texts.filter(accepts).length;
}"""


def permit_token(built: Path) -> bytes:
    """Creation code of the tests' token that takes permits."""
    path = built / "Tokens.sol" / "PermitToken.json"
    if not path.exists():
        pytest.skip("the contracts of the tests are not built: run `forge build`")
    return bytes.fromhex(json.loads(path.read_text())["bytecode"]["object"].removeprefix("0x"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    try:
        with chromium() as running:
            yield running
    except NoBrowser as missing:
        pytest.skip(str(missing))


class Network:
    """A chain that signs for one wallet, a hub, a token with permits, and `cupel task page` beside it."""

    def __init__(self, anvil: Any, folder: Path) -> None:
        self.anvil, self.folder = anvil, folder
        self.wallet = checksum(anvil.request("eth_accounts")[0])
        self.node = Account.create()
        self.deployment = apart(self._deploy())
        self.deployment.write(folder / "deployment.json")
        plan = load_plan(project_root() / "protocol/task/template.toml")
        layout = layout_of(plan.spec.model)
        weights = genesis(np.zeros(layout.num_parameters, np.float32))
        (folder / "genesis.safetensors").write_bytes(checkpoint_to_bytes(weights, layout))

    async def _deploy(self) -> Deployment:
        built = artefacts(project_root())
        deployment = await deploy(self.anvil.rpc_url, 31337, built, FULL.jury, DATA, CANONICAL)
        await fund(self.anvil.rpc_url, deployment, {self.node.address: 0})
        self.anvil.request("evm_setAutomine", True)
        async with ChainClient(self.anvil.rpc_url, self.node, 31337) as chain:
            token = Token(chain, await chain.deploy("PermitToken", permit_token(built)))
            for account in (self.wallet, self.node.address):
                await chain.send(token.mint(account, 2000 * TOKEN))
        return replace(deployment, token=token.address)

    def ask(self, question: Callable[[ChainClient], Any]) -> Any:
        """What a coroutine gets from the chain, with the node's key."""

        async def run() -> Any:
            async with ChainClient(self.anvil.rpc_url, self.node, 31337) as chain:
                return await question(chain)

        return apart(run())

    async def ledger(self, chain: ChainClient) -> HubLedger:
        """Everything the hub has told."""
        ledger = HubLedger()
        for logged in (await LogCursor(chain, Hub(chain, self.deployment.hub), 0).advance()).events:
            ledger.apply(logged.event)
        return ledger

    async def work(self, chain: ChainClient) -> None:
        """A node joins the newest task and commits to a round."""
        hub = Hub(chain, self.deployment.hub)
        task = list((await self.ledger(chain)).tasks.values())[-1]
        await chain.send(Token(chain, task.params.token).approve(hub.address, task.params.stake))
        await chain.send(hub.join(task.params, self.node.address, self.node.address, 512, b""))
        self.pass_time(task.params.start - await chain.now() + 1)
        await chain.send(hub.open_round(task.task, 0))
        beacon = await hub.beacon_of(task.task, 0)
        await chain.send(hub.commit(task.task, beacon, 0, 0, b"\1" * 32, b"\2" * 32, 512))

    async def announce(self, chain: ChainClient) -> None:
        """The node says that it is reached where something listens: at the chain's own port."""
        place = f"/ip4/127.0.0.1/tcp/{self.anvil.rpc_url.rpartition(':')[2]}"
        peer = "12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA"
        await chain.send(Hub(chain, self.deployment.hub).set_endpoint(f"{place}/p2p/{peer},{place}/http"))

    def pass_time(self, seconds: int) -> None:
        """Mine a block so much later."""
        self.anvil.request("evm_increaseTime", seconds)
        self.anvil.request("evm_mine")


@pytest.fixture(scope="module")
def network(
    start_anvil: Callable[..., Any], browser: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Network]:
    with start_anvil("--accounts", "1") as anvil:
        try:
            yield Network(anvil, tmp_path_factory.mktemp("pages"))
        except ConfigError as missing:
            pytest.skip(str(missing))


@pytest.fixture(scope="module")
def url(network: Network) -> Iterator[str]:
    folder = network.folder
    options = ["--rpc-url", network.anvil.rpc_url, "--deployment", folder / "deployment.json"]
    options += [
        "--plan",
        project_root() / "protocol/task/template.toml",
        "--genesis",
        folder / "genesis.safetensors",
    ]
    command = [CUPEL, "task", "page", *options, "--data-dir", folder / "data", "--port", "0", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            told = json.loads(process.stdout.readline())
            assert told["event"] == "page", told
            yield told["url"]
        finally:
            process.terminate()
            assert process.wait(HANG_SECONDS) == 130


def test_create_fund_watch_download_and_refund(browser: Any, network: Network, url: str) -> None:
    plan = load_plan(project_root() / "protocol/task/template.toml")
    with opened(browser, network.anvil.rpc_url, network.wallet) as page:
        page.goto(url)
        page.get_by_text("Nothing: the plan can be created.").wait_for()
        assert page.locator("#create").is_disabled()
        page.get_by_role("button", name="Connect Test wallet").click()
        page.get_by_text("One signature and one transaction").wait_for()
        bounty = f"{price_of(plan).bounty // TOKEN:,} TEST for {price_of(plan).units:,} rollouts"
        page.get_by_text(bounty).wait_for()
        page.locator("#field-terms-rate-note").get_by_text("0.01 TEST, for one rollout").wait_for()

        page.get_by_label("commit seconds").fill("301")
        page.locator("#problems").get_by_text("is longer than a round").wait_for()
        assert page.locator("#create").is_disabled()
        assert page.get_by_label("commit seconds").get_attribute("aria-invalid") == "true"
        photograph(page, "create-problem")
        page.get_by_label("commit seconds").fill("240")
        photograph(page, "create")
        assert accessibility_faults(page, AXE) == []
        assert overflow_pixels(page) == 0

        page.get_by_role("button", name="Fund and create").click()
        page.get_by_text("Funded in transaction").wait_for()
        signed = page.evaluate("() => window.signed")
        assert (signed.count("eth_signTypedData_v4"), signed.count("eth_sendTransaction")) == (1, 1)
        ledger = network.ask(network.ledger)
        (task,) = ledger.tasks.values()
        assert task.params.spec_digest == plan.spec.digest
        told = network.deployment
        judges = (told.objective_judge, told.jury_judge, told.data_judge, told.canonical_judge)
        assert tuple(judge.code for judge in task.params.judges) == judges
        assert network.wallet in set(ledger.endpoints)

        network.ask(network.work)
        page.locator("#figures").get_by_text("512", exact=True).wait_for()
        assert page.locator("#refund").is_disabled()
        photograph(page, "watch")
        with page.expect_download() as downloading:
            page.get_by_role("button", name="Download newest weights").click()
        weights = Path(downloading.value.path()).read_bytes()
        assert weights == (network.folder / "genesis.safetensors").read_bytes()
        assert accessibility_faults(page, AXE) == []

        price = price_of(plan)
        network.pass_time(price.work_seconds + price.settled_seconds)
        page.locator("#refund:not(:disabled)").click()
        page.get_by_text("Refunded in transaction").wait_for()
    kept = 512 * int(plan.terms.rate)
    balance = network.ask(lambda chain: Token(chain, network.deployment.token).balance_of(network.wallet))
    assert balance == 2000 * TOKEN - kept


def test_any_web_server_can_have_the_pages(browser: Any, network: Network, tmp_path: Path) -> None:
    site = tmp_path / "somewhere" / "below"
    site.parent.mkdir()
    options = ["--rpc-url", network.anvil.rpc_url, "--deployment", network.folder / "deployment.json"]
    subprocess.run([CUPEL, "task", "page", *options, "--out", site], check=True, stdout=subprocess.DEVNULL)
    handler = partial(Quiet, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        try:
            with opened(browser, network.anvil.rpc_url, network.wallet) as page:
                page.goto(f"http://127.0.0.1:{server.server_port}/somewhere/below/index.html")
                page.get_by_text("Nobody serves them yet").wait_for()
                page.get_by_role("button", name="Connect Test wallet").click()
                page.locator("#create:not(:disabled)").wait_for()
                page.get_by_role("link", name="Submit evidence").click()
                page.get_by_text(f"hub {network.deployment.hub}").wait_for()
                photograph(page, "challenge-empty")
        finally:
            server.shutdown()
            serving.join()


def work_a_little(folder: Path) -> None:
    """What a node leaves for the dashboard: a log, and a file on its way."""
    log = ActivityLog(folder, TextObserver(io.StringIO()))
    log.emit("joined", quota=512, stake="100")
    log.emit("error", message="https://rpc.example/v2/0123456789 does not answer")
    moving = TransferStatistics(
        123_456_789, 98_765, 120, 4, 2, 1, 3, (), (FileInFlight("bafybeigdyrzt5sfp7udm7hu76", 3, 8, 2),)
    )

    async def keep() -> None:
        keeping = asyncio.create_task(keep_transfers(folder, lambda: moving))
        await eventually(lambda: newest_transfers(folder) is not None)
        keeping.cancel()

    apart(keep())
    # A crowded machine takes its time to open the page: to it this is news for an hour.
    written = folder / "activity" / "transfers.json"
    told = json.loads(written.read_text())
    written.write_text(json.dumps(told | {"time": told["time"] + 3_600_000}))


def test_the_dashboard_of_the_same_hub(browser: Any, network: Network, url: str, tmp_path: Path) -> None:
    options = ["--rpc-url", network.anvil.rpc_url, "--deployment", network.folder / "deployment.json"]
    command = [CUPEL, "dashboard", *options, "--port", "0", "--data-dir", tmp_path]
    work_a_little(tmp_path)
    network.ask(network.announce)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            own = process.stdout.readline().split()[0]
            with opened(browser, network.anvil.rpc_url, network.wallet) as page:
                page.goto(own)
                page.get_by_text(f"hub {network.deployment.hub}").wait_for()
                page.locator("#peers").get_by_text("answers", exact=True).first.wait_for()
                page.get_by_text("3 of 8 shards here, 2 on their way").wait_for()
                page.locator("#log").get_by_text("https://rpc.example does not answer").wait_for()
                photograph(page, "dashboard")
                page.get_by_label("Show").select_option("money")
                page.locator("#log").get_by_text("does not answer").wait_for(state="detached")
                page.locator("#log").get_by_text("quota=512").wait_for()
                assert accessibility_faults(page, AXE) == []
                assert overflow_pixels(page) == 0
        finally:
            process.terminate()
            assert process.wait(HANG_SECONDS) == 130


def test_the_browser_writes_the_bytes_that_python_writes(browser: Any, network: Network, url: str) -> None:
    vector = json.loads((project_root() / "tests/vectors/task.json").read_text())
    texts = [(project_root() / path).read_text() for path in PLANS]
    with opened(browser, network.anvil.rpc_url, network.wallet) as page:
        page.goto(url + "challenge.html")
        plans = page.evaluate(WRITE_PLANS, texts)
        task = page.evaluate(WRITE_TASK, [vector["chain_id"], vector["hub"], vector["params_abi"]])
        roots = page.evaluate(WRITE_ROOTS, SIZES)
    expected = []
    for path in PLANS:
        plan = load_plan(project_root() / path)
        price = price_of(plan)
        expected.append(
            ["0x" + plan.spec.to_bytes().hex(), str(price.bounty), price.nodes, price.settled_seconds]
        )
    assert plans == expected
    identity = task_id(vector["chain_id"], vector["hub"], example_params())
    assert task == [vector["params_abi"], "0x" + identity.hex()]
    assert roots == ["0x" + pieces_root(bytes(place % 251 for place in range(size))).hex() for size in SIZES]


def test_the_browser_refuses_the_plans_that_python_refuses(
    browser: Any, network: Network, url: str, tmp_path: Path
) -> None:
    text = (project_root() / "protocol/task/template.toml").read_text()
    changes = [
        ('bounty = "1024', 'bounty = "1024.5'),
        ('rate = "10000000000000000"', 'rate = "0"'),
        ("rounds = 20", "rounds = 20.0"),
        ("rounds = 20", "rouns = 20"),
        ("temperature_millionths = 1000000", "temperature_millionths = 0"),
        ("inner_steps = 8", "inner_steps = 0"),
        ("inner_steps = 8", "inner_steps = 8\nleast_inner_steps = 9"),
        ("max_exponent_offset = 24", "max_exponent_offset = 33"),
        ("momentum_numerator = 0", "momentum_numerator = 1"),
        ("[spec.recipe]", '[spec.recipe]\nobjective = "ppo"'),
        ("[spec.aggregation]", '[spec.aggregation]\ncodec = "sparse-17"'),
        ("[spec.aggregation]", "[spec.aggregation]\ntrimmed = 1"),
        ('id = "cupel/sorting"', 'id = "cupel/sorting"\npackage = "somewhere"'),
        ("version = 1", "version = -1"),
        ("layers = 2", "layers = true"),
    ]
    texts = [text.replace(old, new, 1) for old, new in changes]
    for number, changed in enumerate(texts):
        assert changed != text, changes[number]
        path = tmp_path / f"{number}.toml"
        path.write_text(changed)
        with pytest.raises(ConfigError):
            load_plan(path)
    with opened(browser, network.anvil.rpc_url, network.wallet) as page:
        page.goto(url + "challenge.html")
        accepted = page.evaluate(COUNT_ACCEPTED, texts)
    assert accepted == 0
