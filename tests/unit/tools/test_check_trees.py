"""The check of branch trees: passes on the repository, and notices every way to part trees from tests."""

from __future__ import annotations

from pathlib import Path

import check_trees
import pytest
from check_trees import Leaf, check, check_file, parse_tree

ROOT = Path(__file__).resolve().parents[3]

TREE = """\
open
├── when it is shut
│   └── it should revert with Hub_Shut: test_shut
└── when it is open
    ├── it should say so: test_open
    └── given that it rains
        └── it should close: testFuzz_rain

view
└── it should be zero: test_zero
"""

SOURCE = """\
contract OpenTest is Base {
    function test_shut() public {
        refuses();
    }

    function test_open() public {
        emit Opened();
    }

    function testFuzz_rain(uint256 drops) public {
        hub.rain(drops);
    }

    function test_zero() public {
        assertEq(hub.view(), 0);
    }
}
"""

BASE = """\
    function refuses() internal {
        expect(IHubErrors.Hub_Shut.selector);
    }
"""


def test_the_hubs_tests_fit_their_trees() -> None:
    assert check(ROOT) == []


def test_a_tree_is_read_to_its_leaves() -> None:
    tree = parse_tree(TREE)
    assert tree.problems == ()
    assert tree.roots == ("open", "view")
    assert tree.leaves == (
        Leaf("revert with Hub_Shut", "test_shut"),
        Leaf("say so", "test_open"),
        Leaf("close", "testFuzz_rain"),
        Leaf("be zero", "test_zero"),
    )
    assert [leaf.errors for leaf in tree.leaves] == [("Hub_Shut",), (), (), ()]
    assert check_file(tree, SOURCE, [BASE]) == []


@pytest.mark.parametrize(
    ("good", "bad", "problem"),
    [
        ("├── when it is shut", "└── when it is shut", "the tree of 'open' is not drawn well"),
        ("│   └── it should revert", "    └── it should revert", "the tree of 'open' is not drawn well"),
        (": test_open", "", "neither branch nor leaf: 'it should say so'"),
        ("test_open", "test_shut", "test_shut is on 2 leaves"),
        ("test_open", "test_ajar", "test_ajar is no test"),
        ("test_open", "test_ajar", "test_open is not in the tree"),
        ("say so", "revert with Hub_Shut", "test_open does not expect Hub_Shut"),
    ],
)
def test_a_tree_that_does_not_fit_is_told(good: str, bad: str, problem: str) -> None:
    assert good in TREE
    assert problem in check_file(parse_tree(TREE.replace(good, bad)), SOURCE, [BASE])


def test_a_test_whose_helper_expects_nothing_is_told() -> None:
    base = BASE.replace("Hub_Shut", "Hub_Open")
    assert check_file(parse_tree(TREE), SOURCE, [base]) == ["test_shut does not expect Hub_Shut"]


def repository(root: Path) -> Path:
    """A hub of two functions and one error, with its tests and their tree."""
    for path, text in {
        check_trees.INTERFACE: "    function open() external;\n    function view() external;\n",
        check_trees.ERRORS: "    error Hub_Shut(uint256 until);\n",
        check_trees.TESTS / "Open.t.sol": SOURCE,
        check_trees.TESTS / "Open.tree": TREE,
        check_trees.SHARED / "Base.t.sol": BASE,
        check_trees.JUDGES / "Judge.t.sol": SOURCE.replace("refuses()", "expect(IJudge.Judge_Shut.selector)"),
        check_trees.JUDGES / "Judge.tree": TREE.replace(
            "it should revert with Hub_Shut", "it reverts with Shut"
        ),
        check_trees.JUDGE_ERRORS[0]: "    error Judge_Shut(uint256 until);\n",
        **dict.fromkeys(check_trees.JUDGE_ERRORS[1:], ""),
    }.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    return root


@pytest.mark.parametrize(
    ("path", "more", "problem"),
    [
        (check_trees.INTERFACE, "    function shut() external;\n", "shut of the hub has no tree"),
        (check_trees.ERRORS, "    error Hub_Wet();\n", "Hub_Wet is on no leaf"),
        (check_trees.JUDGE_ERRORS[1], "    error Other_Wet();\n", "Other_Wet is on no leaf"),
        (check_trees.JUDGES / "Lost.tree", TREE, "tests/contracts/unit/judges/Lost.tree: no tests"),
        (
            check_trees.JUDGES / "Judge.t.sol",
            SOURCE.replace("test_open", "test_ajar"),
            "tests/contracts/unit/judges/Judge.tree: test_ajar is not in the tree",
        ),
        (
            check_trees.TESTS / "Shut.tree",
            TREE,
            "tests/contracts/unit/hub/Shut: a tree and its tests come together",
        ),
        (
            check_trees.TESTS / "Shut.t.sol",
            SOURCE,
            "tests/contracts/unit/hub/Shut: a tree and its tests come together",
        ),
        (
            check_trees.TESTS / "Open.t.sol",
            SOURCE.replace("test_open", "test_ajar"),
            "tests/contracts/unit/hub/Open.tree: test_shut is on two contracts",
        ),
    ],
)
def test_what_no_tree_covers_is_told(tmp_path: Path, path: Path, more: str, problem: str) -> None:
    root = repository(tmp_path)
    assert check(root) == []
    with (root / path).open("a", encoding="utf-8") as file:
        file.write(more)
    assert problem in check(root)


def test_an_error_that_is_none_is_told(tmp_path: Path) -> None:
    root = repository(tmp_path)
    (root / check_trees.ERRORS).write_text("", encoding="utf-8")
    assert check(root) == ["Hub_Shut is on a leaf but no error"]


def test_a_judges_error_that_no_test_expects_is_told(tmp_path: Path) -> None:
    root = repository(tmp_path)
    path = root / check_trees.JUDGES / "Judge.t.sol"
    path.write_text(path.read_text(encoding="utf-8").replace("Judge_Shut", "Judge_Wet"), encoding="utf-8")
    assert check(root) == [
        "tests/contracts/unit/judges/Judge.tree: test_shut does not expect Shut",
        "Judge_Shut is on no leaf",
    ]
