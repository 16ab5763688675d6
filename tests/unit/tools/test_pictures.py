"""The README's pictures are what the kept numbers give, and well-formed."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import first_use
import pictures


def kept() -> dict[str, object]:
    return json.loads((pictures.DOCS / "demo.json").read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def words(svg: str) -> list[str]:
    return [node.text or "" for node in ElementTree.fromstring(svg).iter() if node.tag.endswith("}text")]


def test_what_is_committed_is_what_would_be_drawn() -> None:
    for name, drawn in (("demo", pictures.demo_picture(kept())), ("flow", pictures.flow_picture(kept()))):
        assert (pictures.DOCS / f"{name}.svg").read_text(encoding="utf-8") == drawn


def test_the_pictures_tell_the_run_s_numbers() -> None:
    told = kept()
    rows = {row["name"]: row for row in told["money"]}  # type: ignore[attr-defined]
    demo, flow = words(pictures.demo_picture(told)), words(pictures.flow_picture(told))
    liars = [name for name, row in rows.items() if pictures.is_liar(row)]
    assert len(liars) == 2
    assert sum(text.startswith("slashed: ") for text in demo) == 2
    assert "2 liars lost all" in flow
    assert pictures.tokens(int(rows["node-1"]["net"])) in demo
    assert f"{told['commitments']} roots" in flow


def test_first_pay_is_counted_from_the_first_event(tmp_path: Path) -> None:
    assert first_use.first_pay_seconds(tmp_path) is None
    (tmp_path / "runs" / "one").mkdir(parents=True)
    events = [
        {"event": "stage", "time": 1000},
        {"event": "claimed", "amount": "0", "time": 2000},
        {"event": "claimed", "amount": "5", "time": 3500},
    ]
    log = tmp_path / "runs" / "one" / "events.jsonl"
    log.write_text("\n".join(json.dumps(one) for one in events))
    assert first_use.first_pay_seconds(tmp_path) == 2.5
