"""LCOV traces are read right, too little is too little, and reasons are held against them."""

from __future__ import annotations

from contract_coverage import (
    Missing,
    Reach,
    code_of,
    compare,
    is_enough,
    missing_in,
    parse_lcov,
    parse_reasons,
    table,
)

TRACE = """TN:
SF:contracts/Hub.sol
DA:3,7
DA:4,0
BRDA:3,0,0,2
BRDA:3,0,1,-
BRDA:4,1,0,0
end_of_record
SF:tests/contracts/Base.t.sol
DA:1,0
end_of_record
SF:contracts/libraries/Merkle.sol
DA:1,1
end_of_record
"""

SOURCE = "one\ntwo\n  if (three) {\n  four;\n"
HUB = "contracts/Hub.sol"
ELSE = Missing(HUB, "branch", "if (three) {")
FOUR = Missing(HUB, "line", "four;")
NO_FOUR = Missing(HUB, "branch", "four;")


def parsed(*texts: str) -> dict[str, Reach]:
    found: dict[str, Reach] = {}
    for text in texts:
        parse_lcov(text, found)
    return found


def read(name: str) -> str:
    assert name.startswith("contracts/")
    return SOURCE


def test_only_the_contracts_count() -> None:
    assert parsed(TRACE) == {
        HUB: Reach({3: True, 4: False}, {(3, "0.0"): True, (3, "0.1"): False, (4, "1.0"): False}),
        "contracts/libraries/Merkle.sol": Reach({1: True}, {}),
    }


def test_what_one_of_two_traces_reached_is_reached() -> None:
    other = f"SF:{HUB}\nDA:3,0\nDA:4,1\nBRDA:3,0,0,0\nBRDA:3,0,1,5\nBRDA:4,1,0,-\n"
    reach = Reach({3: True, 4: True}, {(3, "0.0"): True, (3, "0.1"): True, (4, "1.0"): False})
    assert parsed(TRACE, other)[HUB] == reach
    assert parsed(other, TRACE)[HUB] == reach


def test_what_is_missing_is_named_by_its_code() -> None:
    assert missing_in(parsed(TRACE), read) == {ELSE, FOUR, NO_FOUR}


def test_the_table_sums_up() -> None:
    assert table(parsed(TRACE)) == [
        "| source | lines | branches |",
        "|---|---|---|",
        "| contracts/Hub.sol | 50.0% of 2 | 33.3% of 3 |",
        "| contracts/libraries/Merkle.sol | 100.0% of 1 |  |",
        "| all | 66.7% of 3 | 33.3% of 3 |",
    ]


def test_enough_is_98_lines_and_95_branches_in_a_hundred() -> None:
    def reach(lines: int, branches: int) -> dict[str, Reach]:
        return {
            HUB: Reach(
                {line: line < lines for line in range(100)}, {(b, ""): b < branches for b in range(100)}
            )
        }

    assert is_enough(reach(98, 95))
    assert not is_enough(reach(97, 100))
    assert not is_enough(reach(100, 94))
    assert not is_enough({})


def test_an_entry_without_a_reason_explains_nothing() -> None:
    entry = '[[unreached]]\nsource = "contracts/Hub.sol"\nkind = "line"\ncode = "{}"\nreason = "{}"\n'
    assert parse_reasons(entry.format("four;", "it cannot be") + entry.format("two", " ")) == {FOUR}
    assert parse_reasons("") == set()


def test_missing_and_reasons_are_paired() -> None:
    assert compare({FOUR, ELSE}, {FOUR, ELSE}) == []
    assert compare({FOUR, ELSE}, {FOUR}) == ["no reason: branch of contracts/Hub.sol: if (three) {"]
    assert compare({FOUR}, {FOUR, ELSE}) == ["it is reached: branch of contracts/Hub.sol: if (three) {"]


def test_a_line_that_is_there_twice_is_named_with_those_before_it() -> None:
    text = "a\n  loop\nb\n  loop\n  b\nc\n"
    assert code_of(text, 2) == "a / loop"
    assert code_of(text, 4) == "b / loop"
    assert code_of(text, 5) == "b / loop / b"
    assert code_of(text, 6) == "c"
