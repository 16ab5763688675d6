"""A seeded sketch of a chunk's states: m random projections of all of them, beside the k greatest that TOPLOC shows.

Some models have outlier channels: the same few dimensions hold the greatest values whatever the text. A forger who has
seen a few texts predicts them, and with them the whole support, and a TOPLOC proof of predictions passes loose
thresholds. The sketch weighs every element alike:

- *Limit.* Magnitudes are cut at LIMIT times their median in the chunk, so that no outlier counts for more than a few
  ordinary elements. Cutting moves two chunks no further apart.
- *Project.* Number i is the sum of all elements under signs that a seed draws, over the square root of their number.
  The relative distance of two sketches estimates that of the limited states (Johnson and Lindenstrauss 1984; with
  signs: Achlioptas, J. Comput. Syst. Sci. 66, 2003), with a relative deviation of about 1 / sqrt(2 m): an eighth at
  m = 32. States a distance d away look nearer than d / 4 with chance P(chi2_m < m / 16), 6e-8 at m = 16.

What is sent when. The sketch is made and committed to together with the other proofs, under a seed that follows from
the rollout's sampling seed, which the chain draws. So the prover knows the signs when it computes, and may:

- To know them helps only who has nearly all states: a projection of ordinary elements is as unpredictable as they are,
  and whoever predicts them to a share d of their length gets a sketch d away, under known signs as under unknown ones.
- The seed must not be chosen by the prover, nor be the same for ever: m fixed projections could be learnt by a small
  model instead of all states.
- Were the signs drawn after the commitment and the sketch sent then, the prover could run the right model for the
  audited rollouts only, and only then; no commitment to float states made before could bind it, since honest
  recomputation does not reproduce them bit by bit. Late seeds need a late answer, and late answers are worse. What the
  prover must not know when it commits is which rollouts are audited.

It proves that the prover had most of every state, not only its outliers. It does not prove who chose the text or that
one prefill did not suffice (as TOPLOC), and a forger within the honest noise of all states passes. In a narrow model a
few outlier channels are still a large part after the limit. Not part of the on-chain format. See DiFR (arXiv
2511.20621) for random projections used so; the limit and the argument about seeds are ours.

    bytes 4i .. 4i+3       number i as a float32, big-endian; finite, no negative zero; i = 0 .. m-1

Shapes: t tokens of the chunk, H width, m numbers.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from cupel.protocol.spec.encoding import words
from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.hashing import domain, keccak256
from cupel.protocol.spec.task import MILLION

Numbers = npt.NDArray[np.float32]

LIMIT: Final = 4
NUMBER_BYTES: Final = 4
MAX_NUMBERS: Final = 1024
GREATEST_DISTANCE: Final = 1000
"""Larger distances count as this one."""
_SEED: Final = domain("cupel.toploc-sketch.v1")


def chunk_seed(sample_seed: bytes, chunk: int) -> bytes:
    """Seed of one chunk's signs: 32 bytes. sample_seed: the rollout's, 32 bytes."""
    return keccak256(words(_SEED, sample_seed, chunk))


def sketch(states: npt.NDArray[np.float32], seed: bytes, count: int) -> Numbers:
    """`count` projections of a chunk's states [t, H], float32 [count]. States are finite."""
    assert states.dtype == np.float32, f"states of type {states.dtype}"
    assert np.isfinite(states).all(), "an activation is infinite or not a number"
    assert states.size > 0, "no activations"
    assert 1 <= count <= MAX_NUMBERS, f"{count} numbers"
    limited = limit(states).astype(np.float64).ravel()
    sums = _signs(seed, count, limited.size) @ limited
    # Adding zero leaves no negative one.
    numbers: Numbers = (sums / np.sqrt(limited.size)).astype(np.float32) + np.float32(0)
    return numbers


def limit(states: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """States cut at LIMIT times the lower median of their magnitudes."""
    magnitudes = np.abs(states).ravel()
    middle = (magnitudes.size - 1) // 2
    bound = np.float32(LIMIT) * np.partition(magnitudes, middle)[middle]
    return np.clip(states, -bound, bound)


def to_bytes(numbers: Numbers) -> bytes:
    """The 4m bytes."""
    return numbers.astype(">f4").tobytes()


def decode_sketch(data: bytes, count: int) -> Numbers:
    """Inverse of `to_bytes` for `count` numbers: one byte string a sketch.

    Rejected(TOPLOC_LENGTH, TOPLOC_NON_FINITE, TOPLOC_SKETCH).
    """
    if len(data) != NUMBER_BYTES * count:
        raise Rejected(Reason.TOPLOC_LENGTH, f"{len(data)} bytes, not {NUMBER_BYTES * count}")
    numbers = np.frombuffer(data, dtype=">f4").astype(np.float32)
    if not np.isfinite(numbers).all():
        raise Rejected(Reason.TOPLOC_NON_FINITE, "a number of the sketch is infinite or not a number")
    if (np.signbit(numbers) & (numbers == 0)).any():
        raise Rejected(Reason.TOPLOC_SKETCH, "a negative zero")
    return numbers


def distance_millionths(claimed: Numbers, states: npt.NDArray[np.float32], seed: bytes) -> int:
    """Length of the difference of the claimed and the recomputed sketch, over that of the recomputed; rounded down.

    states: [t, H], recomputed. Rejected(TOPLOC_NON_FINITE) if they are not finite: the peer's weights or tokens lead
    there. Where all states are zero, a sketch of zeros has distance 0 and any other the greatest.
    """
    if not np.isfinite(states).all():
        raise Rejected(Reason.TOPLOC_NON_FINITE, "a recomputed activation is infinite or not a number")
    own = sketch(states, seed, len(claimed)).astype(np.float64)
    apart, length = np.linalg.norm(claimed.astype(np.float64) - own), np.linalg.norm(own)
    if apart >= GREATEST_DISTANCE * length:
        return GREATEST_DISTANCE * MILLION if apart else 0
    return int(apart / length * MILLION)


def accept(distance: int, max_distance_millionths: int) -> Rejected | None:
    """None if a sketch at this distance passes for an honest one, else Rejected(TOPLOC_SKETCH).

    max_distance_millionths: calibrated per engine and task, below a million, where sketches of nothing lie.
    """
    if distance <= max_distance_millionths:
        return None
    return Rejected(Reason.TOPLOC_SKETCH, f"{distance} > {max_distance_millionths} millionths")


def _signs(seed: bytes, count: int, elements: int) -> npt.NDArray[np.float64]:
    """Signs [count, elements], 1 or -1: the bits of Philox-4x64's output, lowest first, the same on every machine."""
    assert len(seed) == 32
    key, counter = np.frombuffer(seed[:16], dtype="<u8"), np.zeros(4, dtype=np.uint64)
    counter[2:] = np.frombuffer(seed[16:], dtype="<u8")
    raw = np.random.Philox(key=key, counter=counter).random_raw(-(-count * elements // 64))
    bits = np.unpackbits(raw.astype("<u8").view(np.uint8), count=count * elements, bitorder="little")
    signs: npt.NDArray[np.float64] = 1.0 - 2.0 * bits.reshape(count, elements).astype(np.float64)
    return signs
