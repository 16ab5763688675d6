"""What a reduce ends with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from cupel.node.collective.attempts import Attempts, Certificate
from cupel.protocol.spec.collective.reduce import finish
from cupel.protocol.spec.errors import Rejected


@dataclass(frozen=True, slots=True)
class Outcome:
    """Values (read only), whose they are in ring order, why others were left out, attempts, and who signed."""

    values: npt.NDArray[Any]
    survivors: tuple[str, ...]
    evicted: dict[str, Rejected]
    attempts: int
    certificate: Certificate | None
    """None in a roster of one."""


def outcome_of(attempts: Attempts, attempt: int) -> Outcome:
    """The outcome of a reduce that was decided in this attempt."""
    assert attempts.kept is not None, "who agrees to a result holds it"
    total, ring = attempts.kept
    values = finish(attempts.reduce, total, len(ring)).view()
    values.flags.writeable = False
    evicted = {member: why for member, why in attempts.why().items() if member not in ring}
    return Outcome(values, ring, evicted, attempt, attempts.certificate)
