"""The setting `store`."""

import socket
from pathlib import Path

import pytest

from cupel.protocol.config import ConfigError
from cupel.protocol.settings import load_settings
from cupel.protocol.storage.filesystem import FilesystemStore
from cupel.protocol.storage.opening import kubo_url, open_store
from cupel.protocol.storage.port import StorageError


def test_files_in_the_data_folder_are_the_default(tmp_path: Path) -> None:
    settings = load_settings(None, {}, {})
    with open_store(settings.store, tmp_path) as store:
        assert isinstance(store, FilesystemStore)
        store.put(b"block")
    assert {path.name for path in tmp_path.iterdir()} == {"blocks", "pins", "quarantine", "temporary"}


@pytest.mark.parametrize(
    ("store", "url"),
    [
        ("kubo:http://127.0.0.1:5001", "http://127.0.0.1:5001"),
        ("kubo:http://[::1]:5001/", "http://[::1]:5001"),
        ("kubo:https://ipfs.example", "https://ipfs.example"),
    ],
)
def test_one_line_names_a_daemon(store: str, url: str) -> None:
    assert kubo_url(load_settings(None, {}, {"CUPEL_STORE": store}).store) == url


@pytest.mark.parametrize(
    "store",
    [
        "",
        "file",
        "kubo",
        "kubo:",
        "http://127.0.0.1:5001",
        "kubo:127.0.0.1:5001",
        "kubo:/ip4/127.0.0.1/tcp/5001",
        "kubo:http://",
        "kubo:http://127.0.0.1:port",
        "kubo:http://127.0.0.1:5001/api/v0",
        "kubo:http://127.0.0.1:5001?a=b",
        "kubo:http://user:secret@127.0.0.1:5001",
    ],
)
def test_what_names_no_store_is_refused_with_the_key(store: str) -> None:
    with pytest.raises(ConfigError) as error:
        kubo_url(store)
    assert error.value.key == "store"
    assert "secret" not in str(error.value)


def test_a_daemon_that_is_down_is_said_with_the_key_and_the_remedy(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(StorageError) as error, open_store(f"kubo:{url}", tmp_path):
            pass
    assert "store" in error.value.problem
    assert url in error.value.problem
    assert "ipfs daemon" in error.value.remedy
