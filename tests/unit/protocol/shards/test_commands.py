"""`cupel shards` as its users run it: real processes on loopback."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cupel.protocol.spec.shardcast.unixfs import CHUNK_BYTES, file_dag
from cupel.protocol.storage.filesystem import FilesystemStore
from cupel.protocol.testing.patterns import pattern_bytes
from cupel.protocol.testing.waiting import HANG_SECONDS

CONTENT = pattern_bytes("file", 12 * CHUNK_BYTES + 5)
ROOT = str(file_dag(CONTENT)[0])
RUN = [sys.executable, "-c", "from cupel.protocol.cli import main; main()", "shards"]


@dataclass
class Running:
    """A process that serves."""

    process: subprocess.Popen[str]
    serving: dict[str, Any]

    @property
    def url(self) -> str:
        return str(self.serving["url"])

    def event(self) -> dict[str, Any]:
        """The next line on its standard output."""
        assert self.process.stdout is not None
        event: dict[str, Any] = json.loads(self.process.stdout.readline())
        return event


@contextmanager
def running(*arguments: str | Path) -> Iterator[Running]:
    """A command that says where it serves, until the end of the block."""
    with subprocess.Popen(
        [*RUN, *map(str, arguments), "--json"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            assert process.stdout is not None
            yield Running(process, json.loads(process.stdout.readline()))
        finally:
            process.kill()


def finish(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*RUN, *map(str, arguments), "--json"], capture_output=True, text=True, check=False, timeout=120
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """What is published."""
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    return path


def test_publish_pass_on_and_fetch(file: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with running("publish", file, "--store", tmp_path / "p") as publisher:
        assert publisher.serving == {
            "event": "serving",
            "cid": ROOT,
            "url": publisher.url,
            "bytes": len(CONTENT),
        }
        middle = ("fetch", ROOT, "--from", publisher.url, "--store", tmp_path / "m", "--serve")
        with (
            running(*middle) as passing,
            running("relay", "--upstream", passing.url, "--store", tmp_path / "r") as relay,
        ):
            fetched = finish("fetch", ROOT, "--from", relay.url, "--store", tmp_path / "c", "--out", out)
            assert fetched.returncode == 0, fetched.stderr
            done = json.loads(fetched.stdout)
            assert (done["event"], done["cid"], done["bytes"]) == ("done", ROOT, len(CONTENT))
            assert out.read_bytes() == CONTENT
            assert passing.event()["fetched_bytes"] == len(CONTENT)
            passing.process.send_signal(signal.SIGTERM)
            assert passing.process.wait(HANG_SECONDS) == 130
    listed = finish("ls", "--store", tmp_path / "c")
    assert json.loads(listed.stdout) == {
        "event": "file",
        "cid": ROOT,
        "bytes": len(CONTENT),
        "held_bytes": len(CONTENT),
    }
    assert finish("verify", "--store", tmp_path / "c").returncode == 0
    # The output is the same file under a second name: what is done to it is noticed.
    with out.open("r+b") as edited:
        edited.write(b"X")
    checked = finish("verify", "--store", tmp_path / "c")
    assert checked.returncode == 1
    assert json.loads(checked.stdout.splitlines()[0]) == {"event": "decayed", "cid": ROOT}


def test_a_killed_fetch_goes_on_where_it_was(file: Path, tmp_path: Path) -> None:
    fetch = ("fetch", ROOT, "--store", tmp_path / "c", "--out", tmp_path / "out")
    limit = ("--upload-limit", "4000000")
    with running("publish", file, "--store", tmp_path / "p", *limit) as publisher:
        with subprocess.Popen(
            [*RUN, *map(str, fetch), "--from", publisher.url], stderr=subprocess.PIPE, text=True
        ) as first:
            assert first.stderr is not None
            # Progress appears after a second of 4 MB/s.
            first.stderr.readline()
            first.stderr.readline()
            first.kill()
        assert not (tmp_path / "out").exists()
        done = json.loads(finish(*fetch, "--from", publisher.url).stdout)
    assert 0 < done["fetched_bytes"] < len(CONTENT)
    assert (tmp_path / "out").read_bytes() == CONTENT


def test_a_relay_whose_disk_decays_fetches_again_and_serves_right_blocks(file: Path, tmp_path: Path) -> None:
    with running("publish", file, "--store", tmp_path / "p") as publisher:
        relay_store = FilesystemStore(tmp_path / "r")
        with running("relay", "--upstream", publisher.url, "--store", tmp_path / "r") as relay:
            assert finish("fetch", ROOT, "--from", relay.url, "--store", tmp_path / "a").returncode == 0
            for path in (tmp_path / "r" / "blocks").rglob("bafk*"):
                block = path.read_bytes()
                path.write_bytes(bytes([block[0] ^ 1]) + block[1:])
            fetched = finish("fetch", ROOT, "--from", relay.url, "--store", tmp_path / "b")
        assert fetched.returncode == 0, fetched.stderr
        assert len(list((tmp_path / "r" / "quarantine").iterdir())) == 13
        assert len(list(relay_store.cids())) == 14


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("fetch", "bafyx", "--from", "http://127.0.0.1:9"), 2, "CID:"),
        (("fetch", ROOT, "--from", "nonsense"), 2, "--from:"),
        (("fetch", ROOT, "--from", "http://127.0.0.1:9", "--out", "/absent/x"), 2, "--out:"),
        (("publish", "/absent/file"), 2, "FILE:"),
        (("relay", "--upstream", "ftp://x"), 2, "--upstream:"),
        (("publish", __file__, "--host", "192.0.2.1"), 4, "cannot listen on 192.0.2.1"),
        (("ls",), 2, "--store:"),
        (("verify",), 2, "--store:"),
    ],
)
def test_mistakes_are_one_clear_line(
    arguments: tuple[str, ...], code: int, says: str, tmp_path: Path
) -> None:
    ended = finish(*arguments, "--store", tmp_path / "s")
    assert ended.returncode == code, ended.stderr
    assert ended.stderr.count("\n") == 1
    assert says in ended.stderr
