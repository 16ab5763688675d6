"""The measurements of operation: slopes with honest errors, pages of half a run, and sizes that add up."""

from __future__ import annotations

import json
import math
import os
import random
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from plot import Panel, picture
from scale_round import gas_of, gossip_seconds, inclusion_seconds, sum_seconds
from slopes import slope_of
from soak_page import write_page
from watching import families, folder_size, usage_of

HOUR = 3600


def drifting(per_hour: float, noise: float, seed: int = 1) -> list[tuple[float, float]]:
    draw = random.Random(seed)
    return [(at, 100 + per_hour * at / HOUR + draw.gauss(0, noise)) for at in range(0, 2 * HOUR, 10)]


def test_a_line_s_slope_is_found() -> None:
    line = slope_of(drifting(6, 0), 300)
    assert line is not None
    assert line.per_hour == pytest.approx(6)
    assert line.mean == pytest.approx(106, rel=1e-3)
    assert not line.is_flat


def test_noise_is_no_growth() -> None:
    lines = [slope_of(drifting(0, 1, seed), 300) for seed in range(40)]
    # Two standard errors: one in twenty is beyond them by chance.
    assert sum(line is not None and line.is_flat for line in lines) >= 34
    growing = slope_of(drifting(6, 1), 300)
    assert growing is not None
    assert not growing.is_flat


def test_samples_that_repeat_do_not_make_an_error_smaller() -> None:
    draw = random.Random(2)
    levels = [draw.gauss(0, 1) for _ in range(24)]
    few = slope_of([(number * 300.0, level) for number, level in enumerate(levels)], 300)
    often = slope_of([(at, levels[at // 300]) for at in range(0, 24 * 300, 10)], 300)
    assert few is not None
    assert often is not None
    assert often.standard_error == pytest.approx(few.standard_error, rel=0.01)


def test_too_little_says_nothing() -> None:
    assert slope_of([(0, 1.0), (10, 2.0)], 300) is None
    assert slope_of([], 300) is None


def test_half_a_run_gives_a_page_and_a_picture(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    facts = {"start": 1090, "rounds": 120, "round_seconds": 60, "nodes": 1, "began": 1000}
    (tmp_path / "facts.json").write_text(json.dumps(facts))
    with (tmp_path / "samples.jsonl").open("w") as file:
        for at in range(0, 4000, 10):
            usage = [7, 200_000_000, 100_000_000, 30, 4, at / 50]
            folders = {"node-1": [10_000_000 + at, 40]}
            line = {"seconds": at, "load": 3, "processes": {"node-1": usage}, "folders": folders}
            print(json.dumps(line), file=file)
        file.write('{"seconds": 4000, "lo')  # where it was read, or stopped
    event = {"source": "node-1", "event": "committed", "time": 1, "round": 0}
    (tmp_path / "run" / "events.jsonl").write_text(json.dumps(event) + "\n")
    text = write_page(tmp_path, tmp_path).read_text()
    assert "| rounds that node-1 committed | 1 |" in text
    assert "| node-1 | 200 | 200, 200 | +0 | 0 | +0 | flat |" in text
    assert "| node-1 | 2.0 |" in text
    assert "0.0036" in text
    ET.fromstring((tmp_path / "soak.svg").read_text())


def test_a_picture_has_every_name_and_panel() -> None:
    drawn = picture([Panel("RSS, MB", {"one": [(0, 1.0), (60, 2.0)]}), Panel("files", {})], ["one"])
    assert [text for text in ("RSS, MB", "files", "one") if f">{text}</text>" not in drawn] == []


def test_what_a_process_takes_is_what_the_system_says() -> None:
    used = usage_of(os.getpid())
    assert used is not None
    assert used.files == pytest.approx(len(os.listdir("/proc/self/fd")), abs=1)
    assert used.rss >= used.pss > 1_000_000
    assert families({"us": os.getpid()})["us"] == os.getpid()
    assert usage_of(2**30) is None


def test_a_folder_s_size_is_that_of_its_files(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "one").write_bytes(bytes(10))
    (tmp_path / "two").write_bytes(bytes(5))
    assert folder_size(tmp_path) == (15, 2)


def test_gas_grows_with_nodes_and_batches_save_it() -> None:
    alone, batched = gas_of(1000).values()
    assert alone > batched
    assert gas_of(2000)["each node by itself"] > 1.9 * alone
    assert gas_of(1000, shards=4)["each node by itself"] > alone


def test_commitments_wait_for_room() -> None:
    assert inclusion_seconds(1000, 50_000, 1e9, 1) < 301
    crowded = inclusion_seconds(1000, 50_000, 100_000, 1)
    assert crowded == pytest.approx(120 + 1000 * 50_000 / 100_000, rel=0.01)


def test_gossip_crosses_in_a_few_hops() -> None:
    assert 0.05 < gossip_seconds(500, 1) < 1.0
    assert math.isfinite(gossip_seconds(20, 3))


def test_the_sum_of_updates_is_timed() -> None:
    assert sum_seconds(1600, 32_000) > 0
