"""Throw hostile proofs and activations at everything that reads them.

    python tools/fuzz_toploc.py [--seed N] [--count N | --seconds S]

Each case makes honest proofs of activations of a random shape, damages proofs, texts or activations, and demands that
strict and compatible verifiers answer with a `Rejected` or with numbers in their range, that the compiled kernel and
NumPy answer alike, and that undamaged proofs pass. Any other exception ends the run with the seed and number of its
case, which `--seed N --first CASE --count 1` repeats. A case depends on the seed and its number alone.
"""

from __future__ import annotations

import argparse
import base64
import faulthandler
import logging
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from cupel.protocol import toploc_compat
from cupel.protocol.spec.errors import Rejected
from cupel.protocol.spec.toploc import Comparison, build_proofs_batch, compare_batch, decode_proof, native
from cupel.protocol.spec.toploc.polynomial import PRIME
from cupel.protocol.toploc_compat import ProofPoly, VerificationResult

Random = np.random.Generator
States = npt.NDArray[Any]

SLOW_SECONDS = 20.0
"""No case of these sizes may take a core this long: about a hundred times what the slowest takes."""
WORDS = (0, 1, 2, 0x7F80, 0x7FC0, 0x8000, PRIME - 1, PRIME, PRIME + 1, 0xFFFF)
FLOATS = (0.0, -0.0, 1e-45, 3.4e38, np.inf, -np.inf, np.nan)


@dataclass(frozen=True)
class Case:
    """Honest activations and the chunking of their proofs."""

    hidden: npt.NDArray[np.float32]
    chunk_tokens: int
    k: int

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """One completion of all tokens."""
        return np.array([self.hidden.shape[1]])


def make_case(random: Random) -> Case:
    """A small completion; its last chunk is often short, of tokens or of elements."""
    width = int(random.choice([1, 3, 16, 64, 300]))
    tokens = int(random.integers(1, 40))
    chunk_tokens = int(random.integers(1, 36))
    k = int(random.choice([1, 2, 8, 33, 128]))
    scale = float(random.choice([1e-38, 1.0, 1.0, 1e30]))
    hidden = random.standard_normal((1, tokens, width), dtype=np.float32) * np.float32(scale)
    return Case(hidden, chunk_tokens, k)


def damage_bytes(random: Random, data: bytes) -> bytes:
    """One of: as it is, random, cut, extended, a flipped bit, a word at the edge of a range, a constant."""
    values = bytearray(data)
    match int(random.integers(0, 8)):
        case 0:
            return random.bytes(int(random.integers(0, 2 * len(data) + 3)))
        case 1:
            return data[: int(random.integers(0, len(data) + 1))]
        case 2:
            return data + random.bytes(int(random.integers(1, 5)))
        case 3 if data:
            values[int(random.integers(0, len(data)))] ^= 1 << int(random.integers(0, 8))
        case 4 | 5 if len(data) >= 2:
            place = 2 * int(random.integers(0, len(data) // 2))
            values[place : place + 2] = int(random.choice(WORDS)).to_bytes(2, "big")
        case 6:
            values[4:] = bytes(max(0, len(data) - 4))
    return bytes(values)


def damage_list(random: Random, proofs: list[bytes]) -> list[bytes]:
    """Damaged proofs, and now and then one more, one less, none, or another order."""
    damaged = [damage_bytes(random, proof) if random.random() < 0.5 else proof for proof in proofs]
    match int(random.integers(0, 8)):
        case 0:
            return []
        case 1:
            return damaged[:-1]
        case 2:
            return [*damaged, proofs[0]]
        case 3:
            return damaged[::-1]
    return damaged


def damage_states(random: Random, hidden: States) -> States:
    """Another type, negated, noisy, rare numbers here and there, or as they are."""
    changed = hidden.copy()
    match int(random.integers(0, 6)):
        case 0:
            changed.flat[random.integers(0, hidden.size, 3)] = random.choice(FLOATS)
        case 1:
            with np.errstate(over="ignore"):
                return changed.astype((np.float16, np.float64)[int(random.integers(0, 2))])
        case 2:
            return -changed
        case 3:
            return random.integers(0, 1 << 16, hidden.shape).astype(np.uint16)
        case 4:
            changed *= np.float32(1.01)
    return changed


def outcomes(call: Callable[[], Any]) -> Any:
    """What the call gives or rejects, the same from the kernel and from NumPy."""
    answers = []
    has_kernel = native.IS_COMPILED
    for compiled in {has_kernel, False}:
        native.IS_COMPILED = compiled
        try:
            answers.append(call())
        except Rejected as rejected:
            answers.append(rejected)
        finally:
            native.IS_COMPILED = has_kernel
    assert all(answer == answers[0] for answer in answers), f"kernel and NumPy differ: {answers}"
    return answers[0]


def check_strict(random: Random, case: Case, honest: list[bytes]) -> None:
    """The protocol's own decoder and comparison."""
    proofs, states = damage_list(random, honest), damage_states(random, case.hidden)
    arguments = (case.lengths, case.chunk_tokens, case.k)
    (result,) = outcomes(lambda: compare_batch([proofs], states, *arguments))
    assert isinstance(result, Rejected) or len(result) == len(honest)
    for one in [] if isinstance(result, Rejected) else result:
        assert isinstance(one, Comparison)
        assert 0 <= one.agreeing <= one.points <= case.k
        assert 0 <= one.exponent_mismatches <= case.k
        assert 0 <= one.mantissa_error_sum <= 127 * one.agreeing
    for proof in proofs:
        try:
            assert decode_proof(proof, case.k).to_bytes() == proof
        except Rejected:
            continue


def check_compatible(random: Random, case: Case, honest: list[bytes]) -> None:
    """The toploc package's interface, as bytes and as text, tensors and lists."""
    proofs, states = damage_list(random, honest), damage_states(random, case.hidden)[0]
    is_patterns = states.dtype == np.uint16
    tensor = (
        torch.from_numpy(states.view(np.int16)).view(torch.bfloat16)
        if is_patterns
        else torch.from_numpy(states)
    )
    if tensor.dtype == torch.float32:
        tensor = tensor.bfloat16()
    activations = tensor if random.random() < 0.5 else list(tensor)
    skip_prefill = bool(random.random() < 0.5)
    arguments = (case.chunk_tokens, case.k, skip_prefill)
    texts = [base64.b64encode(proof).decode() for proof in proofs]
    if texts and random.random() < 0.3:
        texts[0] = damage_bytes(random, texts[0].encode()).decode("latin-1")
    for call in (
        lambda: toploc_compat.verify_proofs_bytes(activations, proofs, *arguments),
        lambda: toploc_compat.verify_proofs_base64(activations, texts, *arguments),
        lambda: toploc_compat.verify_proofs(
            activations, [ProofPoly.from_bytes(one) for one in proofs], *arguments
        ),
    ):
        result = outcomes(call)
        for one in [] if isinstance(result, Rejected) else result:
            assert isinstance(one, VerificationResult)
            assert 0 <= one.exp_mismatches <= case.k
            assert one.mant_err_mean <= 127 or one.exp_mismatches == case.k
    built = outcomes(lambda: toploc_compat.build_proofs_bytes(activations, *arguments))
    assert all(len(proof) == 2 + 2 * case.k for proof in built)


def run_case(seed: int, number: int) -> None:
    """One case; AssertionError, or whatever else escapes, is a finding."""
    random = np.random.default_rng([seed, number])
    case = make_case(random)
    arguments = (case.hidden, case.lengths, case.chunk_tokens, case.k)
    start = time.process_time()
    try:
        (honest,) = build_proofs_batch(*arguments)
    except AssertionError as error:
        # Few points make a degenerate polynomial now and then; a builder may not hand one out.
        if "degenerate" not in str(error):
            raise
        return
    (result,) = outcomes(lambda: compare_batch([honest], *arguments))
    assert isinstance(result, list), f"an honest proof fails: {result}"
    assert all(one.penalty == 0 and one.exponent_mismatches == 0 for one in result), "an honest proof fails"
    check_strict(random, case, honest)
    check_compatible(random, case, honest)
    assert time.process_time() - start < SLOW_SECONDS, "slow"


def main() -> int:
    """Exit 1 at the first finding."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=time.time_ns() % 2**32, help="default: the clock")
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--count", type=int, default=2**62)
    parser.add_argument("--seconds", type=float, default=float("inf"))
    options = parser.parse_args()
    if options.count == 2**62 and options.seconds == float("inf"):
        options.count = 1000
    faulthandler.enable()
    logging.getLogger("cupel").setLevel(logging.CRITICAL)
    torch.set_num_threads(1)
    print(f"seed {options.seed}, kernel {'compiled' if native.IS_COMPILED else 'absent'}", flush=True)
    end, number = time.monotonic() + options.seconds, options.first
    while number < options.first + options.count and time.monotonic() < end:
        if number % 100 == 0:  # where to look if the process dies
            print(f"case {number}", flush=True)
        try:
            run_case(options.seed, number)
        except Exception:
            print(f"found by --seed {options.seed} --first {number} --count 1", flush=True)
            raise
        number += 1
    print(f"{number - options.first} cases, nothing found")
    return 0


if __name__ == "__main__":
    sys.exit(main())
