"""Everything the toploc package crashes on or lets through ends in a named reason, under the loosest thresholds used.

The package: SIGFPE on null proofs, SIGSEGV on two bytes, SIGABRT on a proof too many, on float16 and on a short tail;
the rest it accepts.
"""

from collections.abc import Callable

import numpy as np
import pytest

from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.task import Thresholds
from cupel.protocol.spec.toploc.activations import Patterns, to_bfloat16, top_points
from cupel.protocol.spec.toploc.build import build_proofs_batch
from cupel.protocol.spec.toploc.polynomial import PRIME, interpolate
from cupel.protocol.spec.toploc.proof import Proof, from_base64, proof_bytes
from cupel.protocol.spec.toploc.verify import accept, compare_batch

DEPLOYED = Thresholds(60, 40_000, 40_000)
# The last chunk has 64 elements, fewer than points.
TOKENS, WIDTH, CHUNK_TOKENS, K = 9, 64, 4, 128
LENGTHS = np.array([TOKENS])
HIDDEN = np.random.default_rng(20).standard_normal((1, TOKENS, WIDTH), dtype=np.float32)
HONEST = build_proofs_batch(HIDDEN, LENGTHS, CHUNK_TOKENS, K)[0]


def outcome(proofs: list[bytes], hidden: np.ndarray = HIDDEN) -> Reason | None:
    """What a verifier makes of one completion."""
    (result,) = compare_batch([proofs], hidden, LENGTHS, CHUNK_TOKENS, K)
    if isinstance(result, Rejected):
        return result.reason
    verdicts = [accept(comparison, DEPLOYED) for comparison in result]
    return next((verdict.reason for verdict in verdicts if verdict), None)


def replaced(proof: bytes, place: int = 0) -> list[bytes]:
    return [*HONEST[:place], proof, *HONEST[place + 1 :]]


def through(patterns: Patterns) -> bytes:
    """A proof of any patterns, also those no honest builder touches."""
    return Proof(tuple(interpolate(top_points(patterns, K)))).to_bytes()


def with_words(**words: int) -> bytes:
    """The first honest proof with 16-bit words replaced: w0 is the modulus, w1 the first coefficient."""
    values = np.frombuffer(HONEST[0], ">u2").copy()
    for name, value in words.items():
        values[int(name[1:])] = value
    return values.tobytes()


def constant(*upper: int) -> bytes:
    """One likely pattern everywhere, but for the coefficients at the top."""
    return Proof((0x4030, *(0,) * (K - 1 - len(upper)), *upper)).to_bytes()


def spoilt(value: float) -> np.ndarray:
    hidden = HIDDEN.copy()
    hidden[0, 5, 17] = value
    return hidden


FLOAT16_BITS = HIDDEN[0].astype(np.float16).view(np.uint16)
SHORT_TAIL = through(to_bfloat16(HIDDEN[0, -1]))

HOSTILE: dict[str, tuple[Callable[[], Reason | None], Reason]] = {
    "null proof": (lambda: outcome(replaced(bytes(proof_bytes(K)))), Reason.TOPLOC_MODULUS),
    "null proofs everywhere": (lambda: outcome([bytes(proof_bytes(K))] * 3), Reason.TOPLOC_MODULUS),
    "no bytes": (lambda: outcome(replaced(b"")), Reason.TOPLOC_LENGTH),
    "two bytes": (lambda: outcome(replaced(b"\xff\xd9")), Reason.TOPLOC_LENGTH),
    "one proof too many": (lambda: outcome([*HONEST, HONEST[0]]), Reason.TOPLOC_COUNT),
    "one proof too few": (lambda: outcome(HONEST[:-1]), Reason.TOPLOC_COUNT),
    "no proofs": (lambda: outcome([]), Reason.TOPLOC_COUNT),
    "short tail, fewer coefficients": (lambda: outcome(replaced(SHORT_TAIL[:-2], 2)), Reason.TOPLOC_LENGTH),
    "short tail, null proof": (lambda: outcome(replaced(bytes(proof_bytes(K)), 2)), Reason.TOPLOC_MODULUS),
    "short tail, another chunk's proof": (lambda: outcome(replaced(HONEST[0], 2)), Reason.TOPLOC_EXPONENT),
    "negated activations": (
        lambda: outcome(build_proofs_batch(-HIDDEN, LENGTHS, CHUNK_TOKENS, K)[0]),
        Reason.TOPLOC_EXPONENT,
    ),
    "one coefficient more": (lambda: outcome(replaced(HONEST[0] + b"\0\1")), Reason.TOPLOC_LENGTH),
    "one coefficient more, zero": (lambda: outcome(replaced(HONEST[0] + b"\0\0")), Reason.TOPLOC_LENGTH),
    "one byte more": (lambda: outcome(replaced(HONEST[0] + b"\0")), Reason.TOPLOC_LENGTH),
    "one coefficient less": (lambda: outcome(replaced(HONEST[0][:-2])), Reason.TOPLOC_LENGTH),
    "modulus 0": (lambda: outcome(replaced(with_words(w0=0))), Reason.TOPLOC_MODULUS),
    "modulus 1": (lambda: outcome(replaced(with_words(w0=1))), Reason.TOPLOC_MODULUS),
    "modulus of the prover's choice": (
        lambda: outcome(replaced(with_words(w0=65496))),
        Reason.TOPLOC_MODULUS,
    ),
    "modulus 65535": (lambda: outcome(replaced(with_words(w0=0xFFFF))), Reason.TOPLOC_MODULUS),
    "coefficient 65497, an alias of 0": (
        lambda: outcome(replaced(with_words(w5=PRIME))),
        Reason.TOPLOC_COEFFICIENT,
    ),
    "last coefficient 65535": (lambda: outcome(replaced(with_words(w128=0xFFFF))), Reason.TOPLOC_COEFFICIENT),
    "constant": (lambda: outcome([constant()] * 3), Reason.TOPLOC_DEGENERATE),
    "all zero": (lambda: outcome([Proof((0,) * K).to_bytes()] * 3), Reason.TOPLOC_DEGENERATE),
    "constant with a leading coefficient": (lambda: outcome([constant(1)] * 3), Reason.TOPLOC_EXPONENT),
    "random bytes": (
        lambda: outcome(
            replaced(b"\xff\xd9" + np.random.default_rng(3).bytes(2 * K).replace(b"\xff", b"\1"))
        ),
        Reason.TOPLOC_EXPONENT,
    ),
    "proof of float16 bits": (
        lambda: outcome(replaced(through(FLOAT16_BITS[:4].ravel()))),
        Reason.TOPLOC_EXPONENT,
    ),
    "weights that give float16": (lambda: outcome(HONEST, HIDDEN.astype(np.float16)), Reason.TOPLOC_DTYPE),
    "weights that give float64": (lambda: outcome(HONEST, HIDDEN.astype(np.float64)), Reason.TOPLOC_DTYPE),
    "proof of NaNs": (
        lambda: outcome(replaced(through(np.full(CHUNK_TOKENS * WIDTH, 0x7FC0, np.uint16)))),
        Reason.TOPLOC_DEGENERATE,
    ),
    "tokens that lead to NaN": (lambda: outcome(HONEST, spoilt(np.nan)), Reason.TOPLOC_NON_FINITE),
    "tokens that lead to infinity": (lambda: outcome(HONEST, spoilt(-np.inf)), Reason.TOPLOC_NON_FINITE),
    "tokens beyond bfloat16": (lambda: outcome(HONEST, spoilt(3.4e38)), Reason.TOPLOC_NON_FINITE),
    "garbage base64": (lambda: outcome(replaced(from_base64("*" * 344))), Reason.TOPLOC_BASE64),
    "base64 of another alphabet": (
        lambda: outcome(replaced(from_base64("_9k" + "A" * 341))),
        Reason.TOPLOC_BASE64,
    ),
    "base64 without its end": (lambda: outcome(replaced(from_base64("/9kAA"))), Reason.TOPLOC_BASE64),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_input_ends_in_a_named_reason(name: str) -> None:
    judged, reason = HOSTILE[name]
    try:
        found = judged()
    except Rejected as rejected:
        found = rejected.reason
    assert found is reason


def test_the_honest_completion_passes_short_tail_and_all() -> None:
    assert {len(proof) for proof in HONEST} == {proof_bytes(K)}
    assert outcome(HONEST) is None
    assert outcome(HONEST, to_bfloat16(HIDDEN)) is None
