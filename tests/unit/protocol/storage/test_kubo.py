"""The Kubo store when its daemon is old, strange, slow or in trouble. A real one is asked in tests/interop."""

import json
import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from cupel.protocol.config import ConfigError
from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.shardcast.cid import Cid
from cupel.protocol.spec.shardcast.unixfs import MAX_BLOCK_BYTES
from cupel.protocol.storage import kubo
from cupel.protocol.storage.files import BlockMissing
from cupel.protocol.storage.kubo import KuboStore
from cupel.protocol.storage.port import StorageError, StorageFull

BLOCK = b"block"
CID = Cid.raw_of(BLOCK)


class ScriptedDaemon(ThreadingHTTPServer):
    """Answers commands as it is told to, in Kubo's words, and remembers them."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.commands: list[tuple[str, list[tuple[str, str]]]] = []
        self.stalled = threading.Event()
        self.answers: dict[str, tuple[int, bytes] | None] = {
            "version": (200, b'{"Version":"0.43.1","Commit":"","Repo":"18"}'),
            "dag/import": (200, b""),
            "pin/add": (200, b'{"Pins":[]}'),
            "pin/rm": (200, b'{"Pins":[]}'),
            "block/stat": (200, b'{"Key":"","Size":5}'),
            "block/get": (200, BLOCK),
        }

    def refuse(self, command: str, message: str) -> None:
        """Answer with an error from now on."""
        self.answers[command] = (500, json.dumps({"Message": message, "Code": 0, "Type": "error"}).encode())


class Handler(BaseHTTPRequestHandler):
    server: ScriptedDaemon

    def do_POST(self) -> None:
        url = urlsplit(self.path)
        command = url.path.removeprefix("/api/v0/")
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.commands.append((command, parse_qsl(url.query)))
        answer = self.server.answers[command]
        if answer is None:
            self.server.stalled.wait(60)
            return
        self.send_response(answer[0])
        self.send_header("Content-Length", str(len(answer[1])))
        self.end_headers()
        self.wfile.write(answer[1])

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def daemon() -> Iterator[ScriptedDaemon]:
    with ScriptedDaemon() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.stalled.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def store(daemon: ScriptedDaemon, tmp_path: Path) -> Iterator[KuboStore]:
    with closing(KuboStore(daemon.url, tmp_path)) as store:
        daemon.commands.clear()
        yield store


@pytest.mark.parametrize(
    ("answer", "problem", "remedy"),
    [
        ((200, b'{"Version":"0.12.2"}'), "is Kubo 0.12.2", "Upgrade it to 0.13"),
        ((200, b'{"Version":"new"}'), "version 'new'", "Addresses.API"),
        ((200, b"<html>"), "not Kubo's RPC", "Addresses.API"),
        ((200, b"[]"), "not Kubo's RPC", "Addresses.API"),
        ((404, b"404 page not found"), "not Kubo's RPC", "Addresses.API"),
        ((302, b""), "not Kubo's RPC", "Addresses.API"),
    ],
)
def test_a_daemon_that_cannot_serve_is_a_wrong_setting(
    daemon: ScriptedDaemon, tmp_path: Path, answer: tuple[int, bytes], problem: str, remedy: str
) -> None:
    daemon.answers["version"] = answer
    with pytest.raises(ConfigError) as error:
        KuboStore(daemon.url, tmp_path)
    assert error.value.key == "store"
    assert daemon.url in error.value.problem
    assert problem in error.value.problem
    assert remedy in error.value.remedy


def test_a_daemon_that_lets_nobody_in_is_said_so(daemon: ScriptedDaemon, tmp_path: Path) -> None:
    daemon.answers["version"] = (403, b"403 - Forbidden")
    with pytest.raises(StorageError, match="does not let this process in"):
        KuboStore(daemon.url, tmp_path)


def test_a_put_is_an_import_a_direct_pin_and_nothing_from_the_network(
    daemon: ScriptedDaemon, store: KuboStore
) -> None:
    store.put(BLOCK)
    assert [command for command, _ in daemon.commands] == ["dag/import", "pin/add"]
    assert dict(daemon.commands[0][1]) == {
        "pin-roots": "false",
        "allow-big-block": "true",
        "offline": "true",
    }
    assert dict(daemon.commands[1][1]) == {"arg": str(CID), "recursive": "false", "offline": "true"}


def test_many_blocks_take_few_requests(daemon: ScriptedDaemon, store: KuboStore) -> None:
    blocks = [bytes([number]) for number in range(kubo.MAX_BATCH_BLOCKS + 1)]
    store.put_blocks([(Cid.raw_of(block), block) for block in blocks])
    assert [command for command, _ in daemon.commands] == ["dag/import", "pin/add"] * 2
    assert set(store.cids()) == {Cid.raw_of(block) for block in blocks}


def test_other_bytes_among_many_are_refused(daemon: ScriptedDaemon, store: KuboStore) -> None:
    with pytest.raises(Rejected) as rejected:
        store.put_blocks([(CID, b"blocK")])
    assert rejected.value.reason is Reason.BLOCK_HASH
    assert daemon.commands == []


def test_a_block_that_the_daemon_lost_is_absent_and_put_again(
    daemon: ScriptedDaemon, store: KuboStore
) -> None:
    store.put(BLOCK)
    for command in ("block/get", "block/stat"):
        daemon.refuse(command, f"block was not found locally (offline): ipld: could not find {CID}")
    assert not store.has(CID)
    assert store.get(CID) is None
    daemon.commands.clear()
    store.put(BLOCK)
    assert [command for command, _ in daemon.commands] == ["block/stat", "dag/import", "pin/add"]


def test_a_block_that_decayed_is_absent(daemon: ScriptedDaemon, store: KuboStore) -> None:
    store.put(BLOCK)
    daemon.answers["block/get"] = (200, b"blocK")
    assert store.get(CID) is None


def test_trouble_is_not_taken_for_an_absent_block(daemon: ScriptedDaemon, store: KuboStore) -> None:
    store.put(BLOCK)
    daemon.refuse("block/get", "leveldb: closed")
    with pytest.raises(StorageError, match="leveldb: closed"):
        store.get(CID)


@pytest.mark.parametrize("command", ["dag/import", "pin/add"])
def test_a_put_that_the_daemon_refuses_leaves_no_mark(
    daemon: ScriptedDaemon, store: KuboStore, command: str
) -> None:
    daemon.refuse(command, "write /data/blocks/x: no space left on device")
    with pytest.raises(StorageFull, match="repo gc"):
        store.put(BLOCK)
    daemon.refuse(command, "something else")
    with pytest.raises(StorageError, match="something else") as error:
        store.put(BLOCK)
    assert not isinstance(error.value, StorageFull)
    assert list(store.cids()) == []


def test_a_pin_that_somebody_took_away_does_not_stop_a_deletion(
    daemon: ScriptedDaemon, store: KuboStore
) -> None:
    store.put(BLOCK)
    daemon.refuse("pin/rm", "leveldb: closed")
    with pytest.raises(StorageError, match="leveldb: closed"):
        store.delete(CID)
    assert list(store.cids()) == [CID]
    daemon.refuse("pin/rm", "not pinned or pinned indirectly")
    assert store.delete(CID)
    assert list(store.cids()) == []


def test_an_answer_without_end_is_cut_off(daemon: ScriptedDaemon, store: KuboStore) -> None:
    daemon.answers["block/get"] = (200, bytes(MAX_BLOCK_BYTES + 1))
    with pytest.raises(StorageError, match="more than 2097152 bytes"):
        store.fetch(CID, 1.0)


def test_a_daemon_that_stalls_is_given_up(
    daemon: ScriptedDaemon, store: KuboStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kubo, "QUERY_SECONDS", 0.1)
    store.put(BLOCK)
    daemon.answers["block/stat"] = None
    with pytest.raises(StorageError, match=r"did not answer `block/stat` within 0.1 s"):
        store.has(CID)


def test_a_daemon_that_goes_away_is_said_so(daemon: ScriptedDaemon, store: KuboStore) -> None:
    store.put(BLOCK)
    daemon.answers["block/get"] = None
    daemon.stalled.set()
    with pytest.raises(StorageError, match="broke off `block/get`"):
        store.get(CID)


def test_a_fetch_asks_the_network_within_its_deadline(daemon: ScriptedDaemon, store: KuboStore) -> None:
    assert store.fetch(CID, 2.5) == BLOCK
    assert daemon.commands == [("block/get", [("arg", str(CID)), ("timeout", "2.5s")])]
    assert not store.has(CID)
    daemon.answers["block/get"] = (200, b"blocK")
    with pytest.raises(StorageError, match="other bytes"):
        store.fetch(CID, 2.5)
    daemon.refuse("block/get", "context deadline exceeded")
    with pytest.raises(BlockMissing):
        store.fetch(CID, 2.5)
    daemon.refuse("block/get", "leveldb: closed")
    with pytest.raises(StorageError, match="leveldb: closed"):
        store.fetch(CID, 2.5)
