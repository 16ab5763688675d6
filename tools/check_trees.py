"""Hold the contracts' unit tests to their branch trees: *.tree beside *.t.sol, in hub/ and judges/.

    python tools/check_trees.py

A tree names a function and, branch by branch, what it should do; a leaf ends with the name of its test:

    commit
    ├── when the round has no beacon
    │   └── it should revert with Hub_RoundNotOpen: test_needsTheBeacon

Every leaf has its own test and every test its leaf. Every error of the hub and the judges is on a leaf, and the test of
a leaf with an error expects that error; the judges' trees name it without its contract. Of the hub, besides: every test
file and every function has a tree.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
TESTS: Final = Path("tests/contracts/unit/hub")
JUDGES: Final = Path("tests/contracts/unit/judges")
SHARED: Final = Path("tests/contracts")
INTERFACE: Final = Path("contracts/interfaces/IHub.sol")
ERRORS: Final = Path("contracts/interfaces/IHubErrors.sol")
JUDGE_ERRORS: Final = tuple(
    Path(f"contracts/interfaces/{name}.sol")
    for name in (
        "IAggregateJudge",
        "IAttentionJudge",
        "ICanonicalGame",
        "ICanonicalJudge",
        "IDataJudge",
        "IGasBonds",
        "IJurorPool",
        "IJuryJudge",
        "IObjectiveJudge",
    )
)

LINE: Final = re.compile(r"(?P<indent>(?:│   |    )*)(?P<fork>├── |└── )(?P<text>\S.*)")
LEAF: Final = re.compile(r"(?:it should )?(?P<claim>.+): (?P<test>test\w*)")
FUNCTION: Final = re.compile(r"^    function (\w+)\(.*?^    \}$", re.MULTILINE | re.DOTALL)
"""A function in a contract, as `forge fmt` lays it out."""


@dataclass(frozen=True)
class Leaf:
    """A promise and the test that holds the hub to it."""

    claim: str
    test: str

    @property
    def errors(self) -> tuple[str, ...]:
        """Custom errors of the hub that the test must expect."""
        return tuple(re.findall(r"\bHub_\w+", self.claim))

    @property
    def judges_errors(self) -> tuple[str, ...]:
        """Custom errors of a judge that the test must expect, without the name of the contract."""
        named = re.findall(r"reverts with (\w+)(?:,? or (?:with )?([A-Z]\w+))?", self.claim)
        return tuple(name for names in named for name in names if name)


@dataclass(frozen=True)
class Tree:
    """A parsed .tree file. `problems` are mistakes in its form."""

    roots: tuple[str, ...]
    leaves: tuple[Leaf, ...]
    problems: tuple[str, ...]


def parse_tree(text: str) -> Tree:
    """Read one or more trees, parted by empty lines."""
    roots, leaves, problems = [], [], []
    for block in text.strip("\n").split("\n\n"):
        root, *rest = block.split("\n")
        roots.append(root)
        lines = [
            (len(found["indent"]) // 4, found["text"]) for line in rest if (found := LINE.fullmatch(line))
        ]
        if not lines or draw(root, lines) != block:
            problems.append(f"the tree of {root!r} is not drawn well")
        for place, (depth, text_) in enumerate(lines):
            inner = place + 1 < len(lines) and lines[place + 1][0] > depth
            leaf = LEAF.fullmatch(text_)
            if leaf and not inner:
                leaves.append(Leaf(leaf["claim"], leaf["test"]))
            elif leaf or not inner:
                problems.append(f"neither branch nor leaf: {text_!r}")
    return Tree(tuple(roots), tuple(leaves), tuple(problems))


def draw(root: str, lines: list[tuple[int, str]]) -> str:
    """The tree with these (depth, text) lines."""
    drawn = [root]
    for place, (depth, text) in enumerate(lines):
        bars = ["│   " if _continues(lines, place, above) else "    " for above in range(depth)]
        fork = "├── " if _continues(lines, place, depth) else "└── "
        drawn.append("".join(bars) + fork + text)
    return "\n".join(drawn)


def _continues(lines: list[tuple[int, str]], place: int, depth: int) -> bool:
    """Whether a sibling at `depth` follows before the branch ends."""
    following = (other for other, _ in lines[place + 1 :] if other <= depth)
    return next(following, -1) == depth


def functions(source: str) -> Iterator[tuple[str, str]]:
    """Name and text of every function in Solidity source; overloads come one by one."""
    for found in FUNCTION.finditer(source):
        yield found[1], found[0]


def expects(test: str, error: str, code: dict[str, str]) -> bool:
    """Whether the test, or a function that it calls, names the error. `code` maps names to texts."""
    seen: set[str] = set()
    waiting = [test]
    while waiting:
        name = waiting.pop()
        seen.add(name)
        if f".{error}.selector" in code[name]:
            return True
        waiting += {called for called in re.findall(r"(\w+)\(", code[name]) if called in code} - seen
    return False


def code_of(sources: Iterable[str]) -> dict[str, str]:
    """Functions of these sources by name, overloads together."""
    code: dict[str, str] = {}
    for source in sources:
        for name, body in functions(source):
            code[name] = code.get(name, "") + body
    return code


def check_file(tree: Tree, source: str, shared: Iterable[str]) -> list[str]:
    """What is wrong between a tree and its tests. `shared` is source that the tests may call."""
    problems = list(tree.problems)
    code = code_of((*shared, source))
    tests = [name for name, _ in functions(source) if name.startswith("test")]
    named = Counter(leaf.test for leaf in tree.leaves)
    problems += [f"{test} is not in the tree" for test in tests if test not in named]
    problems += [f"{test} is on {count} leaves" for test, count in named.items() if count > 1]
    problems += [f"{test} is on two contracts" for test, count in Counter(tests).items() if count > 1]
    for leaf in tree.leaves:
        if leaf.test not in tests:
            problems.append(f"{leaf.test} is no test")
            continue
        problems += [
            f"{leaf.test} does not expect {error}"
            for error in leaf.errors
            if not expects(leaf.test, error, code)
        ]
    return problems


def check(root: Path) -> list[str]:
    """What is wrong in the repository at `root`."""
    return check_judges(root) + check_hub(root)


def check_judges(root: Path) -> list[str]:
    """What is wrong with the judges' trees."""
    folder = root / JUDGES
    helpers = [path for path in folder.glob("*.sol") if not path.name.endswith(".t.sol")]
    shared = [path.read_text(encoding="utf-8") for path in helpers]
    declared = {error for path in JUDGE_ERRORS for error in _errors_in(root / path)}
    problems: list[str] = []
    promised: set[str] = set()
    for path in sorted(folder.glob("*.tree")):
        tree, source = parse_tree(path.read_text(encoding="utf-8")), path.with_suffix(".t.sol")
        if not source.exists():
            problems.append(f"{JUDGES}/{path.name}: no tests")
            continue
        text = source.read_text(encoding="utf-8")
        code = code_of((*shared, text))
        found = check_file(tree, text, shared)
        for leaf in tree.leaves:
            for name in leaf.judges_errors:
                meant = {error for error in declared if error.partition("_")[2] == name}
                expected = {error for error in meant if leaf.test in code and expects(leaf.test, error, code)}
                promised |= expected
                if not expected:
                    found.append(f"{leaf.test} does not expect {name}")
        problems += [f"{JUDGES}/{path.name}: {text}" for text in found]
    problems += [f"{error} is on no leaf" for error in sorted(declared - promised)]
    return problems


def _errors_in(interface: Path) -> list[str]:
    return re.findall(r"^    error (\w+)\(", interface.read_text(encoding="utf-8"), re.MULTILINE)


def check_hub(root: Path) -> list[str]:
    """What is wrong with the hub's trees."""
    folder = root / TESTS
    helpers = [path for path in folder.glob("*.sol") if not path.name.endswith(".t.sol")]
    shared = [path.read_text(encoding="utf-8") for path in (*(root / SHARED).glob("*.sol"), *helpers)]
    problems: list[str] = []
    roots: set[str] = set()
    promised: set[str] = set()
    names = {path.name.removesuffix(".t.sol") for path in folder.glob("*.t.sol")}
    for name in sorted(names | {path.stem for path in folder.glob("*.tree")}):
        tree_path, test_path = folder / f"{name}.tree", folder / f"{name}.t.sol"
        if not (tree_path.exists() and test_path.exists()):
            problems.append(f"{TESTS}/{name}: a tree and its tests come together")
            continue
        tree = parse_tree(tree_path.read_text(encoding="utf-8"))
        source = test_path.read_text(encoding="utf-8")
        problems += [f"{TESTS}/{name}.tree: {text}" for text in check_file(tree, source, shared)]
        roots.update(tree.roots)
        promised.update(error for leaf in tree.leaves for error in leaf.errors)
    interface = (root / INTERFACE).read_text(encoding="utf-8")
    errors = (root / ERRORS).read_text(encoding="utf-8")
    called = re.findall(r"^    function (\w+)\(", interface, re.MULTILINE)
    problems += [f"{name} of the hub has no tree" for name in called if name not in roots]
    declared = re.findall(r"^    error (\w+)\(", errors, re.MULTILINE)
    problems += [f"{error} is on no leaf" for error in declared if error not in promised]
    problems += [f"{error} is on a leaf but no error" for error in sorted(promised - set(declared))]
    return problems


def main() -> int:
    """Print what is wrong; 1 when anything is."""
    problems = check(ROOT)
    for problem in problems:
        print(f"check_trees: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
