"""Taking a release: nothing is fetched before it is trusted, nothing kept that was not signed, nothing goes back."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import venv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path

import pytest
from aiohttp import web
from eth_account import Account

from cupel.protocol.config import ConfigError, EnvironmentProblem
from cupel.protocol.network.server import BlockServer
from cupel.protocol.release import places, taking
from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.release import MAX_STATEMENT_BYTES, Standing
from cupel.protocol.storage.filesystem import FilesystemStore
from cupel.protocol.storage.publishing import published_file
from cupel.protocol.testing.waiting import HANG_SECONDS

SIGNERS = [Account.from_key(bytes([number]) * 32) for number in (1, 2, 3)]
TRUSTED = frozenset(str(account.address) for account in SIGNERS)
Made = Callable[..., Path]
WHEEL = "cupel-9.9.0-py3-none-any.whl"


def refusal(work: Callable[[], object]) -> Rejected:
    with pytest.raises(Rejected) as caught:
        work()
    return caught.value


@contextmanager
def serving(start: Callable[[], object]) -> Iterator[str]:
    """The URL of what `start` (a coroutine function that gives a port and a close) serves, in a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        port, close = asyncio.run_coroutine_threadsafe(start(), loop).result(HANG_SECONDS)  # type: ignore[arg-type]
        yield f"http://127.0.0.1:{port}"
        asyncio.run_coroutine_threadsafe(close(), loop).result(HANG_SECONDS)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@contextmanager
def web_server(folder: Path) -> Iterator[str]:
    async def start() -> tuple[int, Callable[[], object]]:
        app = web.Application()
        app.router.add_static("/", folder)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        return runner.addresses[0][1], runner.cleanup

    with serving(start) as url:
        yield url


def look(statement: Path | str, quorum: int = 2) -> taking.Offer:
    return taking.look(str(statement), TRUSTED, quorum)


def test_what_enough_of_the_trusted_signed_is_offered(released: Made) -> None:
    offer = look(released("9.9.0", minimum="9.0"))
    assert offer.standing is Standing.NEWER
    assert set(offer.signers) == {account.address for account in SIGNERS[:2]}
    assert offer.is_cut_off


def test_too_few_or_foreign_signatures_are_refused(released: Made) -> None:
    statement = released("9.9.0")
    assert refusal(lambda: look(statement, quorum=3)).reason is Reason.RELEASE
    strangers = frozenset([str(SIGNERS[2].address)])
    assert refusal(lambda: taking.look(str(statement), strangers, 1)).reason is Reason.RELEASE


def test_a_changed_statement_is_signed_by_nobody(released: Made) -> None:
    statement = released("9.9.0")
    statement.write_bytes(statement.read_bytes().replace(b'"minimum":"0.1.0"', b'"minimum":"0.1.1"'))
    assert refusal(lambda: look(statement, quorum=1)).reason is Reason.RELEASE


def test_the_wheel_beside_the_statement_is_taken(released: Made, tmp_path: Path) -> None:
    statement = released("9.9.0")
    requirements = taking.fetch(look(statement), str(statement), (), tmp_path / "out")
    wheel = statement.with_name(WHEEL).read_bytes()
    assert (tmp_path / "out" / WHEEL).read_bytes() == wheel
    release = look(statement).release
    assert requirements.read_text() == f"cupel==9.9.0 --hash=sha256:{release.sha256.hex()}\n"


def test_a_wheel_that_was_not_signed_is_not_kept(released: Made, tmp_path: Path) -> None:
    statement = released("9.9.0")
    wheel = statement.with_name(WHEEL)
    for content in (wheel.read_bytes()[:-1], wheel.read_bytes()[:-1] + b"x", wheel.read_bytes() + b"x"):
        wheel.write_bytes(content)
        refusal(lambda: taking.fetch(look(statement), str(statement), (), tmp_path / "out"))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("version", ["0.0.1", metadata.version("cupel")])
def test_nothing_goes_back(released: Made, tmp_path: Path, version: str) -> None:
    statement = released(version, minimum="0.0.1")
    statement.with_name(f"cupel-{version}-py3-none-any.whl").unlink()
    # Refused before the wheel, which is not there, is asked for.
    refused = refusal(lambda: taking.fetch(look(statement), str(statement), (), tmp_path / "out"))
    assert "is not newer than" in refused.detail


def test_statement_and_wheel_over_http(released: Made, tmp_path: Path) -> None:
    statement = released("9.9.0")
    with web_server(statement.parent) as url:
        place = f"{url}/statement"
        taking.fetch(look(place), place, (), tmp_path / "out")
        with pytest.raises(EnvironmentProblem, match="answers 404"):
            look(f"{url}/absent")
        statement.write_bytes(bytes(MAX_STATEMENT_BYTES + 1))
        assert refusal(lambda: look(place)).reason is Reason.SIZE
    assert (tmp_path / "out" / WHEEL).read_bytes() == statement.with_name(WHEEL).read_bytes()
    with pytest.raises(EnvironmentProblem, match="does not answer"):
        look(place)


def test_the_wheel_from_whoever_has_its_blocks(released: Made, tmp_path: Path) -> None:
    statement = released("9.9.0")
    wheel = statement.with_name(WHEEL)
    with published_file(FilesystemStore(tmp_path / "store"), wheel, lambda done: None) as (root, store):

        async def start() -> tuple[int, Callable[[], object]]:
            server = BlockServer(store)
            return await server.start("127.0.0.1", 0), server.close

        offer = look(statement)
        assert str(root.cid) == offer.release.cid
        with serving(start) as url, web_server(statement.parent) as no_blocks:
            taking.fetch(offer, "nowhere", (no_blocks, url), tmp_path / "out")
            assert (tmp_path / "out" / WHEEL).read_bytes() == wheel.read_bytes()
            with pytest.raises(EnvironmentProblem, match="nobody delivers"):
                taking.fetch(offer, "nowhere", (no_blocks,), tmp_path / "other")


def test_places() -> None:
    assert places.beside("https://a.example/b/statement?x=1", WHEEL) == f"https://a.example/b/{WHEEL}"
    assert places.beside("folder/statement", WHEEL) == f"folder/{WHEEL}"
    with pytest.raises(ConfigError, match="cannot read absent"):
        places.read("absent", 1)


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment of its own, with pip."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=True)
    return folder / "bin" / "python"


def version_in(python: Path) -> str:
    code = "from importlib.metadata import version; print(version('cupel'))"
    return subprocess.run([python, "-c", code], capture_output=True, text=True, check=False).stdout.strip()


def test_pip_takes_this_wheel_and_nothing_else(
    released: Made, tmp_path: Path, python: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(python))
    statement = released("9.9.0")
    requirements = taking.fetch(look(statement), str(statement), (), tmp_path / "out")
    (tmp_path / "out" / WHEEL).write_bytes((tmp_path / "out" / WHEEL).read_bytes() + b"x")
    with pytest.raises(EnvironmentProblem, match="pip changed nothing"):
        taking.run_pip(requirements)
    assert version_in(python) == ""
    taking.run_pip(taking.fetch(look(statement), str(statement), (), tmp_path / "out"))
    assert version_in(python) == "9.9.0"
    statement.unlink()
    needy = released("9.9.1", "a-package-that-is-not-here")
    with pytest.raises(EnvironmentProblem, match="pip changed nothing"):
        taking.run_pip(taking.fetch(look(needy), str(needy), (), tmp_path / "out"))
    assert version_in(python) == "9.9.0"


def test_a_checkout_is_not_overwritten(released: Made, tmp_path: Path) -> None:
    # The tests themselves run from one.
    with pytest.raises(ConfigError, match="runs from its sources"):
        taking.install(tmp_path / "requirements")
