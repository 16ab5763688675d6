"""Processes that lie, to show that it does not pay: the ordinary node or verifier with one part exchanged.

    python -m cupel.devnet.liars --lie perturbed-model --config node.toml --json

`perturbed-model` generates with weights rounded to four bits and passes the result off as the canonical policy's: a
saving of three quarters of the memory. `inflated-reward` reports full reward for every answer. Every other name is a
strategy of `cupel.devnet.attacks`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from cupel.devnet.story.state import Lie
from cupel.protocol.cli import run
from cupel.protocol.config import ConfigError
from cupel.protocol.options import execute
from cupel.protocol.spec.environments.base import Environment
from cupel.protocol.spec.task import MILLION

if TYPE_CHECKING:
    from cupel.node.publishing.seams import Seams
    from cupel.node.rollout.process import Parts
    from cupel.protocol.model.policy import Policy


def four_bit(policy: Policy) -> Policy:
    """A copy of the policy with every row of its weights rounded to 15 levels."""
    from cupel.protocol.model.quantise import quantised

    return quantised(policy, bits=4)


def full_reward(environment: Environment, problem: int, tokens: Sequence[int]) -> int:
    """Full reward whatever the answer."""
    return MILLION


def lying_parts(lie: str) -> tuple[Parts, Seams]:
    """The node's parts and seams with those that lie exchanged. ConfigError for a lie that no node tells."""
    from cupel.devnet.attacks.catalogue import strategies
    from cupel.node.publishing.seams import Seams
    from cupel.node.rollout.process import Parts

    match lie:
        case Lie.PERTURBED_MODEL:
            return Parts(rollout_policy=four_bit), Seams()
        case Lie.INFLATED_REWARD:
            return Parts(score=full_reward), Seams()
    strategy = strategies().get(lie)
    if strategy is None:
        raise ConfigError("lie", f"no node lies like {lie!r}", "`cupel demo --attack list` names them all")
    return Parts(), Seams(
        strategy.submit, strategy.witness, strategy.version, strategy.decide, strategy.stand
    )


def lie_and_run(
    lie: Annotated[str, typer.Option(help="How to lie.")],
    config: Annotated[str | None, typer.Option(help="TOML file of the process's settings.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Events as JSON lines on standard output.")] = False,
) -> None:
    """Run a node or a verifier that lies, on a devnet, to see it fail."""
    from cupel.devnet.attacks.verifiers import VERIFIERS

    options = {"config": config, "json": json}
    if lie in VERIFIERS:
        from cupel.verifier.app import run_verifier
        from cupel.verifier.options import Options

        _, auditor = VERIFIERS[lie]
        execute(lambda settings, observer: run_verifier(settings, observer, Options(), auditor), options)
    else:
        from cupel.node.app import run_node

        parts, seams = lying_parts(lie)
        execute(lambda settings, observer: run_node(settings, observer, parts, seams), options)


def main() -> None:
    """Entry point."""
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(lie_and_run)
    run(app)


if __name__ == "__main__":
    main()
