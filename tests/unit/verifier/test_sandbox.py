"""Untrusted reward functions: whatever they do here is a failure of ours, and never a reward that was not given."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from cupel.verifier.sandbox import Limits, SandboxFailure, isolates_network, rewards

LIMITS = Limits(memory_bytes=1024**3, processor_seconds=2, wall_seconds=6.0, output_bytes=65_536)
WORK = ((3, (1, 2)), (4, (5,)))
SOURCE = """
import os, socket, sys, time

def good(problem, tokens): return problem * 1000 + sum(tokens)
def chatty(problem, tokens): print("hello"); return problem
def hang(problem, tokens): time.sleep(60)
def spin(problem, tokens):
    while True: pass
def flood(problem, tokens):
    while True: print("x" * 10_000)
def eat(problem, tokens): return len(bytearray(8 * 1024**3))
def crash(problem, tokens): os.abort()
def leave(problem, tokens): os._exit(0)
def fail(problem, tokens): raise RuntimeError("no")
def nan(problem, tokens): return float("nan")
def infinite(problem, tokens): return float("inf")
def text(problem, tokens): return "1000000"
def true(problem, tokens): return True
def much(problem, tokens): return 1_000_001
def less(problem, tokens): return -1
def fork(problem, tokens):
    if os.fork() == 0: time.sleep(60)
    return 1
def call(problem, tokens):
    socket.create_connection(("127.0.0.1", int(os.environ.get("PORT", "9"))), 1)
    return 1
def network(problem, tokens):
    return len([name for name in os.listdir("/sys/class/net")]) and len(socket.if_nameindex())
"""


@pytest.fixture(autouse=True)
def functions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "their_rewards.py").write_text(SOURCE)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])


def test_rewards_come_back_in_order() -> None:
    assert rewards("their_rewards:good", WORK, LIMITS) == (3003, 4005)


def test_what_a_function_prints_is_passed_over() -> None:
    assert rewards("their_rewards:chatty", WORK, LIMITS) == (3, 4)


@pytest.mark.parametrize(
    "name",
    ["flood", "eat", "crash", "leave", "fail", "nan", "infinite", "text", "true", "much", "less", "missing"],
)
def test_everything_else_is_a_failure(name: str) -> None:
    with pytest.raises(SandboxFailure):
        rewards(f"their_rewards:{name}", WORK, LIMITS)


def test_a_function_that_never_ends_is_ended() -> None:
    started = time.monotonic()
    with pytest.raises(SandboxFailure, match="took longer"):
        rewards("their_rewards:hang", WORK, Limits(wall_seconds=1.0))
    assert time.monotonic() - started < 30


def test_a_function_that_computes_for_ever_is_ended() -> None:
    with pytest.raises(SandboxFailure):
        rewards("their_rewards:spin", WORK, Limits(processor_seconds=1, wall_seconds=60.0))


def test_nothing_of_it_is_left_running() -> None:
    assert rewards("their_rewards:fork", WORK[:1], LIMITS) == (1,)


@pytest.mark.skipif(not isolates_network(), reason="this kernel gives no network namespace to ordinary users")
def test_there_is_no_network() -> None:
    # Only the loopback of its own namespace, and that is down.
    assert rewards("their_rewards:network", WORK[:1], LIMITS) == (1,)
    with pytest.raises(SandboxFailure):
        rewards("their_rewards:call", WORK[:1], LIMITS)
