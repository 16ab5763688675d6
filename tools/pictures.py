"""The README's two pictures, drawn from the result of a real run of the demo.

    python tools/pictures.py runs/20261125-173820/result.json

Writes docs/demo.svg (who learned, who was paid, who lost its stake) and docs/flow.svg (what went where, and how much of
it), and keeps the numbers they show in docs/demo.json, which is what `--check` draws them from again.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path
from typing import Any, Final

DOCS: Final = Path(__file__).resolve().parent.parent / "docs"
TOKEN: Final = 10**18
# The report's colours (deploy/devnet/report/style.css), for pages of either kind.
STYLE: Final = """
  .paper { fill: #fffdf8; stroke: #ddd6c8; } .box { fill: #f5f2eb; stroke: #ddd6c8; }
  text { font: 14px system-ui, 'Segoe UI', Roboto, sans-serif; fill: #201d18; }
  .head { font-weight: 650; font-size: 15px; } .big { font-weight: 650; font-size: 16px; }
  .soft { fill: #655f55; font-size: 12.5px; }
  .grid { stroke: #ddd6c8; } .one { fill: none; stroke: #1f6f94; stroke-width: 1.2; opacity: .5; }
  .mean { fill: none; stroke: #1f7048; stroke-width: 3; stroke-linejoin: round; stroke-linecap: round; }
  .good { fill: #1f7048; } .bad { fill: #b02f27; } .bad-line { stroke: #b02f27; stroke-width: 2.5; }
  .arrow { fill: none; stroke: #8a5a00; stroke-width: 2; } .tip { fill: #8a5a00; }
  @media (prefers-color-scheme: dark) {
    .paper { fill: #1b1a16; stroke: #35322b; } .box { fill: #24221d; stroke: #35322b; }
    text { fill: #ece7db; } .soft { fill: #aaa394; } .grid { stroke: #35322b; } .one { stroke: #6bb8dc; }
    .mean { stroke: #74cc9b; } .good { fill: #74cc9b; } .bad { fill: #f28a7c; } .bad-line { stroke: #f28a7c; }
    .arrow { stroke: #e6b450; } .tip { fill: #e6b450; }
  }
"""


def facts(result: Mapping[str, Any]) -> dict[str, Any]:
    """What the pictures show of a run's result."""
    commits = {row["action"]: row["count"] for row in result["gas"]}
    return {
        "started": result["run"]["started"],
        "machine": result["run"]["machine"],
        "preset": result["run"]["preset"],
        "seconds": result["run"]["seconds"],
        "task": {key: result["task"][key] for key in ("rounds", "rate", "stake", "bounty")},
        "rewards": result["rewards"],
        "money": [
            {key: row[key] for key in ("name", "role", "units", "net", "why", "outcome")}
            for row in result["money"]
        ],
        "commitments": commits.get("Hub.commit", 0),
        "findings": sorted({(one["node"], one["reason"]) for one in result["findings"]}),
        "challenges": [[one["judge"], one["accusation"], one["guilty"]] for one in result["challenges"]],
        "versions": len(result["checkpoints"]),
    }


def tokens(amount: int) -> str:
    """Whole tokens, with a sign."""
    return f"{amount / TOKEN:+,.2f}".rstrip("0").rstrip(".")


def text(x: float, y: float, words: str, kind: str = "", anchor: str = "start") -> str:
    """One line of text."""
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}" text-anchor="{anchor}">{escape(words)}</text>'


def demo_picture(told: Mapping[str, Any]) -> str:
    """Rewards by round on the left, money on the right."""
    rewards, rounds = told["rewards"], told["task"]["rounds"]
    liars = {row["name"]: row["role"].removeprefix("lies: ") for row in told["money"] if is_liar(row)}
    left, top, width, height = 70, 84, 330, 190

    def place(index: int, millionths: int) -> tuple[float, float]:
        return left + width * index / max(1, rounds - 1), top + height * (1 - millionths / 1e6)

    parts = [text(24, 34, "The reward rises, and lies do not pay", "head")]
    parts.append(text(24, 54, f"mean reward of the honest nodes, by round ({told['preset']} demo)", "soft"))
    for share in (0.0, 0.5, 1.0):
        y = top + height * (1 - share)
        parts.append(f'<line class="grid" x1="{left}" x2="{left + width}" y1="{y}" y2="{y}"/>')
        parts.append(text(left - 10, y + 4, f"{share:g}", "soft", "end"))
    for index in range(rounds):
        parts.append(text(place(index, 0)[0], top + height + 22, str(index), "soft", "middle"))
    for name, by_round in rewards.items():
        points = [
            place(int(index), value) for index, value in sorted(by_round.items(), key=lambda one: int(one[0]))
        ]
        if name in liars:
            parts += [cross(*point) for point in points]
            x, y = points[-1]
            parts.append(text(*beside(x, y, top + height / 2), f"{name}: {liars[name]}", "bad"))
        else:
            kind = "mean" if name == "honest_mean" else "one"
            parts.append(
                f'<polyline class="{kind}" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in points)}"/>'
            )
    parts += money(told)
    footer = f"{told['started']}, {told['machine']}, {told['seconds']:.0f} s from start to settled"
    parts.append(text(24, 348, footer, "soft"))
    return page(900, 366, "Result of a demo: rewards rise, two liars lose their stakes", parts)


def beside(x: float, y: float, middle: float) -> tuple[float, float]:
    """Where a mark's words cross neither a grid line nor the curves, which rise from the lower left."""
    return (x + 12, y + 20) if y < middle else (x + 50, y + 5)


def cross(x: float, y: float) -> str:
    """A liar's claim."""
    return f'<path class="bad-line" d="M{x - 5:.1f} {y - 5:.1f}l10 10m0 -10l-10 10"/>'


def money(told: Mapping[str, Any]) -> Iterable[str]:
    """Who has what in the end."""
    yield text(450, 34, "Who was paid", "head")
    yield text(450, 54, "tokens gained or lost, and why", "soft")
    shown = [row for row in told["money"] if row["role"] not in ("escrow", "nobody")][:8]
    for number, row in enumerate(shown):
        y, amount = 90 + 31 * number, int(row["net"])
        yield text(450, y, row["name"])
        yield text(622, y, tokens(amount), "good" if amount > 0 else "bad" if amount < 0 else "", "end")
        yield text(636, y, row["why"].partition(" before ")[0], "soft")


def is_liar(row: Mapping[str, Any]) -> bool:
    """Whether a row of the money is a node that lied on purpose."""
    return str(row["role"]).startswith("lies: ")


def flow_picture(told: Mapping[str, Any]) -> str:
    """Five stations, and what really went from each to the next."""
    task, rows = told["task"], told["money"]
    nodes = [row for row in rows if row["name"].startswith("node-")]
    paid = [row for row in nodes if int(row["net"]) > 0]
    slashed = [row for row in nodes if is_liar(row) and int(row["net"]) < 0]
    units = sum(row["units"] for row in nodes)
    earned = sum(int(row["net"]) for row in paid)
    verifiers = sum(row["name"].startswith("verifier-") for row in rows)
    bounty, stake = int(task["bounty"]) / TOKEN, int(task["stake"]) // TOKEN
    stations = [
        ("1  Task creator", f"{bounty:,.4g} tokens", "escrowed on the chain;", "plan, weights by CID"),
        ("2  Nodes", f"{len(nodes)} x {stake} staked", "roll out with the newest", "policy, then train"),
        (
            "3  Commitments",
            f"{told['commitments']} roots",
            f"over {units:,} rollouts",
            f"in {task['rounds']} rounds",
        ),
        (
            "4  Verifiers",
            f"{len(told['challenges'])} challenges",
            f"by {verifiers}: a sample, drawn",
            "later, is recomputed",
        ),
        (
            "5  Settlement",
            f"{earned / TOKEN:,.4g} paid",
            f"to {len(paid)} honest nodes;",
            f"{len(slashed)} liars lost all",
        ),
    ]
    parts = []
    for number, (head, big, *rest) in enumerate(stations):
        x = 16 + 176 * number
        parts.append(f'<rect class="box" x="{x}" y="20" width="164" height="132" rx="12"/>')
        parts.append(text(x + 14, 46, head, "head"))
        parts.append(text(x + 14, 78, big, "big"))
        parts += [text(x + 14, 104 + 18 * line, words, "soft") for line, words in enumerate(rest)]
        if number < len(stations) - 1:
            parts.append(f'<path class="tip" d="M{x + 164} 80l11 6l-11 6z"/>')
    parts.append('<path class="arrow" d="M450 154v30h-176v-20"/><path class="tip" d="M269 165l5 -11l5 11z"/>')
    words = f"the next weights, the same bytes for everybody: {told['versions']} versions"
    parts.append(text(462, 188, words, "soft"))
    parts.append(text(16, 214, f"numbers of a {told['preset']} demo on {told['started']}", "soft"))
    return page(900, 230, "From the bounty to the payment: what a demo moved", parts)


def page(width: int, height: int, title: str, parts: Iterable[str]) -> str:
    """The whole file."""
    size, label = f'viewBox="0 0 {width} {height}"', f'role="img" aria-label="{escape(title)}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} {label}>',
        f"<title>{escape(title)}</title>",
        f"<style>{STYLE}</style>",
        f'<rect class="paper" x=".5" y=".5" width="{width - 1}" height="{height - 1}" rx="14"/>',
        *parts,
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Draw, or see that what is committed is what would be drawn."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("result", nargs="?", type=Path, help="result.json of a run.")
    parser.add_argument("--check", action="store_true", help="Compare with docs/ and write nothing.")
    given = parser.parse_args()
    kept = DOCS / "demo.json"
    if given.result is None:
        told = json.loads(kept.read_text(encoding="utf-8"))
    else:
        result = json.loads(given.result.read_text(encoding="utf-8"))
        if not result["passed"]:
            print("pictures: that run broke a promise; draw one that passed", file=sys.stderr)
            return 1
        told = facts(result)
    drawn = {
        DOCS / "demo.svg": demo_picture(told),
        DOCS / "flow.svg": flow_picture(told),
        kept: json.dumps(told, indent=1) + "\n",
    }
    old = [path for path, content in drawn.items() if not path.exists() or path.read_text("utf-8") != content]
    if given.check:
        for path in old:
            print(
                f"pictures: {path.name} is not what docs/demo.json gives: run tools/pictures.py",
                file=sys.stderr,
            )
        return 1 if old else 0
    for path in old:
        path.write_text(drawn[path], encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
