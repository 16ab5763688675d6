"""The fuzzer of parsers: its inputs are taken, its cases can be repeated, and what escapes a parser is found."""

import random

import fuzz_parsers
import pytest
from fuzz_damage import damaged
from fuzz_form import Form, Target
from fuzz_targets import targets

from cupel.protocol.spec.errors import Reason, Rejected

TARGETS = targets()


@pytest.mark.parametrize("name", TARGETS)
def test_every_parser_takes_its_own_inputs(name: str) -> None:
    """Else no damage would get behind its first check. A decision is one that nobody signed."""
    taken = [fuzz_parsers.examine(TARGETS[name], seed) for seed in TARGETS[name].seeds]
    assert set(taken) <= {"taken", "refused"}
    assert "taken" in taken


@pytest.mark.parametrize("name", TARGETS)
def test_a_bounded_run_finds_nothing(name: str) -> None:
    outcomes = fuzz_parsers.fuzz(1, name, TARGETS[name], range(10), float("inf"))
    assert not outcomes.findings
    assert outcomes.counts.total() == 10


def test_a_case_can_be_repeated() -> None:
    target = TARGETS["submission manifest"]
    assert fuzz_parsers.case(7, "one", 3, target) == fuzz_parsers.case(7, "one", 3, target)
    assert fuzz_parsers.case(7, "one", 3, target) != fuzz_parsers.case(7, "one", 4, target)


@pytest.mark.parametrize("form", list(Form))
def test_damage_keeps_the_form_now_and_then(form: Form) -> None:
    """And never returns more than it may."""
    seed = TARGETS["checkpoint" if form is Form.SAFETENSORS else "attestation"].seeds[0]
    made = [damaged(random.Random(number), [seed], form) for number in range(200)]
    assert max(map(len, made)) <= 1 << 17
    assert len(set(made)) > 100


def test_it_finds_what_escapes_a_parser() -> None:
    def broken(data: bytes) -> None:
        if len(data) % 2:
            raise IndexError("broken")
        raise Rejected(Reason.SIZE, "refused")

    outcomes = fuzz_parsers.fuzz(1, "broken", Target(broken, (Rejected,), [b"ab"]), range(40), float("inf"))
    assert set(outcomes.findings) == {"IndexError"}
    assert outcomes.counts["findings"] + outcomes.counts["refused"] == 40
