"""What a verifier's operator chooses."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from cupel.protocol.config import ConfigError
from cupel.verifier.budget import HOUR
from cupel.verifier.dispute.demands import DEFAULT_WHOLE_PIECES
from cupel.verifier.draw import DEFAULT_AUDIT_ROLLOUTS

MAX_PLACES: Final = 31
"""Places in the pool of jurors that the JuryJudge lets one account hold."""


_TASK_FORM: Final = re.compile(r"0x[0-9a-fA-F]{64}")


@dataclass(frozen=True, slots=True)
class Options:
    """What a verifier chooses for itself."""

    audit_rollouts: int = DEFAULT_AUDIT_ROLLOUTS
    """Rollouts to recompute of each submission; of a node whose errors add up, all."""
    jury_places: int = 1
    """Places to stake for in the pool of jurors where the task has a jury; 0 for none."""
    metrics_port: int | None = None
    """Port of the Prometheus endpoint on this machine, 0 for a free one; None for no endpoint."""
    budget_seconds: float | None = None
    """Seconds of recomputation an hour; None for as many as it takes."""
    demand_pieces: int = DEFAULT_WHOLE_PIECES
    """Pieces of a file that nobody serves, 2 KiB each, up to which all of them are demanded."""

    audit_task: str = ""
    """Audit task to stake and to be paid in, as 0x and 64 hex digits; empty for none."""

    def __post_init__(self) -> None:
        if self.audit_rollouts < 1:
            problem = f"{self.audit_rollouts} rollouts cannot show a lie"
            raise ConfigError("audit_rollouts", problem, "Recompute at least one")
        if not 0 <= self.jury_places <= MAX_PLACES:
            problem = f"an account cannot hold {self.jury_places} places"
            raise ConfigError("jury_places", problem, f"Stake for 0 to {MAX_PLACES}")
        if self.metrics_port is not None and not 0 <= self.metrics_port < 65536:
            remedy = "Use 0 (any free port) to 65535"
            raise ConfigError("metrics-port", f"{self.metrics_port} is not a port", remedy)
        if self.budget_seconds is not None and not 0 < self.budget_seconds <= HOUR:
            remedy = f"Use more than 0 and at most {HOUR} seconds an hour, or leave it out"
            raise ConfigError("budget", f"{self.budget_seconds} is no budget", remedy)
        if self.demand_pieces < 1:
            raise ConfigError(
                "demand_pieces", f"{self.demand_pieces} pieces show nothing", "Demand one or more"
            )
        if self.audit_task and _TASK_FORM.fullmatch(self.audit_task) is None:
            raise ConfigError("audit-task", f"{self.audit_task!r} is no task id", "Give 0x and 64 hex digits")
