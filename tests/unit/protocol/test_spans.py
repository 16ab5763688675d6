"""Spans without OpenTelemetry: whose trace they are in, what they cost nobody, and when the extra is missing."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cupel.protocol.config import ConfigError
from cupel.protocol.settings import load_settings
from cupel.protocol.spans import TRACER, Origin, note, span, steps, traced
from cupel.protocol.testing.recorded_spans import recorded_spans

TASK, NODE, OTHER = b"\1" * 32, "0x" + "aB" * 20, "0x" + "cd" * 20


class Deaf:
    """Stands in for the screen where nothing is to be told."""

    def emit(self, event: str, **fields: object) -> None:
        raise AssertionError(f"{event}: {fields}")


@given(task=st.binary(min_size=32, max_size=32), number=st.integers(0, 2**32), is_version=st.booleans())
def test_everybody_comes_to_one_origin(task: bytes, number: int, is_version: bool) -> None:
    """Whoever read the same chain does, also one that writes addresses without a checksum."""
    origin = Origin.of(task, NODE, number, is_version)
    assert origin == Origin.of(task, NODE.lower(), number, is_version)
    assert 0 < origin.trace_id < 2**128
    assert 0 < origin.span_id < 2**64


def test_no_two_commitments_share_a_trace() -> None:
    origins = [
        Origin.of(task, node, number, is_version)
        for task in (TASK, b"\2" * 32)
        for node in (NODE, OTHER)
        for number in range(20)
        for is_version in (False, True)
    ]
    assert len({origin.trace_id for origin in origins}) == len(origins) == 160


def test_the_form_stays() -> None:
    """Processes of other builds take part: this is a wire format."""
    assert Origin.of(TASK, NODE, 3) == Origin(81686155964495586470156857623684986887, 6132796148066969416)


def test_without_a_collector_nothing_happens() -> None:
    async def quiet() -> None:
        async with traced("", "node", NODE, Deaf()):
            assert TRACER.get() is None
            with span("round", Origin.of(TASK, NODE, 1), first=True, node=NODE), steps() as step:
                step("rollouts")
                note(outcome="committed")

    asyncio.run(quiet())


def test_spans_cost_no_import() -> None:
    """A process that names no collector never loads OpenTelemetry."""
    code = "import sys, cupel.protocol.spans, cupel.node.cli; print([m for m in sys.modules if 'opentelemetry' in m])"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout == "[]\n"


def test_without_the_extra_the_operator_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    monkeypatch.delitem(sys.modules, "cupel.protocol.otlp", raising=False)

    async def missing() -> None:
        async with traced("http://127.0.0.1:4318", "node", NODE, Deaf()):
            raise AssertionError("it cannot begin")

    with pytest.raises(ConfigError, match=r"traces: .*pip install 'cupel\[traces\]'"):
        asyncio.run(missing())


def test_steps_follow_each_other_and_end_with_the_block() -> None:
    with recorded_spans() as told, span("round"), steps() as step:
        for name in ("rollouts", "rollouts", "training", ""):
            step(name)
        note(outcome="missed")
        step("closing")
        assert [one.ended for one in told.spans] == [False, True, True, False]
    assert told.paths() == ["round", "round/rollouts", "round/training", "round/closing"]
    assert all(one.ended for one in told.spans)
    assert told.spans[0].attributes == {"outcome": "missed"}


def test_a_step_that_fails_says_so() -> None:
    def fail() -> None:
        with span("round"), steps() as step:
            step("committing")
            raise OSError("gone")

    with recorded_spans() as told, pytest.raises(OSError, match="gone"):
        fail()
    assert [one.error for one in told.spans] == ["OSError", "OSError"]


def test_the_setting_is_a_flag_a_variable_or_a_line(tmp_path: Path) -> None:
    file = tmp_path / "node.toml"
    file.write_text('traces = "http://from-file:4318"\n')
    environment = {"CUPEL_TRACES": "https://from-environment"}
    assert load_settings(None, {}, {}).traces == ""
    assert load_settings(file, {}, {}).traces == "http://from-file:4318"
    assert load_settings(file, {}, environment).traces == "https://from-environment"
    assert load_settings(file, {"traces": "http://flag"}, environment).traces == "http://flag"
    with pytest.raises(ConfigError, match="traces: 'localhost:4318' is no URL"):
        load_settings(None, {"traces": "localhost:4318"}, {})
