"""Deadlines that end a hang are long here: a crowded machine stands still for seconds."""

import pytest

from cupel.protocol.network import control, dial_back, requests
from cupel.protocol.testing.waiting import HANG_SECONDS


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name in (
        (control, "PUBLISH_SECONDS"),
        (control, "CLOSE_SECONDS"),
        (dial_back, "DIAL_SECONDS"),
        (dial_back, "ANSWER_SECONDS"),
        (requests, "HEAD_SECONDS"),
    ):
        monkeypatch.setattr(module, name, HANG_SECONDS)
