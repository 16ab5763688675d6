"""Links that lead nowhere are found; those of this repository lead somewhere."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from check_links import ROOT, Link, anchors_of, links_of, problems


@pytest.fixture
def book(tmp_path: Path) -> Path:
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "other.md").write_text("# Two `words`, and more\n\n```\n# no heading\n```\n")
    return tmp_path


def test_this_repository_has_no_dead_link() -> None:
    assert problems(ROOT) == []


def test_dead_links_are_told(book: Path) -> None:
    (book / "page.md").write_text(
        "[a](docs/other.md#two-words-and-more) [b](docs/absent.md) [c](docs/other.md#absent)\n"
        "`[d](no link)` [e](https://elsewhere.example) ![f](picture.svg)\n"
    )
    assert problems(book) == [
        "page.md: docs/absent.md is not there",
        "page.md: docs/other.md#absent: no such heading",
        "page.md: picture.svg is not there",
    ]


def test_a_link_may_stay_on_its_page(book: Path) -> None:
    page = book / "docs" / "other.md"
    assert anchors_of(page) == {"two-words-and-more"}
    assert links_of(page) == []
    assert Link(page, "#two-words-and-more").path == page
