"""The final tables: which promises held, who earned, who lost and why, what the transactions cost."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cupel.devnet.outcome import Outcome
from cupel.devnet.verdict import tokens


def final_tables(outcome: Outcome) -> RenderableType:
    """Everything a person wants to know at the end."""
    word = Text("  PASSED", "bold green") if outcome.passed else Text("  FAILED", "bold red")
    word.append(f"  in {outcome.seconds:.0f} s, seed {outcome.info.seed}", "dim")
    return Group(
        Text(), word, Text(), _checks(outcome), Text(), _money(outcome), Text(), _gas(outcome), Text()
    )


def _checks(outcome: Outcome) -> Table:
    table = Table.grid(padding=(0, 2))
    for check in outcome.checks:
        mark = Text("  ✓", "green") if check.passed else Text("  ✗", "bold red")
        observed = (
            check.observed if check.passed else f"{check.observed or 'nothing'} (expected: {check.expected})"
        )
        table.add_row(mark, Text(check.title, "" if check.passed else "bold red"), Text(observed, "dim"))
    return table


def _money(outcome: Outcome) -> Table:
    table = Table(box=None, header_style="dim", padding=(0, 2, 0, 0))
    for name in ("  who", "role", "units", "net tokens", "why", "transaction"):
        table.add_column(name, justify="right" if name in ("units", "net tokens") else "left")
    for row in outcome.money:
        quiet = row.outcome == "even" or row.name == "creator"
        style = "dim" if quiet else "bold green" if row.net > 0 else "bold red"
        role = Text(row.role, "red" if row.role.startswith("lies") else "dim")
        units = Text(f"{row.units:,}" if row.units else "")
        net = Text(f"{'+' if row.net > 0 else ''}{tokens(row.net)}", style)
        transaction = Text(row.transaction, "dim", no_wrap=True, overflow="ellipsis")
        table.add_row(Text(f"  {row.name}", "bold"), role, units, net, Text(row.why), transaction)
    return table


def _gas(outcome: Outcome) -> Table:
    table = Table(box=None, header_style="dim", padding=(0, 2, 0, 0))
    for name in ("  transaction", "count", "mean gas", "most"):
        table.add_column(name, justify="left" if name == "  transaction" else "right")
    for row in outcome.gas:
        table.add_row(f"  {row.action}", str(row.count), f"{row.mean:,}", f"{row.most:,}")
    return table
