"""A bounded run of the fuzzer with a new seed each time, printed; `tools/fuzz_toploc.py --seconds` runs for longer."""

import subprocess
import sys
from pathlib import Path

import fuzz_toploc
import pytest

from cupel.protocol.spec.errors import Reason, Rejected

TOOL = Path(__file__).resolve().parents[3] / "tools" / "fuzz_toploc.py"


def test_a_bounded_campaign_finds_nothing() -> None:
    """In a process of its own, so that a crash is a finding and not the end of the tests."""
    command = [sys.executable, str(TOOL), "--count", "200"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    print(result.stdout)
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.startswith("seed ")
    assert result.stdout.endswith("200 cases, nothing found\n")


def test_a_case_can_be_repeated() -> None:
    one, two = (fuzz_toploc.make_case(fuzz_toploc.np.random.default_rng([7, 3])) for _ in range(2))
    assert one.hidden.tobytes() == two.hidden.tobytes()
    assert (one.chunk_tokens, one.k) == (two.chunk_tokens, two.k)


@pytest.mark.parametrize("error", [ValueError("broken"), IndexError("broken")])
def test_it_finds_an_exception_that_escapes(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: object) -> None:
        raise error

    monkeypatch.setattr(fuzz_toploc, "compare_batch", broken)
    with pytest.raises(type(error), match="broken"):
        fuzz_toploc.run_case(1, 0)


def test_it_finds_an_honest_proof_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    rejected = Rejected(Reason.TOPLOC_COUNT, "no reason")
    monkeypatch.setattr(fuzz_toploc, "compare_batch", lambda *arguments: [rejected])
    with pytest.raises(AssertionError, match="honest"):
        fuzz_toploc.run_case(1, 0)


def test_it_finds_that_kernel_and_numpy_differ() -> None:
    answers = iter([1, 2])
    if fuzz_toploc.native.IS_COMPILED:
        with pytest.raises(AssertionError, match="differ"):
            fuzz_toploc.outcomes(lambda: next(answers))
