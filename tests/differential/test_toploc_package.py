"""`toploc_compat` against the toploc package itself: `make differential-toploc` builds that and runs this.

Skipped where the package is not installed, which is the normal case.
"""

import importlib
import inspect
import json
import os
from itertools import compress
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from cupel.protocol import toploc_compat
from cupel.protocol.testing.toploc_package import package_vectors
from cupel.protocol.toploc_compat.activations import points_of, runs_of

toploc = pytest.importorskip("toploc", reason="run `make differential-toploc`")

VECTORS = Path(__file__).parents[1] / "vectors" / "toploc_package.json"
SEED = int(os.environ.get("CUPEL_SEED", "1"))
ROUNDS = int(os.environ.get("CUPEL_ROUNDS", "20"))
MODULES = ["", ".poly", ".utils", ".C.csrc.ndd", ".C.csrc.poly", ".C.csrc.utils"]


def to_tensor(patterns: np.ndarray, dtype: str = "bfloat16") -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(patterns).view(np.int16)).view(getattr(torch, dtype))


def without_ties(random: np.random.Generator, tokens: int, width: int, batch: int, k: int) -> np.ndarray:
    """Patterns [tokens, width]; in every chunk the k + 200 greatest magnitudes differ."""
    patterns = random.integers(0, 0x3000, tokens * width).astype(np.uint16)
    for start in range(0, tokens * width, batch * width):
        chunk = patterns[start : start + batch * width]
        count = min(k + 200, chunk.size)
        places = random.choice(chunk.size, count, replace=False)
        chunk[places] = random.choice(0x3000, count, replace=False) + 0x3000
    return (patterns | random.integers(0, 2, patterns.size).astype(np.uint16) << 15).reshape(tokens, width)


def shapes(random: np.random.Generator) -> tuple[int, int, int, int]:
    """Tokens, width, batch and points; every chunk has enough elements."""
    width = int(random.choice([64, 256, 1024, 4096, 5120]))
    batch = int(random.integers(1, 40))
    k = min(int(random.choice([1, 2, 5, 64, 128, 200])), batch * width)
    tokens = int(random.integers(1, 80))
    while (tokens % batch or batch) * width < k:
        tokens += 1
    return tokens, width, batch, k


def disturbed(random: np.random.Generator, patterns: np.ndarray) -> np.ndarray:
    """Mantissas changed within groups of 32 neighbouring magnitudes: different ones stay different."""
    changes = random.integers(0, 32, 1 << 10).astype(np.uint16)
    return patterns ^ changes[(patterns & 0x7FFF) >> 5]


def numbers(results: list[object]) -> list[tuple[int, float, float]]:
    return [(one.exp_mismatches, one.mant_err_mean, one.mant_err_median) for one in results]


def test_the_golden_file_is_the_package_s() -> None:
    assert package_vectors(toploc, to_tensor) == json.loads(VECTORS.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", MODULES)
def test_every_public_name_is_there(name: str) -> None:
    theirs = importlib.import_module(f"toploc{name}")
    ours = importlib.import_module(f"cupel.protocol.toploc_compat{name}")
    names = [
        public
        for public, value in vars(theirs).items()
        if not public.startswith("_")
        and not isinstance(value, ModuleType)
        and public not in ("mean", "median", "get_fp_parts", "evaluate_polynomials")
        and not public.startswith("c_verify")
    ]
    if name.endswith(("ndd", "csrc.utils")):
        names += [public for public in ("get_fp_parts", "evaluate_polynomials") if hasattr(theirs, public)]
    assert names
    for public in names:
        assert hasattr(ours, public), public
        original, twin = getattr(theirs, public), getattr(ours, public)
        if inspect.isfunction(original):
            assert list(inspect.signature(original).parameters) == list(inspect.signature(twin).parameters)
            defaults = [p.default for p in inspect.signature(original).parameters.values()]
            assert defaults == [p.default for p in inspect.signature(twin).parameters.values()]
        if inspect.isclass(original):
            assert {n for n in dir(original) if not n.startswith("_")} <= set(dir(twin))


@pytest.mark.parametrize("layout", ["rows", "steps", "prefill and steps"])
@pytest.mark.parametrize("round_", range(ROUNDS))
def test_proofs_and_results_are_the_package_s(round_: int, layout: str) -> None:
    random = np.random.default_rng([SEED, round_])
    tokens, width, batch, k = shapes(random)
    patterns = [without_ties(random, tokens, width, batch, k), without_ties(random, 3, 1024, 3, k)]
    rows, prefill = map(to_tensor, patterns)
    changed_rows, changed_prefill = (to_tensor(disturbed(random, one)) for one in patterns)
    activations, changed = {
        "rows": (rows, changed_rows),
        "steps": (list(rows), list(changed_rows)),
        "prefill and steps": ([prefill, *rows], [changed_prefill, *changed_rows]),
    }[layout]
    arguments = (batch, k, layout != "prefill and steps")
    proofs = toploc.build_proofs_bytes(activations, *arguments)
    assert toploc_compat.build_proofs_bytes(activations, *arguments) == proofs
    assert list(map(repr, toploc_compat.build_proofs(activations, *arguments))) == list(
        map(repr, toploc.build_proofs(activations, *arguments))
    )
    # Not on lists: there the package forgets to fold indices.
    comparable = [layout == "rows" or proof.startswith(b"\xff\xd9") for proof in proofs]
    texts = toploc_compat.build_proofs_base64(activations, *arguments)
    for recomputed in (activations, changed):
        ours = numbers(toploc_compat.verify_proofs_base64(recomputed, texts, *arguments))
        theirs = numbers(toploc.verify_proofs_base64(recomputed, texts, *arguments))
        assert list(compress(ours, comparable)) == list(compress(theirs, comparable))


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_any_selected_set_gives_the_package_s_bytes(round_: int) -> None:
    """Ties included: the package is given our set."""
    random = np.random.default_rng([SEED, round_, 1])
    tokens, width, batch, k = shapes(random)
    activations = torch.from_numpy(random.standard_normal((tokens, width), dtype=np.float32)).bfloat16()
    sets = points_of(runs_of(activations, batch, True), k, (torch.bfloat16,))
    expected = [
        toploc.ProofPoly.from_points_tensor(torch.from_numpy(indices), to_tensor(values)).to_bytes()
        for indices, values in zip(*sets, strict=True)
    ]
    proofs = toploc_compat.build_proofs_bytes(activations, batch, k, True)
    assert proofs == expected
    # Each verifies the other's. Of equal magnitudes they may select different ones, and only those mismatch.
    ties = [edge_ties(activations[start : start + batch], k) for start in range(0, tokens, batch)]
    for verifier, other in (
        (toploc, proofs),
        (toploc_compat, toploc.build_proofs_bytes(activations, batch, k, True)),
    ):
        for result, allowed in zip(
            verifier.verify_proofs_bytes(activations, other, batch, k, True), ties, strict=True
        ):
            assert result.exp_mismatches <= allowed
            assert allowed or (result.mant_err_mean, result.mant_err_median) == (0, 0)


def edge_ties(chunk: torch.Tensor, k: int) -> int:
    """How many of a selection's points could be exchanged for others of the same magnitude."""
    magnitudes, _ = chunk.reshape(-1).abs().sort(descending=True)
    edge = magnitudes == magnitudes[k - 1]
    return int(edge[:k].sum()) if edge[k:].any() else 0
