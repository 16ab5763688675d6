"""Whether a proof's polynomial looks like chance where it proves nothing.

Through k points goes one polynomial, and what it does elsewhere no honest prover chooses: its values there look
uniform in GF(65497). At DRAWS indices of the chunk, drawn after the commitment, few of them may *land*: have a sign
and exponent (a key) that some activation of the support has.

Honest proofs. With d different keys in the support a value lands with chance at most 128 d / 65497. An index of the
support, or one drawn before, is passed over, so at most DRAWS values count, and the number that land is bounded by a
binomial. `allowed_landings(d)` is the least t with P(Binomial(16, 128 d / 65497) > t) < 2^-30: so rarely does an honest
chunk fail. That takes values off the support for independent and uniform, which is a model, not a theorem; the
measurements named below agree with it.

Forged proofs. A polynomial that keeps a share s of a chunk's indices within the support's keys fails with chance
P(Binomial(16, s) > t): for d = 2, t = 5, so 0.89 at s = 1/2 and 1 - 3e-8 at s = 0.9. What that adds to the rest:

- Constants land everywhere. But `decode_proof` refuses every polynomial of degree below k/2 as degenerate, and no
  constant passes the comparison (TOPLOC_CONSTANT) unless the support is one repeated pattern. Nothing is added.
- A forger who predicts where the support lies, or what stands there, needs no value elsewhere. Through k chosen points
  goes a polynomial that looks like chance everywhere else, as an honest one does. Nothing is added; only thresholds
  near the honest noise refuse it.
- A non-constant polynomial takes each value at most k - 1 times, so d keys could in principle be hit at up to
  128 d (k - 1) indices: half the field for d = 2. No polynomial of degree k/2 to k - 1 that comes near that is known to
  us, and every one we tried lands like chance. Should there be one, this test refuses it whatever the thresholds.
  That is what it is for.

In a chunk of few more than k elements few draws count, and the test can hardly fail anything. Measured, with the
forgeries tried: benchmarks/results/off_support.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cupel.protocol.spec.encoding import words
from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.hashing import domain, keccak256
from cupel.protocol.spec.toploc.polynomial import evaluate

DRAWS: Final = 16
_DRAW: Final = domain("cupel.toploc-off-support.v1")
_MANTISSA_BITS: Final = 7
MOST_KEYS: Final = (0, 0, 0, 0, 1, 3, 7, 11, 18, 26, 37, 49, 65, 84, 107, 139)
"""Entry t: with up to so many different keys, t landings are allowed."""


def allowed_landings(keys: int) -> int:
    """How many of DRAWS values may land if the support has `keys` different keys; DRAWS if that proves nothing."""
    return next((landings for landings, most in enumerate(MOST_KEYS) if keys <= most), DRAWS)


def draw_indices(seed: bytes, elements: int, support: Sequence[tuple[int, int]]) -> list[int]:
    """The different indices outside the support among DRAWS drawn ones; none in a chunk of at most k elements.

    seed: 32 bytes that nobody knew when the proof was committed to.
    """
    taken = {index for index, _ in support}
    drawn = []
    for number in range(DRAWS):
        index = int.from_bytes(keccak256(words(_DRAW, seed, number)), "big") % elements
        if index not in taken:
            taken.add(index)
            drawn.append(index)
    return drawn


def check_off_support(
    coefficients: Sequence[int], support: Sequence[tuple[int, int]], elements: int, seed: bytes
) -> Rejected | None:
    """Rejected(TOPLOC_OFF_SUPPORT) if too many values outside the support have a key of the support, else None.

    support: the k (index, pattern) points of a chunk of `elements` elements, as recomputed, not as claimed.
    """
    keys = {pattern >> _MANTISSA_BITS for index, pattern in support if index < elements}
    drawn = draw_indices(seed, elements, support)
    landings = sum(evaluate(coefficients, index) >> _MANTISSA_BITS in keys for index in drawn)
    allowed = allowed_landings(len(keys))
    if landings > allowed:
        return Rejected(
            Reason.TOPLOC_OFF_SUPPORT, f"{landings} of {len(drawn)} values land, at most {allowed}"
        )
    return None
