"""Listening to the pre-training script: progress for the screen, and the machine's speed."""

from __future__ import annotations

import json
from typing import Final

from cupel.devnet.story.events import DEMO, OUTPUT, DemoEvent, parse_line
from cupel.protocol.observe import Value

NAME: Final = "pretrain"


class Pretraining:
    """Turns the script's progress lines, `{"step", "steps", "loss", "cpu_seconds"}`, into events of the stage."""

    def __init__(self) -> None:
        self.step_seconds: float | None = None
        """CPU seconds of a step so far; None before the first report."""

    def parse(self, source: str, line: bytes, now_ms: int) -> DemoEvent | None:
        """A stage event for a progress line; any other line as it is."""
        event = parse_line(source, line, now_ms)
        if event is None or event.name != OUTPUT:
            return event
        try:
            value = json.loads(line)
            step, steps = int(value["step"]), int(value["steps"])
            detail = f"step {step} of {steps}, loss {float(value['loss']):.3f}"
            self.step_seconds = float(value["cpu_seconds"]) / max(step, 1)
        except (ValueError, KeyError, TypeError):
            return event
        fields: dict[str, Value] = {
            "key": "policy",
            "status": "running",
            "progress": 1000 * step // max(steps, 1),
            "detail": detail,
        }
        return DemoEvent(DEMO, "stage", now_ms, fields)
