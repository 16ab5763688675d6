"""Nodes that lie, to show that it does not pay: the ordinary node with one part exchanged.

    python -m cupel.devnet.liars --lie perturbed-model --config node.toml --json

`perturbed-model` generates with weights rounded to four bits and passes the result off as the canonical policy's: a
saving of three quarters of the memory. `inflated-reward` reports full reward for every answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from cupel.devnet.story.state import Lie
from cupel.protocol.cli import run
from cupel.protocol.options import execute
from cupel.protocol.spec.environments.base import Environment
from cupel.protocol.spec.task import MILLION

if TYPE_CHECKING:
    from cupel.node.app import Parts
    from cupel.protocol.model.policy import Policy


def four_bit(policy: Policy) -> Policy:
    """A copy of the policy with every row of its weights rounded to 15 levels."""
    from cupel.protocol.model.quantise import quantised

    return quantised(policy, bits=4)


def full_reward(environment: Environment, problem: int, tokens: Sequence[int]) -> int:
    """Full reward whatever the answer."""
    return MILLION


def lying_parts(lie: Lie) -> Parts:
    """The node's parts with the one that lies exchanged."""
    from cupel.node.app import Parts

    match lie:
        case Lie.PERTURBED_MODEL:
            return Parts(rollout_policy=four_bit)
        case Lie.INFLATED_REWARD:
            return Parts(score=full_reward)


def lie_and_run(
    lie: Annotated[Lie, typer.Option(help="How to lie.")],
    config: Annotated[str | None, typer.Option(help="TOML file of the node's settings.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Events as JSON lines on standard output.")] = False,
) -> None:
    """Run a node that lies, on a devnet, to see it caught."""
    from cupel.node.app import run_node

    parts = lying_parts(lie)
    execute(lambda settings, observer: run_node(settings, observer, parts), {"config": config, "json": json})


def main() -> None:
    """Entry point."""
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(lie_and_run)
    run(app)


if __name__ == "__main__":
    main()
