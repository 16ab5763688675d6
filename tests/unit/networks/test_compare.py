"""Whatever a chain shows otherwise than planned is one named difference."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
from eth_hash.auto import keccak

from cupel.networks.compare import INSTRUCTIONS, Check, Observed, compare
from cupel.networks.plan import Plan

PlanWith = Callable[..., Plan]
PROXY_CODE = bytes.fromhex(
    "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe03601600081602082378035828234f580"
    "15156039578182fd5b8082525050506014600cf3"
)
TOKEN = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
HUB_CODE = b"\x04\x05\x06"
MASKED_JUDGE = b"\x08" + bytes(32) + b"\x09" + bytes(32) + b"\x0a" + bytes(32)


def word(value: int | str) -> bytes:
    return (int(value, 16) if isinstance(value, str) else value).to_bytes(32, "big")


def judge_code(plan: Plan, last: bytes | None = None) -> bytes:
    hub, token = (argument.word for argument in plan.contracts[1].arguments[:2])
    return b"\x08" + hub + b"\x09" + token + b"\x0a" + (hub if last is None else last)


def deployed(
    plan: Plan, code: Mapping[str, bytes] | None = None, views: Mapping[str, bytes] | None = None
) -> Observed:
    """A chain on which everything is as planned, but for these changes."""
    hub, judge = plan.contracts
    right = {
        plan.network.proxy: PROXY_CODE,
        TOKEN: b"\x01",
        hub.address: HUB_CODE,
        judge.address: judge_code(plan),
    }
    shown = {argument.view: argument.word for argument in judge.arguments} | dict(views or {})
    return Observed(
        plan.network.chain_id,
        INSTRUCTIONS,
        right | dict(code or {}),
        {(judge.address, view): returned for view, returned in shown.items()},
    )


def differences(plan: Plan, observed: Observed) -> list[Check]:
    return [check for check in compare(plan, observed) if not check.passed]


def test_nothing_differs_where_all_is_as_planned(plan_with: PlanWith) -> None:
    plan = plan_with()
    checks = compare(plan, deployed(plan))
    assert [(check.subject, check.fact) for check in checks] == [
        ("chain", "id"),
        ("chain", "instructions"),
        ("proxy", "code"),
        ("jury.token", "contract"),
        ("Hub", "code"),
        ("Judge", "code"),
        ("Judge", "immutables"),
        ("Judge", "hub()"),
        ("Judge", "token()"),
        ("Judge", "size()"),
    ]
    assert all(check.passed for check in checks)
    assert checks[4].observed == "0x" + keccak(HUB_CODE).hex()
    assert checks[5].observed == "0x" + keccak(MASKED_JUDGE).hex()


def test_on_another_chain_nothing_else_is_compared(plan_with: PlanWith) -> None:
    assert compare(plan_with(), Observed(1)) == (Check("chain", "id", "5", "1"),)


def test_an_old_chain_is_named(plan_with: PlanWith) -> None:
    plan = plan_with()
    right = deployed(plan)
    observed = Observed(right.chain_id, "invalid opcode: MCOPY", right.code, right.views)
    assert differences(plan, observed) == [
        Check("chain", "instructions", INSTRUCTIONS, "invalid opcode: MCOPY")
    ]


def test_missing_contracts_are_named(plan_with: PlanWith) -> None:
    plan = plan_with()
    for address, subject, fact in (
        (plan.network.proxy, "proxy", "code"),
        (TOKEN, "jury.token", "contract"),
        (plan.contracts[0].address, "Hub", "code"),
        (plan.contracts[1].address, "Judge", "code"),
    ):
        (difference,) = differences(plan, deployed(plan, {address: b""}))
        assert (difference.subject, difference.fact) == (subject, fact)
        assert difference.observed == f"nothing at {address}"


@pytest.mark.parametrize("code", [b"\x04\x05\x07", b"\x04\x05", b"\x04\x05\x06\x00"])
def test_other_code_is_named(plan_with: PlanWith, code: bytes) -> None:
    plan = plan_with()
    (difference,) = differences(plan, deployed(plan, {plan.contracts[0].address: code}))
    assert difference == Check("Hub", "code", f"0x{keccak(HUB_CODE).hex()}", f"0x{keccak(code).hex()}")


@pytest.mark.parametrize("place", [0, 33, 66])
def test_code_between_immutables_is_compared(plan_with: PlanWith, place: int) -> None:
    plan = plan_with()
    code = bytearray(judge_code(plan))
    code[place] ^= 1
    (difference,) = differences(plan, deployed(plan, {plan.contracts[1].address: bytes(code)}))
    assert (difference.subject, difference.fact) == ("Judge", "code")


def test_an_immutable_with_two_values_is_named(plan_with: PlanWith) -> None:
    plan = plan_with()
    code = judge_code(plan, last=word(TOKEN))
    assert differences(plan, deployed(plan, {plan.contracts[1].address: code})) == [
        Check("Judge", "immutables", "one value each", "different values at 1, 67")
    ]


@pytest.mark.parametrize(
    ("view", "returned", "shown"),
    [
        ("size", word(5), "5"),
        ("size", b"", "no answer"),
        ("size", b"\x03", "0x03"),
        ("token", word("0x4e59b44847b379578588920cA78FbF26c0B4956C"), None),
        ("token", b"\xff" * 32, str(2**256 - 1)),
    ],
)
def test_a_view_that_shows_something_else_is_named(
    plan_with: PlanWith, view: str, returned: bytes, shown: str | None
) -> None:
    plan = plan_with()
    expected = {"size": "3", "token": TOKEN}[view]
    assert differences(plan, deployed(plan, views={view: returned})) == [
        Check("Judge", f"{view}()", expected, shown or "0x4e59b44847b379578588920cA78FbF26c0B4956C")
    ]


def test_changed_parameters_differ_from_the_reviewed_deployment(plan_with: PlanWith) -> None:
    before = plan_with()
    addresses = {each.name: each.derived for each in before.contracts}
    after = plan_with(parameters={"jury.size": 4}, addresses=addresses)
    assert differences(after, deployed(before)) == [
        Check("Judge", "address", after.contracts[1].derived, addresses["Judge"]),
        Check("Judge", "size()", "4", "3"),
    ]


def test_required_addresses_must_be_in_the_file(plan_with: PlanWith) -> None:
    plan = plan_with(addresses_required=True, addresses={"Hub": plan_with().contracts[0].derived})
    assert differences(plan, deployed(plan)) == [
        Check("Judge", "address", plan.contracts[1].derived, "not in the file")
    ]
