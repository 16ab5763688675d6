"""A real IPFS daemon for the tests that need one, ended with the session."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from cupel.protocol.testing.ipfs_daemon import Daemon, running_daemon

SOURCE = Path(__file__).parent / "ipfs_daemon"


@pytest.fixture(scope="session")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """The session's shared daemon."""
    node = shutil.which("node")
    if node is None or not (SOURCE / "node_modules").is_dir():
        pytest.skip("no IPFS daemon is installed: `make test` installs it")
    with running_daemon([Path(node), SOURCE / "daemon.mjs"], tmp_path_factory.mktemp("ipfs")) as daemon:
        yield daemon
