"""The draw: a function of the secret and the chain, without repeats, and unlike any other draw."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from cupel.verifier.draw import draw, draw_pieces, draw_seed

NODE = "0x2000000000000000000000000000000000000002"
ARGUMENTS = (b"\1" * 32, b"\2" * 32, b"\3" * 32, NODE, 4)


def test_the_draw_is_a_function_of_its_inputs() -> None:
    seed = draw_seed(*ARGUMENTS)
    assert draw(seed, 100, 10) == draw(draw_seed(*ARGUMENTS), 100, 10)


def test_every_input_changes_the_draw() -> None:
    others = (b"\x09" * 32, b"\x09" * 32, b"\x09" * 32, "0x" + "09" * 20, 9)
    for position, other in enumerate(others):
        changed = list(ARGUMENTS)
        changed[position] = other
        assert draw_seed(*changed) != draw_seed(*ARGUMENTS)


def test_rollouts_are_different_ascending_and_in_range() -> None:
    for units, count in ((1, 64), (64, 64), (65, 64), (256, 64), (9, 0)):
        drawn = draw(draw_seed(*ARGUMENTS), units, count)
        assert len(drawn) == min(units, count)
        assert list(drawn) == sorted(set(drawn))
        assert all(0 <= index < units for index in drawn)


def test_no_rollout_is_favoured() -> None:
    hits = Counter(index for seed in range(400) for index in draw(seed.to_bytes(32, "big"), 16, 4))
    # 100 expected each; six standard deviations of a binomial (400, 1/4) are 52.
    assert len(hits) == 16
    assert all(48 <= hits[index] <= 152 for index in range(16))


@given(st.binary(min_size=32, max_size=32), st.integers(0, 2**32), st.integers(1, 20))
def test_pieces_are_drawn_without_repeats(seed: bytes, num_pieces: int, count: int) -> None:
    drawn = draw_pieces(seed, num_pieces, count)
    assert len(drawn) == min(count, num_pieces)
    assert list(drawn) == sorted(set(drawn))
    assert all(0 <= index < num_pieces for index in drawn)
    assert drawn == draw_pieces(seed, num_pieces, count)


def test_other_seeds_draw_other_pieces() -> None:
    assert len({draw_pieces(bytes([seed]) * 32, 1000, 4) for seed in range(20)}) == 20
