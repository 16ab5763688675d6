"""The benchmark beside the package: its arithmetic, its children, its proxy's tricks, and one tiny run of ours."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import faults_original
import faults_ours
import pytest
import run as runner
from bench import Bench, flip_byte, make_file, sha256_of
from children import Child, EndedEarly, Timeout
from limits import Limits, measure
from outcomes import GAVE_UP, NO_END, RIGHT, WRONG, Outcome, in_short, worst
from parts import Result, ratios
from proxy import PIECE_BYTES, Pace, falsified, lengthened
from report import capped_table, faults_table, transfers_table
from transfers import OURS, THEIRS, Transfer

ROOT = Path(__file__).resolve().parents[3]
MB = 1_000_000
LIMITS = Limits(hash_rate=1e9, hash_cpu=1e-9, loopback_rate=2e9, loopback_cpu=0.5e-9, processors=2)
TRANSFER = Transfer(
    OURS, "swarm", 4, 0, 100 * MB, seconds=0.5, cpu_seconds=2.0, wire_bytes=405 * MB, start_seconds=0.1
)
OUTCOME = Outcome(RIGHT, "", 2.0, 100 * MB, 100 * MB, is_survived=True)


def talker(folder: Path, program: str) -> Child:
    return Child([sys.executable, "-c", program], folder / "log")


def test_the_least_work_is_one_hash_per_copy_and_one_for_the_publisher() -> None:
    assert LIMITS.least_cpu_seconds(100 * MB, copies=4) == pytest.approx(0.1 * 5 + 0.05 * 4)
    assert LIMITS.least_seconds(100 * MB, copies=4) == pytest.approx(0.7 / 2)
    # However many processors: nobody hashes a file faster than one core does.
    assert replace(LIMITS, processors=64).least_seconds(100 * MB, copies=4) == pytest.approx(0.1)


def test_limits_are_measured() -> None:
    limits = measure(4 << 20, rounds=1)
    assert limits.hash_rate > 1e6
    assert limits.loopback_rate > 1e6
    assert limits.hash_cpu > 0
    assert limits.processors >= 1


def test_a_transfer_is_one_row_with_its_distance_to_the_least() -> None:
    assert transfers_table([TRANSFER], LIMITS).splitlines()[-1] == (
        "| cupel, 4 receivers | swarm | 0.5 | 0.1 | 200 | 2.0 | 200 | 4.05 | 1.4 | 2.9 |"
    )
    assert capped_table([TRANSFER], 100 * MB).splitlines()[-1] == (
        "| cupel, 4 receivers | swarm | 0.40 | 0.400 | 0.00 | 2.0 | 4.05 |"
    )


def test_ours_is_compared_with_the_best_of_the_original() -> None:
    slow = replace(TRANSFER, system=THEIRS, seconds=10.0, cpu_seconds=8.0)
    dear = replace(TRANSFER, system=THEIRS, seconds=5.0, cpu_seconds=16.0)
    assert ratios([slow, dear, TRANSFER]).strip() == (
        "Ours beside the best of the original: 10.0 x faster, 4.0 x its MB per CPU second."
    )
    assert ratios([TRANSFER]) == ""


def test_a_wrong_file_is_the_worst_outcome() -> None:
    outcomes = [replace(OUTCOME, verdict=verdict) for verdict in (WRONG, RIGHT, GAVE_UP, NO_END)]
    assert worst(outcomes).verdict == WRONG
    assert worst([OUTCOME, replace(OUTCOME, seconds=3.0)]).seconds == 3.0


def test_faults_that_ours_did_not_survive_are_failures() -> None:
    lost = replace(OUTCOME, is_survived=False)
    result = Result("", "", outcomes=[("a", OURS, OUTCOME), ("b", OURS, lost), ("c", THEIRS, lost)])
    assert runner.failures([result]) == ["b"]
    assert faults_table({"a": {THEIRS: lost}, "b": {THEIRS: lost, OURS: OUTCOME}}).splitlines()[2:] == [
        "| a | right file, 2.0 s, 1.00 x moved | not run |",
        "| b | right file, 2.0 s, 1.00 x moved | right file, 2.0 s, 1.00 x moved |",
    ]


def test_both_systems_have_the_same_faults() -> None:
    assert list(faults_original.FAULTS) == list(faults_ours.FAULTS)


def test_a_pace_neither_saves_up_nor_forgets() -> None:
    pace = Pace(100.0)
    assert pace.delay(now=0.0, size=50) == pytest.approx(0.5)
    assert pace.delay(now=0.0, size=50) == pytest.approx(1.0)
    assert pace.delay(now=9.0, size=50) == pytest.approx(0.5)


def test_a_proxy_alters_full_pieces_only() -> None:
    full = bytes(PIECE_BYTES)
    assert falsified(full) == full[:-1] + b"\x01"
    assert falsified(b"HTTP/1.1 200 OK") == b"HTTP/1.1 200 OK"
    assert lengthened(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello").endswith(
        b"\r\nContent-Length: 1000000000000\r\n\r\nhello"
    )


def test_a_file_is_the_same_for_the_same_seed(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    assert make_file(first, 5 * MB, seed=1) == make_file(second, 5 * MB, seed=1) == sha256_of(first)
    flip_byte(second, 1234)
    assert sha256_of(first) != sha256_of(second)
    assert first.stat().st_size == second.stat().st_size == 5 * MB


def test_a_child_tells_and_is_timed(tmp_path: Path) -> None:
    child = talker(
        tmp_path,
        "import json, sys, time\n"
        "print('noise', flush=True); print(json.dumps({'event': 'ready', 'port': 7}), flush=True)\n"
        "sys.stdin.readline()\n"
        "while time.process_time() < 0.2: pass\n"
        "print('goodbye', file=sys.stderr)",
    )
    assert child.event("ready", 30).values["port"] == 7
    with pytest.raises(Timeout):
        child.event("never", 0.01)
    child.tell("go")
    with pytest.raises(EndedEarly, match="goodbye"):
        child.event("never", 30)
    ended = child.wait(30)
    assert ended.exit_code == 0
    assert ended.cpu_seconds >= 0.2


def test_a_child_that_does_not_listen_is_killed_with_what_it_started(tmp_path: Path) -> None:
    child = talker(
        tmp_path,
        "import signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        'print(\'{"event": "ready"}\', flush=True)\n'
        "subprocess.run([sys.executable, '-c', 'import time; time.sleep(60)'])",
    )
    child.event("ready", 30)
    assert child.kill().exit_code == -signal.SIGKILL
    # Its standard output was inherited by its child: it ends when both are gone.
    with pytest.raises(EndedEarly):
        child.event("never", 30)


def test_a_log_line_is_told_without_what_only_this_run_knows(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        line = f"bafybei{'a' * 52} at http://127.0.0.1:1234: no space left for {bench.folder}/store/x"
        assert in_short(line, bench) == "bafy... at http://127.0.0.1: no space left for store/x"
    assert not list(tmp_path.iterdir())


def test_ours_runs_through_the_benchmark(tmp_path: Path) -> None:
    numbers = tmp_path / "numbers.json"
    command = ["--only", "ours", "--megabytes", "3", "--part", "chain", "--part", "faults"]
    command += ["--fault", "the origin dies", "--place", str(tmp_path), "--json", str(numbers)]
    done = subprocess.run(
        [sys.executable, ROOT / "benchmarks/shardcast/run.py", *command],
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    assert "| cupel, 1 receiver | through 1 relay |" in done.stdout
    parts = json.loads(numbers.read_text())["parts"]
    assert parts[0]["transfers"][0]["file_bytes"] == 3 * MB
    assert [(fault, one["verdict"]) for fault, _, one in parts[1]["outcomes"]] == [
        ("the origin dies, then a receiver comes", RIGHT),
    ]
