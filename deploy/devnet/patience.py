"""A preset's spans of time for a machine that is not idle, and for more trials at once than the demo has. Pure.

The presets' spans fit two idle cores and the demo's two liars: a juror fetches, recomputes and sends two transactions a
trial in them, an accused answers in them. Whoever is late loses money, so they must not be shorter than the machine is
slow.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Final

from cupel.devnet.deployment import DataTerms
from cupel.devnet.presets import Preset

IDLE_CORES: Final = 2.0
"""Free cores that the presets were made for."""
DEMO_LIARS: Final = 2
MOST_SLOWNESS: Final = 10.0
_TRIAL_SECONDS: Final = 2
"""Of a juror's commit window, and of its reveal window, that another trial takes: a transaction is a block or two."""


def unhurried(preset: Preset, cores: float, liars: int) -> Preset:
    """The preset where so many cores are free and so many participants lie."""
    slowness = min(max(1.0, IDLE_CORES / max(cores, IDLE_CORES / MOST_SLOWNESS)), MOST_SLOWNESS)
    further = max(0, liars - DEMO_LIARS)

    def longer(seconds: int) -> int:
        return math.ceil(seconds * slowness)

    jury, data, canonical, aggregate = preset.jury, preset.data, preset.canonical, preset.aggregate
    return dataclasses.replace(
        preset,
        jury=dataclasses.replace(
            jury,
            commit_seconds=longer(jury.commit_seconds + _TRIAL_SECONDS * further),
            reveal_seconds=longer(jury.reveal_seconds + _TRIAL_SECONDS * further),
            appeal_seconds=longer(jury.appeal_seconds),
            grace_seconds=longer(jury.grace_seconds),
        ),
        data=DataTerms(longer(data.answer_seconds), longer(data.close_seconds)),
        canonical=dataclasses.replace(canonical, clock_seconds=longer(canonical.clock_seconds)),
        aggregate=dataclasses.replace(aggregate, clock_seconds=longer(aggregate.clock_seconds)),
        least_round_seconds=longer(preset.least_round_seconds),
    )
