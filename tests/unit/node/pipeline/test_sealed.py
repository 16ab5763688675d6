"""A set of files is found whole or not at all."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cupel.node.journal import Journal
from cupel.node.pipeline.sealed import load_set, marker_of, save_set

FILES = {"one": b"first", "two": bytes(100), "three": b""}


def test_a_set_comes_back(tmp_path: Path) -> None:
    save_set(Journal(tmp_path), "things", FILES)
    assert load_set(Journal(tmp_path), "things") == FILES


def test_without_its_marker_there_is_no_set(tmp_path: Path) -> None:
    save_set(Journal(tmp_path), "things", FILES)
    (tmp_path / marker_of("things")).unlink()
    assert load_set(Journal(tmp_path), "things") is None


class Killed(BaseException):
    """Raised where a process would have died."""


@pytest.mark.parametrize("survived", range(4))
def test_killed_while_saving_it_leaves_no_set(survived: int, tmp_path: Path) -> None:
    class Dying(Journal):
        saves = 0

        def save(self, name: str, data: bytes, durable: bool = True) -> None:
            if Dying.saves == survived:
                raise Killed
            Dying.saves += 1
            Journal.save(self, name, data, durable)

    with pytest.raises(Killed):
        save_set(Dying(tmp_path), "things", FILES)
    assert load_set(Journal(tmp_path), "things") is None
    save_set(Journal(tmp_path), "things", FILES)
    assert load_set(Journal(tmp_path), "things") == FILES


@given(
    name=st.sampled_from([*FILES, marker_of("things")]), data=st.one_of(st.none(), st.binary(max_size=200))
)
def test_damage_breaks_the_seal(
    tmp_path_factory: pytest.TempPathFactory, name: str, data: bytes | None
) -> None:
    folder = tmp_path_factory.mktemp("set")
    save_set(Journal(folder), "things", FILES)
    before = (folder / name).read_bytes()
    if data is None:
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(data)
    assert load_set(Journal(folder), "things") == (FILES if data == before else None)
    assert (folder / marker_of("things")).exists() == (data == before)
