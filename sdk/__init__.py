"""A task creator's whole life in Python: plan, price, create, watch, download, refund.

    async with Creator("creator.toml") as creator:
        task = await creator.create(plan, "genesis.safetensors")
        async for progress in task.watch():
            print(progress)
        await task.download("policy.safetensors")
        await task.refund()

`examples/creator/` holds scripts that run. Errors: ConfigError for what the caller can correct, EnvironmentProblem for
a chain, peer or disk that fails; both are one line with its remedy.
"""

from __future__ import annotations

from cupel.protocol.config import ConfigError, EnvironmentProblem
from cupel.protocol.settings import Settings
from cupel.protocol.task.plan import TaskPlan
from cupel.protocol.task.price import Price
from cupel.sdk.creator import Creator
from cupel.sdk.plans import load_plan, price_of
from cupel.sdk.progress import Progress
from cupel.sdk.task import Task

__all__ = [
    "Creator",
    "Task",
    "Progress",
    "TaskPlan",
    "load_plan",
    "Price",
    "price_of",
    "Settings",
    "ConfigError",
    "EnvironmentProblem",
]
