"""How plans and checks are shown: to people, to programs, and as the part of a network's file to review."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cupel.networks.compare import Check
from cupel.networks.plan import Plan


def addresses_table(plan: Plan) -> str:
    """The [addresses] of a network's file; comments show what the addresses depend on."""
    network = plan.network
    lines = [f'# chain {network.chain_id}, salt "{network.salt}", proxy {network.proxy}', "[addresses]"]
    for planned in plan.contracts:
        arguments = ", ".join(f"{argument.view} = {argument.value}" for argument in planned.arguments)
        lines += [f"# {planned.name}({arguments})"] if arguments else []
        lines.append(f'{planned.name} = "{planned.derived}"')
    return "\n".join(lines)


def check_line(check: Check) -> str:
    """One line: what was looked at, and both values where they differ."""
    start = f"{'ok  ' if check.passed else 'DIFF'}  {check.subject:<16} {check.fact:<16}"
    if check.passed:
        return f"{start} {check.observed}"
    return f"{start} expected {check.expected}, observed {check.observed}"


def as_json(plan: Plan, checks: Sequence[Check], deployment: str | None) -> dict[str, Any]:
    """The whole result for programs; `deployment` is the file that was written."""
    return {
        "passed": all(check.passed for check in checks),
        "network": plan.network.path.stem,
        "chain_id": plan.network.chain_id,
        "deployment": deployment,
        "checks": [
            {
                "subject": check.subject,
                "fact": check.fact,
                "expected": check.expected,
                "observed": check.observed,
                "passed": check.passed,
            }
            for check in checks
        ],
    }
