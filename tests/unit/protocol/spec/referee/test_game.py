"""The dispute about a chunk, played out: every lie, both sides, silence and late moves."""

import dataclasses
from collections.abc import Iterator

import pytest

from cupel.protocol.spec import merkle
from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.referee import layout
from cupel.protocol.spec.referee.game import Game, Stage, Terms, Verdict, begin, deadline, time_out
from cupel.protocol.spec.referee.layout import Part
from cupel.protocol.spec.referee.moves import (
    Answer,
    Descend,
    Execute,
    Move,
    Omitted,
    OpenBlock,
    OpenNode,
    OpenRow,
    PickBlock,
    PickChild,
    Unlike,
)
from cupel.protocol.spec.referee.players import Challenger
from cupel.protocol.spec.referee.rules import play
from cupel.protocol.spec.referee.sides import Trace
from cupel.protocol.spec.referee.trace import Kind
from cupel.protocol.spec.toploc.build import build_proof
from cupel.protocol.spec.toploc.support import decode_support, encode_support
from cupel.protocol.testing.dispute_play import (
    Side,
    Table,
    altered,
    at_once,
    committed,
    last_second,
    tampered,
)
from cupel.protocol.testing.game_case import NARROW, TOPK, WIDE, game_case
from cupel.protocol.testing.vectors import CHAIN_ID, HUB, NODE, example_params

TABLE = Table.of(game_case(NARROW, example_params(), CHAIN_ID, HUB, NODE), rollout=2, chunk=1)
BROAD = Table.of(game_case(WIDE, example_params(), CHAIN_ID, HUB, NODE), rollout=2, chunk=2)
ROWS = range(len(TABLE.trace.record.leaves))


def honest_challenger_wins(table: Table, accused: Side) -> list[Move]:
    """The rule: whoever lies, whatever it posts, loses to one honest challenger, and in time."""
    for delay in (at_once, last_second):
        verdict, seconds, moves = table.settle(accused, table.challenger(), delay)
        assert verdict is Verdict.GUILTY
        assert seconds <= table.matter.terms.most_seconds
    return moves


def honest_accused_wins(table: Table, challenger: Side) -> list[Move]:
    """The rule: whoever accuses the honest loses its bond, and in time."""
    for delay in (at_once, last_second):
        verdict, seconds, moves = table.settle(table.accused(), challenger, delay)
        assert verdict is Verdict.NOT_GUILTY
        assert seconds <= table.matter.terms.most_seconds
    return moves


def test_an_honest_challenger_has_nothing_to_say_against_an_honest_accused() -> None:
    assert honest_accused_wins(TABLE, TABLE.challenger()) == [TABLE.answer]


def test_a_lie_in_any_row_loses() -> None:
    seen = set()
    for number in ROWS:
        moves = honest_challenger_wins(TABLE, TABLE.accused(altered(TABLE.trace, number)))
        assert isinstance(moves[-1], Execute)
        seen.add(layout.locate(NARROW, len(TABLE.trace.tokens), number).part)
    assert seen == set(Part)


@pytest.mark.parametrize("number", [0, 13, 20, 100, 200, len(ROWS) - 15])
def test_a_trace_that_is_false_from_a_row_on_loses(number: int) -> None:
    liar = altered(TABLE.trace, number, through=True)
    moves = honest_challenger_wins(TABLE, TABLE.accused(liar, said_of(TABLE, liar)))
    assert isinstance(moves[-1], Execute)


def said_of(table: Table, liar: Trace) -> Answer:
    """What stands by a false trace, with the support of the true one, so that the proof passes."""
    return dataclasses.replace(table.answer, trace_root=liar.record.root())


@pytest.mark.parametrize("number", [3, 15, 40, 77, 335])
def test_a_row_of_another_form_loses(number: int) -> None:
    right = TABLE.trace.record.kinds[number]
    other = altered(TABLE.trace, number, kind=Kind.SILU)
    for liar in (other, altered(TABLE.trace, number, kind=right, shorter=True)):
        moves = honest_challenger_wins(TABLE, TABLE.accused(liar, said_of(TABLE, liar)))
        assert isinstance(moves[-1], OpenRow)


def test_rows_of_several_blocks_and_a_second_layer() -> None:
    tokens, parts = len(BROAD.trace.tokens), {}
    for number in range(len(BROAD.trace.record.leaves)):
        parts[layout.locate(WIDE, tokens, number).part, layout.locate(WIDE, tokens, number).layer] = number
    picked = 0
    for number in parts.values():
        liar = altered(BROAD.trace, number)
        moves = honest_challenger_wins(BROAD, BROAD.accused(liar, said_of(BROAD, liar)))
        assert isinstance(moves[-1], Execute)
        picked += any(isinstance(move, PickBlock) for move in moves)
    assert picked > 10


def test_a_block_of_another_length_loses() -> None:
    number = layout.row_index(NARROW, len(TABLE.trace.tokens), layout.Row(Part.FEED_IN, 0, 0, 3))
    liar = tampered(TABLE.trace, number, (TABLE.trace.record.blocks[number][0] + b"\x00",))
    moves = honest_challenger_wins(TABLE, TABLE.accused(liar, said_of(TABLE, liar)))
    assert isinstance(moves[-1], OpenBlock)


def test_leaves_that_are_no_rows_lose() -> None:
    """Neither side of a hash that nobody can open, in a row's place or behind the last, can be shown."""
    for number in (0, 100, len(ROWS) - 1, len(ROWS)):
        for leaf in (merkle.EMPTY_LEAF, merkle.leaf_hash(b"no row")):
            leaves = [*TABLE.trace.record.leaves]
            leaves[number : number + 1] = [leaf]
            liar = tampered(TABLE.trace, 0, TABLE.trace.record.blocks[0])
            liar.record.leaves[:] = leaves
            if liar.record.root() == TABLE.trace.record.root():
                continue
            honest_challenger_wins(TABLE, TABLE.accused(liar, said_of(TABLE, liar)))


def supports() -> Iterator[bytes]:
    """Canonical lists that are not the chunk's."""
    points = decode_support(TABLE.answer.support, TOPK, NARROW.width * 2)
    for place in range(TOPK):
        index, pattern = points[place]
        changed = [*points[:place], (index, pattern ^ 0x8000), *points[place + 1 :]]
        yield encode_support(changed)


def test_a_false_list_loses() -> None:
    for support in supports():
        said = dataclasses.replace(TABLE.answer, support=support)
        honest_challenger_wins(TABLE, TABLE.accused(answer=said))


def test_a_list_that_leaves_out_an_element_loses() -> None:
    patterns = BROAD.trace.patterns(*BROAD.place)
    points = decode_support(BROAD.answer.support, TOPK, patterns.size)
    ranked = sorted(range(patterns.size), key=lambda index: (-(int(patterns[index]) & 0x7FFF), index))
    following = ranked[TOPK]
    for left_out in range(TOPK):
        kept = [*points[:left_out], *points[left_out + 1 :], (following, int(patterns[following]))]
        proof = build_proof(patterns, TOPK)
        said = dataclasses.replace(BROAD.answer, support=encode_support(kept), proof=proof)
        moves = honest_challenger_wins(BROAD, BROAD.accused(answer=said))
        assert isinstance(moves[-1], Omitted)


def test_silence_loses_at_every_move() -> None:
    liar = altered(BROAD.trace, 700)
    liar = altered(BROAD.trace, layout.row_index(WIDE, 14, layout.Row(Part.ATTENTION_IN, 1, 0, 5)))
    said = said_of(BROAD, liar)
    _, _, moves = BROAD.settle(BROAD.accused(liar, said), BROAD.challenger())
    for silent, move in enumerate(moves):
        game: Game = begin(BROAD.matter.terms, 0)
        for made in moves[:silent]:
            outcome = play(game, BROAD.matter, made, game.moved_at)
            assert isinstance(outcome, Game)
            game = outcome
        limit = deadline(game, BROAD.matter.terms)
        with pytest.raises(Rejected):
            time_out(game, BROAD.matter.terms, limit - 1)
        with pytest.raises(Rejected):
            play(game, BROAD.matter, move, limit)
        expected = Verdict.NOT_GUILTY if game.is_challengers else Verdict.GUILTY
        assert time_out(game, BROAD.matter.terms, limit) is expected
        play(game, BROAD.matter, move, limit - 1)
    assert {type(move) for move in moves} == {
        Answer,
        Descend,
        OpenNode,
        PickChild,
        OpenRow,
        PickBlock,
        OpenBlock,
        Execute,
    }


def test_clocks_run_down_to_the_grace() -> None:
    terms, liar = TABLE.matter.terms, altered(TABLE.trace, 300)
    _, _, moves = TABLE.settle(TABLE.accused(liar, said_of(TABLE, liar)), TABLE.challenger())
    game, now = begin(terms, 0), 0
    for move in moves[:-1]:
        now = deadline(game, terms) - 1
        before, outcome = game, play(game, TABLE.matter, move, now)
        assert isinstance(outcome, Game)
        game = outcome
        left = before.challenger_seconds if before.is_challengers else before.accused_seconds
        after = game.challenger_seconds if before.is_challengers else game.accused_seconds
        assert after == max(0, left - (now - before.moved_at))
    assert (game.accused_seconds, game.challenger_seconds) == (0, 0)
    assert deadline(game, terms) == now + terms.grace_seconds


def test_a_challenger_that_aims_at_an_honest_row_loses() -> None:
    """At the first and the last entry of every row; tools/play_disputes.py plays them all."""
    for number in ROWS:
        game = TABLE.descended(number)
        assert game.stage is Stage.STEP
        challenger = Challenger(TABLE.matter, TABLE.trace, TABLE.held)
        move = challenger.move(game)
        assert isinstance(move, Execute)
        row = layout.locate(NARROW, len(TABLE.trace.tokens), number)
        for entry in {0, layout.row_length(NARROW, row) - 1}:
            aimed = challenger.execute(game, entry)
            with pytest.raises(Rejected) as caught:
                play(game, TABLE.matter, aimed, game.moved_at)
            assert (caught.value.reason, caught.value.detail) == (Reason.REFEREE_MOVE, "the entry is right")


@pytest.mark.parametrize("number", [0, 100, 335])
def test_a_challenger_with_a_false_trace_loses(number: int) -> None:
    for through in (False, True):
        false = altered(TABLE.trace, number, through=through)
        honest_accused_wins(TABLE, TABLE.challenger(false))


def test_a_token_that_no_policy_has_loses() -> None:
    """The accused sampled it, and traces on as if it were token 0."""
    rollouts = list(TABLE.case.rollouts)
    rollouts[2] = dataclasses.replace(rollouts[2], tokens=(0, 14, 4, 7, 11))
    table = Table.of(TABLE.case.commit(rollouts), 2, 1)
    patterns = table.trace.patterns(*table.place)
    table = committed(table, build_proof(patterns, TOPK))
    moves = honest_challenger_wins(table, table.accused())
    assert isinstance(moves[-1], Execute)
    assert moves[-1].sources == moves[-1].weights == ()


def test_a_challenger_with_false_openings_loses() -> None:
    """What it shows is held against the accused's root, the version's manifest and the leaf's tokens."""
    for number in (0, 13, 30, 50, 90, 130, 170, 230, 335):
        game = TABLE.descended(number)
        right = Challenger(TABLE.matter, TABLE.trace, TABLE.held).move(game)
        assert isinstance(right, Execute)
        false = [
            dataclasses.replace(right, sources=right.sources[1:]),
            dataclasses.replace(right, sources=right.sources[::-1] + right.sources[:1]),
            dataclasses.replace(right, manifest=right.manifest[:-1] + b"!", weights=right.weights),
            dataclasses.replace(right, weights=right.weights[:-1]),
            dataclasses.replace(right, token=None),
        ]
        for opening in (*right.sources, *right.weights):
            block = bytes([opening.blocks[0][0] ^ 1]) + opening.blocks[0][1:]
            lie = dataclasses.replace(opening, blocks=(block, *opening.blocks[1:]))
            shown = [lie if one is opening else one for one in right.sources]
            weighed = [lie if one is opening else one for one in right.weights]
            false.append(dataclasses.replace(right, sources=tuple(shown), weights=tuple(weighed)))
        for move in false:
            with pytest.raises(Rejected):
                play(game, TABLE.matter, move, game.moved_at)


def test_a_challenger_that_finds_fault_with_an_honest_list_loses() -> None:
    for table in (TABLE, BROAD):
        outcome = play(begin(table.matter.terms, 0), table.matter, table.answer, 0)
        assert isinstance(outcome, Game)
        chunk = outcome.chunk
        assert chunk is not None
        challenger = Challenger(table.matter, table.trace, table.held)
        false: list[Move] = [Unlike(point, challenger.final(chunk, 0)) for point in range(-1, TOPK + 1)]
        points = decode_support(chunk.support, TOPK, chunk.elements)
        for place, (element, _) in enumerate(points[: chunk.elements]):
            false.append(Unlike(place, challenger.final(chunk, element)))
        for element in range(chunk.elements):
            false.append(Omitted(element, challenger.final(chunk, element)))
        for move in false:
            with pytest.raises(Rejected):
                play(outcome, table.matter, move, 0)


def test_a_chunk_that_the_rollout_does_not_have_is_no_charge() -> None:
    table = dataclasses.replace(TABLE, matter=dataclasses.replace(TABLE.matter, chunk=3))
    said = dataclasses.replace(TABLE.answer, proof=b"", proof_siblings=())
    verdict, _, _ = table.settle(lambda game: said, table.challenger())
    assert verdict is Verdict.NOT_GUILTY


def test_a_proof_that_the_support_does_not_bear_out_is_guilty_at_once() -> None:
    """Whoever committed to a false proof and answers with the true trace."""
    false = build_proof(TABLE.trace.patterns(12, 2), TOPK)
    table = committed(TABLE, false)
    verdict, _, moves = table.settle(table.accused(), table.challenger())
    assert (verdict, moves) == (Verdict.GUILTY, [table.answer])


def test_answers_that_are_not_of_the_chunk_are_refused() -> None:
    game, said = begin(TABLE.matter.terms, 0), TABLE.answer
    for false in (
        dataclasses.replace(said, leaf=TABLE.case.leaves[1]),
        dataclasses.replace(said, leaf_proof=said.leaf_proof[::-1]),
        dataclasses.replace(said, proof=TABLE.case.rollouts[2].proofs[0]),
        dataclasses.replace(said, proof_siblings=()),
        dataclasses.replace(said, support=said.support[4:] + said.support[:4]),
    ):
        with pytest.raises(Rejected):
            play(game, TABLE.matter, false, 0)


def test_a_move_out_of_turn_is_refused() -> None:
    game = begin(TABLE.matter.terms, 0)
    for move in (Descend(), OpenNode(16 * (bytes(32),)), OpenBlock(b"")):
        with pytest.raises(Rejected):
            play(game, TABLE.matter, move, 0)


def test_the_longest_game_is_bounded_by_the_terms() -> None:
    terms = Terms(NARROW, TABLE.matter.terms.thresholds, 100, 10)
    # 20 positions make 480 rows, three levels: six moves a side.
    assert terms.most_seconds == 2 * (100 + 6 * 10)
    assert terms.needed_seconds == terms.most_seconds + 10
