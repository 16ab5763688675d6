"""The trees beside the Solidity tests: each branch ends in a test, each test has its branch."""

import re
from pathlib import Path

import pytest

CONTRACT_TESTS = Path(__file__).resolve().parents[2] / "contracts"
TREES = sorted(CONTRACT_TESTS.rglob("*.tree"))
BRANCH = re.compile(r"^(?P<indent>[│ ]*)[├└]── (?P<text>.+)$")
NAMED = re.compile(r": (?P<test>test\w+)$")


def leaves_of(lines: list[str]) -> list[str]:
    """The branches that no deeper line follows."""
    branches = [match for line in lines if (match := BRANCH.match(line))]
    assert len(branches) == len(lines), "a line that is no branch"
    depths = [len(branch["indent"]) for branch in branches] + [0]
    return [branch["text"] for i, branch in enumerate(branches) if depths[i + 1] <= depths[i]]


@pytest.mark.parametrize("tree", TREES, ids=lambda tree: tree.stem)
def test_every_branch_is_a_test_and_every_test_a_branch(tree: Path) -> None:
    title, *lines = tree.read_text(encoding="utf-8").splitlines()
    tests = tree.with_suffix(".t.sol")
    assert title == tests.name
    named = [match["test"] if (match := NAMED.search(leaf)) else leaf for leaf in leaves_of(lines)]
    written = re.findall(r"function (test\w+)", tests.read_text(encoding="utf-8"))
    assert sorted(named) == sorted(written)


def test_there_are_trees() -> None:
    assert TREES
