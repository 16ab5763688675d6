"""Plans and their price."""

from __future__ import annotations

from pathlib import Path

from cupel.protocol.task import plan, price


def load_plan(path: str | Path) -> plan.TaskPlan:
    """Read a TOML plan, as `cupel task new` writes one. ConfigError that names the key for anything that is not one."""
    return plan.load_plan(Path(path))


def price_of(wanted: plan.TaskPlan) -> price.Price:
    """What a plan costs before anything is signed. Amounts in the token's smallest unit."""
    return price.price_of(wanted)
