"""What the demo finds out about the machine it runs on."""

from __future__ import annotations

from cupel.devnet.machine import describe, free_cores, num_cores


def test_there_are_no_more_free_cores_than_cores() -> None:
    assert 0 < free_cores() < num_cores() + 0.5


def test_the_machine_is_described_by_its_cores() -> None:
    assert describe().startswith(f"{num_cores()} core")
