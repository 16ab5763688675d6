"""Write docs/gas.md from the measured numbers in snapshots/.

    python tools/gas_table.py            # write
    python tools/gas_table.py --check    # exit 1 if docs/gas.md is out of date

The targets and the peers' figures are constants here; the numbers are `make snapshots`'s.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
PAGE: Final = ROOT / "docs" / "gas.md"
SNAPSHOTS: Final = ROOT / "snapshots"
CALLS_IN_BATCH: Final = 32


@dataclass(frozen=True)
class Verb:
    """One row: a measured call, its target in gas, and why it costs what it does."""

    title: str
    group: str
    name: str
    target: int
    floor: str


VERBS: Final = (
    Verb(
        "create a task",
        "Hub",
        "createTask",
        75_000,
        "about 86k: 21.0k, calldata 7.9k, transfer 19.2k, code hashes 5.6k, slot 22.1k, event with the parameters 9.7k",
    ),
    Verb(
        "join",
        "Hub",
        "join",
        75_000,
        "about 79k: 21.0k, calldata 8.8k, transfer 19.2k, two slots 27.1k, event 2.5k",
    ),
    Verb(
        "commit, steady state",
        "Hub",
        "commit",
        37_000,
        "about 41k: 21.0k, calldata 2.9k, four slots 14.2k, event 3.2k (naming the beacon: 3.1k of it); then guards",
    ),
    Verb(
        "commit, first lap of the ring",
        "Hub",
        "commit, first lap",
        54_000,
        "steady state and one new slot, 17.1k",
    ),
    Verb(
        "commit in a relayed batch of 32, a node",
        "Hub",
        "commitBatch of 32",
        23_000 * CALLS_IN_BATCH,
        "about 20k a node: slots 10.0k, event 3.2k, signature 3.0k, calldata 3.1k",
    ),
    Verb(
        "challenge",
        "Hub",
        "challenge",
        82_000,
        "about 88k: a kilobyte of parameters as calldata, transfer, two slots, event; and the judge's work",
    ),
    Verb("verdict guilty, steady state", "Hub", "verdict guilty", 90_000, ""),
    Verb(
        "verdict guilty, first credits",
        "Hub",
        "verdict guilty, first credits",
        90_000,
        "two new credit slots, 34.2k",
    ),
    Verb("claim one commitment", "Hub", "claim 1", 64_900, ""),
    Verb("claim 32 commitments", "Hub", "claim 32", 60_000 + 32 * 4_900, ""),
    Verb(
        "withdraw", "Hub", "withdraw", 38_500, "about 41k: the token's transfer and two looks at the balance"
    ),
    Verb(
        "TOPLOC verdict with off-support test, k = 128",
        "ToplocVerdict",
        "judge with off-support test, k = 128",
        215_000,
        "",
    ),
    Verb(
        "TOPLOC verdict, the dearest list known, which no honest chunk has",
        "ToplocVerdict",
        "dearest list known",
        215_000,
        "the best constant is sought for each sign and exponent, here 128 times",
    ),
    Verb("referee: partial dot product, K = 256", "Referee", "partial dot, K = 256", 170_000, ""),
    Verb(
        "referee: dot product in one step, K = 896",
        "Referee",
        "dot in one step, K = 896",
        170_000,
        "nine bytes a product as calldata; docs/referee.md cuts the sum instead",
    ),
    Verb(
        "computation: a whole dispute, both sides, a linear map",
        "CanonicalJudge",
        "linear map, whole dispute",
        1_800_000,
        "",
    ),
    Verb(
        "computation: a whole dispute, a mixture of 14 values",
        "CanonicalJudge",
        "mixture of 14 values, whole dispute",
        1_800_000,
        "each of the rows is opened by itself; one proof of the range would do",
    ),
    Verb(
        "computation: a whole dispute, a norm",
        "CanonicalJudge",
        "norm, whole dispute",
        1_800_000,
        "",
    ),
    Verb(
        "computation: descend",
        "CanonicalJudge",
        "linear map, descend",
        46_000,
        "about 38k: 21.0k, game and chunk as calldata 7.4k, slot 5.0k, event 4.2k",
    ),
    Verb(
        "computation: pick a block",
        "CanonicalJudge",
        "linear map, pickBlock",
        46_000,
        "as a node, of few hashes",
    ),
    Verb(
        "computation: open a block",
        "CanonicalJudge",
        "linear map, openBlock",
        46_000,
        "as a node; up to 64 entries of 5 bytes are as much as ten hashes",
    ),
    Verb(
        "computation: open a row",
        "CanonicalJudge",
        "linear map, openRow",
        46_000,
        "as a node, and the challenge, which the hub is shown if the row convicts",
    ),
    Verb(
        "computation: open a node",
        "CanonicalJudge",
        "linear map, openNode",
        46_000,
        "about 50k: 21.0k, and the floor under the price of calldata (40 a byte) for 16 hashes and the game",
    ),
    Verb(
        "attention: a whole dispute about an answer, a linear map",
        "AttentionJudge",
        "linear map, whole dispute",
        1_800_000,
        "",
    ),
    Verb("computation: pick a child", "CanonicalJudge", "linear map, pickChild", 46_000, "likewise"),
)
PEERS: Final = """\
Peers on the same measure, from their published contracts: Prime Intellect `submitWork` 209.7k, Gensyn `submitReward`
102.8k. From its own snapshots: a Taiko proposal in steady state, 44.8k.
"""


def load(group: str) -> dict[str, int]:
    """A group's numbers."""
    values: dict[str, str] = json.loads((SNAPSHOTS / f"{group}.json").read_text(encoding="utf-8"))
    return {name: int(value) for name, value in values.items()}


def page() -> str:
    """The page's text."""
    lines = [
        "# Gas", "",
        "Whole transactions: 21,000, calldata (EIP-7623 included) and execution with nothing warm, measured by",
        "`tests/contracts/gas` with an OpenZeppelin ERC-20. `make test` compares every number in `snapshots/` to the",
        "unit; `make snapshots` measures again. This page is written by `python tools/gas_table.py`.", "",
        "| | measured | target | | floor of this design (estimates) |", "|---|---:|---:|---|---|",
    ]  # fmt: skip
    for verb in VERBS:
        measured, target = load(verb.group)[verb.name], verb.target
        if "batch of 32" in verb.title:
            measured, target = measured // CALLS_IN_BATCH, target // CALLS_IN_BATCH
        outcome = "met" if measured <= target else f"missed, {measured / target:.2f}x"
        lines.append(f"| {verb.title} | {measured:,} | {target:,} | {outcome} | {verb.floor} |")
    sizes = load("Sizes")
    lines += [
        "", PEERS,
        "## Sizes", "", "Bytes of deployed code; the chain's limit is 24,576, the hub's own 16,384.", "",
        "| contract | bytes |", "|---|---:|", *(f"| {name} | {size:,} |" for name, size in sizes.items()), "",
    ]  # fmt: skip
    for group, title in (
        ("ObjectiveJudge", "A fraud proof before the objective judge, with the challenge and the slash"),
        ("DataJudge", "Demands for withheld data"),
        ("AggregateJudge", "Disputes about versions"),
        ("JuryJudge", "Trials before the honest-majority jury"),
    ):
        rows = (f"| {name} | {gas:,} |" for name, gas in load(group).items())
        lines += [f"## {title}", "", "| | gas |", "|---|---:|", *rows, ""]
    return "\n".join(lines)


def main() -> int:
    """Write the page, or compare it."""
    text = page()
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(text, encoding="utf-8")
        return 0
    if PAGE.exists() and PAGE.read_text(encoding="utf-8") == text:
        return 0
    print("gas_table: docs/gas.md is out of date; run python tools/gas_table.py", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
