"""The journal: everything is there after a restart, and a vote is never replaced."""

from pathlib import Path

import pytest

from cupel.protocol.config import ConfigError
from cupel.protocol.spec.toploc.pooled import Pool
from cupel.protocol.storage import StorageError
from cupel.verifier.journal import Journal

TASK = b"\1" * 32


def test_a_restart_forgets_nothing(tmp_path: Path) -> None:
    first = Journal(tmp_path, TASK)
    vote, further = first.vote(7, 0, True), first.vote(7, 1, False)
    first.record_pass(b"\2" * 32, "node", Pool(3, 384, 5))
    first.record_pass(b"\4" * 32, "node", Pool(1, 128, 0), is_suspect=True)
    second = Journal(tmp_path, TASK)
    assert (second.secret, second.votes, second.passed) == (
        first.secret,
        {(7, 0): vote, (7, 1): further},
        first.passed,
    )
    assert (second.pools, second.suspects) == ({"node": Pool(4, 512, 5)}, {"node"})
    assert second.has_passed(b"\2" * 32)
    assert not second.has_passed(b"\3" * 32)


def test_a_commitment_adds_its_errors_once(tmp_path: Path) -> None:
    journal = Journal(tmp_path, TASK)
    for _ in range(2):
        journal.record_pass(b"\2" * 32, "node", Pool(3, 384, 5))
    journal.record_pass(b"\2" * 32, "node", Pool(), is_suspect=True)
    assert (journal.pools, journal.suspects) == ({"node": Pool(3, 384, 5)}, {"node"})


def test_the_first_vote_stays(tmp_path: Path) -> None:
    vote = Journal(tmp_path, TASK).vote(7, 0, True)
    assert Journal(tmp_path, TASK).vote(7, 0, False) == vote


def test_secrets_and_salts_differ(tmp_path: Path) -> None:
    first, second = Journal(tmp_path, TASK), Journal(tmp_path, b"\2" * 32)
    assert first.secret != second.secret
    assert first.vote(1, 0, True).salt != first.vote(2, 0, True).salt
    assert first.vote(1, 0, True).salt != first.vote(1, 1, True).salt


def test_the_secret_is_for_nobody_else(tmp_path: Path) -> None:
    Journal(tmp_path, TASK)
    (file,) = tmp_path.iterdir()
    assert file.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"secret": "00"}',
        '{"secret": 5, "votes": [], "passed": []}',
        '{"secret": "00", "votes": [], "passed": [], "pools": {"n": [1, 2]}}',
        '{"secret": "00", "votes": [], "passed": [], "pools": [], "suspects": []}',
    ],
)
def test_another_file_in_its_place_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / f"verifier-{TASK.hex()}.json").write_text(text)
    with pytest.raises(ConfigError) as error:
        Journal(tmp_path, TASK)
    assert error.value.key == "data_dir"


def test_a_folder_that_fails_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError):
        Journal(tmp_path / "file", TASK)
