"""Play every dispute about a small chunk: python tools/play_disputes.py [--wide]

A lie in every row of the trace, alone and with all that follows, against the honest challenger; then every entry of
every row of an honest trace accused. Asserts on each that the liar loses. Half a minute; --wide is a model of two
layers and rows of several blocks, six minutes.
"""

from __future__ import annotations

import dataclasses
import sys
import time

from cupel.protocol.spec.errors import Rejected
from cupel.protocol.spec.referee import layout, tree
from cupel.protocol.spec.referee.game import Game, Verdict
from cupel.protocol.spec.referee.moves import Move
from cupel.protocol.spec.referee.players import Challenger
from cupel.protocol.spec.referee.rules import play
from cupel.protocol.testing.dispute_play import Table, altered, at_once, last_second
from cupel.protocol.testing.game_case import NARROW, WIDE, game_case
from cupel.protocol.testing.vectors import CHAIN_ID, HUB, NODE, example_params


def lies(table: Table) -> int:
    """Games with a false row; each is lost by the accused in time."""
    played = 0
    for number in range(len(table.trace.record.leaves)):
        for through in (False, True):
            liar = altered(table.trace, number, through=through)
            said = dataclasses.replace(table.answer, trace_root=liar.record.root())
            for delay in (at_once, last_second):
                verdict, seconds, _ = table.settle(table.accused(liar, said), table.challenger(), delay)
                assert verdict is Verdict.GUILTY, f"row {number}"
                assert seconds <= table.matter.terms.most_seconds, f"row {number}"
                played += 1
    return played


def false_charges(table: Table) -> int:
    """Entries of an honest trace that a challenger charges; each charge is refused."""
    played = 0
    for number, entries in enumerate(table.trace.record.entries):
        for block in range(-(-len(entries) // tree.BLOCK_ENTRIES)):
            game = table.descended(number, block)
            challenger = Challenger(table.matter, table.trace, table.held)
            for entry in range(min(tree.BLOCK_ENTRIES, len(entries) - block * tree.BLOCK_ENTRIES)):
                refused = refusal(table, game, challenger.execute(game, entry))
                assert refused == "the entry is right", (
                    f"row {number}, entry {entry} of block {block}: {refused}"
                )
                played += 1
    return played


def refusal(table: Table, game: Game, move: Move) -> str:
    """Why a move is refused; empty if it is not."""
    try:
        play(game, table.matter, move, game.moved_at)
    except Rejected as refused:
        return refused.detail
    return ""


def main() -> int:
    """Exit 0 if all went as it must; an assertion names the game that did not."""
    shape, rollout, chunk = (WIDE, 2, 2) if "--wide" in sys.argv[1:] else (NARROW, 2, 1)
    table = Table.of(game_case(shape, example_params(), CHAIN_ID, HUB, NODE), rollout, chunk)
    tokens = len(table.trace.tokens)
    print(
        f"{layout.row_count(shape, tokens)} rows of {tokens} tokens, width {shape.width}, {shape.layers} layers"
    )
    started = time.monotonic()
    print(f"{lies(table)} games of a lying accused: all lost by it")
    print(f"{false_charges(table)} entries of an honest trace charged: all refused")
    print(f"{time.monotonic() - started:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
