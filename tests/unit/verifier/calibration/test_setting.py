"""What a setting says of memory."""

from __future__ import annotations

import dataclasses

from cupel.verifier.calibration.cheats.base import Bench


def test_a_large_vocabulary_is_sampled_in_smaller_parts(bench: Bench) -> None:
    """512 rollouts of nine tokens with 128,256 words would take 4.7 GB of noise."""
    large = dataclasses.replace(
        bench.setting, model=dataclasses.replace(bench.setting.model, vocabulary=128_256)
    )
    assert bench.setting.at_once(512) == 512
    assert large.at_once(512) == 29
    assert dataclasses.replace(large, max_tokens=1000).at_once(512) == 1
    assert dataclasses.replace(bench.setting, problem_count=5).at_once(512) == 5
