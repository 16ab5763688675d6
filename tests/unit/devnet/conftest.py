"""A whole demo as a stream of events, made up but consistent: two liars, three honest nodes, twelve rounds."""

from __future__ import annotations

import dataclasses
import hashlib
import math
from collections.abc import Callable, Iterator
from types import MappingProxyType
from typing import Any

import pytest

from cupel.devnet.facts import (
    ChainFacts,
    Challenge,
    Checkpoint,
    Claim,
    GasUse,
    HubMoney,
    Membership,
    Slash,
    Terms,
    Withdrawal,
    Work,
)
from cupel.devnet.story.events import CHAIN, DEMO, DemoEvent
from cupel.devnet.story.reducer import reduce
from cupel.devnet.story.state import DemoState, Lie, NodeState, VerifierState

TOKEN = 10**18
ROUNDS = 12
ROUND_SECONDS = 12
UNITS = 128
RATE = TOKEN // 100
STAKE = 100 * TOKEN
BOND = 5 * TOKEN
BOUNTY = 5 * ROUNDS * UNITS * RATE
START_MS = 1_790_000_000_000
TASK_START = START_MS // 1000 + 40
BURN = "0x000000000000000000000000000000000000dEaD"
LIARS = {"node-4": Lie.PERTURBED_MODEL, "node-5": Lie.INFLATED_REWARD}
NODES = [f"node-{number}" for number in range(1, 6)]
VERIFIERS = ["verifier-1", "verifier-2"]
CAUGHT_ROUND = {"node-4": 1, "node-5": 0}


def digest(*parts: object) -> str:
    return "0x" + hashlib.sha256(repr(parts).encode()).hexdigest()


def account(name: str) -> str:
    return "0x" + hashlib.sha256(name.encode()).hexdigest()[:40]


def reward_of(name: str, index: int) -> int:
    wobble = int.from_bytes(hashlib.sha256(f"{name}{index}".encode()).digest()[:2], "big") / 65535 - 0.5
    if name == "node-5":
        return 1_000_000
    value = 0.1 + 0.86 / (1 + math.exp(-(index - 4.5) * 0.75)) + 0.07 * wobble
    return int(1e6 * min(max(value, 0.02), 0.99))


def worked(name: str, index: int) -> bool:
    return index <= CAUGHT_ROUND.get(name, ROUNDS)


def sample_start() -> DemoState:
    return DemoState(
        started_ms=START_MS,
        nodes=MappingProxyType({name: NodeState(name, account(name), LIARS.get(name)) for name in NODES}),
        verifiers=MappingProxyType({name: VerifierState(name, account(name)) for name in VERIFIERS}),
    )


def _set_up() -> Iterator[DemoEvent]:
    now = START_MS
    for key, seconds, detail in (
        ("tools", 0.2, "anvil 1.7.1"),
        ("chain", 0.3, "127.0.0.1:41921, chain 31337"),
        ("contracts", 2.1, "5 contracts"),
        ("wallets", 1.4, "8 wallets"),
        ("policy", 21.0, "500 steps, loss 0.71"),
        ("processes", 4.0, "8 of 8 ready"),
        ("task", 2.0, "from round 0 in 8 s"),
    ):
        yield DemoEvent(DEMO, "stage", now, {"key": key, "status": "running", "progress": 0})
        now += int(seconds * 1000)
        yield DemoEvent(DEMO, "stage", now, {"key": key, "status": "done", "detail": detail})
    for name in [*NODES, *VERIFIERS, "creator"]:
        yield DemoEvent(name, "process-started", now, {"pid": 100})
        yield DemoEvent(name, "ready", now, {"account": account(name), "endpoint": "/ip4/127.0.0.1/tcp/1"})
    fields: dict[str, Any] = {"task": digest("task"), "start": TASK_START, "rounds": ROUNDS}
    yield DemoEvent(
        "creator", "task", now, {**fields, "round_seconds": ROUND_SECONDS, "bounty": str(96 * TOKEN)}
    )
    for name in NODES:
        yield DemoEvent(name, "task", now, fields)
        yield DemoEvent(name, "joined", now + 900, {"quota": ROUNDS * UNITS, "stake": str(STAKE)})
    yield DemoEvent(DEMO, "stage", now + 1000, {"key": "rounds", "status": "running", "detail": "round 0"})


def _round(index: int) -> Iterator[DemoEvent]:
    base = (TASK_START + index * ROUND_SECONDS) * 1000
    for number, name in enumerate(NODES):
        if not worked(name, index):
            continue
        phases = ("rollouts", "training", "publishing", "replicating", "committing", "committed")
        for step, phase in enumerate(phases):
            fields = {"round": index, "phase": phase, "progress": 600, "detail": ""}
            yield DemoEvent(name, "phase", base + 1000 + 900 * step + 37 * number, fields)
        work = {
            "round": index,
            "sequence": index,
            "units": UNITS,
            "manifest": digest("manifest", name, index),
        }
        metrics = {
            "reward_millionths": reward_of(name, index),
            "loss_millionths": int(2e5 * math.exp(-index / 5)),
        }
        yield DemoEvent(name, "committed", base + 6600 + 137 * number, {**work, **metrics})
        moved = {"bytes_in": 410_000 * (index + 1), "bytes_out": 380_000 * (index + 1), "peers": 6}
        yield DemoEvent(name, "transfer", base + 7000, moved)
        action = {"action": "commit", "hash": digest("commit", name, index), "gas": 36_800}
        yield DemoEvent(name, "transaction", base + 6700, action)
    yield from _audit(index, base + 7500)
    for name in NODES:
        if worked(name, index):
            known = {"version": index + 1, "digest": digest("version", index + 1)}
            yield DemoEvent(name, "policy", base + ROUND_SECONDS * 1000 + 500, known)
    money = {
        "bounty": 96 * TOKEN,
        "stakes": 500 * TOKEN,
        "bonds": 0,
        "credits": 0,
        "hub_balance": 596 * TOKEN,
    }
    block = {"block": 50 + index * 20, "timestamp": base // 1000 + ROUND_SECONDS, "burned": 0}
    fields = {name: str(value) for name, value in {**money, **block}.items()}
    yield DemoEvent(CHAIN, "block", base + ROUND_SECONDS * 1000 - 200, fields)


def _audit(index: int, now: int) -> Iterator[DemoEvent]:
    for number, verifier in enumerate(VERIFIERS):
        moved = {"bytes_in": 900_000 * (index + 1), "bytes_out": 30_000, "peers": 6}
        yield DemoEvent(verifier, "transfer", now, moved)
        for name in NODES:
            if not worked(name, index):
                continue
            yield DemoEvent(verifier, "checking", now, {"node": account(name), "round": index})
            failing = (
                {"node-4": "toploc", "node-5": "reward"}.get(name)
                if CAUGHT_ROUND.get(name) == index
                else None
            )
            for check in ("integrity", "assignment", "reward", "toploc", "sampling"):
                fields = {
                    "node": account(name),
                    "round": index,
                    "sequence": index,
                    "check": check,
                    "passed": True,
                }
                if check == failing:
                    fields |= {
                        "passed": False,
                        "reason": f"wrong-{check}",
                        "detail": "rollout 17",
                        "observed": "41",
                    }
                    yield DemoEvent(verifier, "verdict", now + 300, {**fields, "allowed": "6"})
                    break
                yield DemoEvent(verifier, "verdict", now + 200, fields)
            if failing and number == 0:
                yield from _dispute(verifier, name, index, failing, now + 800)


def _dispute(verifier: str, name: str, index: int, check: str, now: int) -> Iterator[DemoEvent]:
    number = 1 if name == "node-5" else 2
    judge = "ObjectiveJudge" if check == "reward" else "JuryJudge"
    opened = {"challenge_id": number, "node": account(name), "sequence": index, "judge": judge}
    yield DemoEvent(verifier, "challenged", now, {**opened, "reason": f"wrong-{check}"})
    end = now
    if judge == "JuryJudge":
        for juror in VERIFIERS:
            yield DemoEvent(juror, "vote", now + 1500, {"challenge_id": number, "guilty": True})
        end = now + 3500
    yield DemoEvent(
        verifier, "resolved", end, {"challenge_id": number, "node": account(name), "guilty": True}
    )
    yield DemoEvent(name, "slashed", end + 100, {})
    yield DemoEvent(name, "process-ended", end + 300, {"code": 3})


def _settlement() -> Iterator[DemoEvent]:
    base = (TASK_START + ROUNDS * ROUND_SECONDS) * 1000
    yield DemoEvent(DEMO, "stage", base, {"key": "rounds", "status": "done", "detail": f"{ROUNDS} rounds"})
    yield DemoEvent(DEMO, "stage", base, {"key": "settlement", "status": "running"})
    for name in NODES:
        if name in LIARS:
            continue
        amount = ROUNDS * UNITS * RATE
        yield DemoEvent(name, "claimed", base + 20_000, {"units": ROUNDS * UNITS, "amount": str(amount)})
        yield DemoEvent(name, "exited", base + 30_000, {})
        yield DemoEvent(name, "withdrawn", base + 31_000, {"amount": str(amount + STAKE)})
        yield DemoEvent(name, "done", base + 31_500, {})
        yield DemoEvent(name, "process-ended", base + 32_000, {"code": 0})
    yield DemoEvent("creator", "process-ended", base + 33_000, {"code": 0})
    for name in VERIFIERS:
        yield DemoEvent(name, "withdrawn", base + 32_000, {"amount": str(50 * TOKEN)})
        yield DemoEvent(name, "process-ended", base + 33_000, {"code": 0})
    yield DemoEvent(DEMO, "stage", base + 33_000, {"key": "settlement", "status": "done"})
    yield DemoEvent(DEMO, "stage", base + 34_000, {"key": "verdict", "status": "done"})


def sample_events() -> list[DemoEvent]:
    rounds = [event for index in range(ROUNDS) for event in _round(index)]
    return [*_set_up(), *sorted(rounds, key=lambda event: event.time_ms), *_settlement()]


def sample_state(until: Callable[[DemoEvent], bool] = lambda event: False) -> DemoState:
    state = sample_start()
    for event in sample_events():
        state = reduce(state, event)
        if until(event):
            break
    return state


def sample_facts() -> ChainFacts:
    work = tuple(
        Work(
            account(name),
            index,
            index,
            UNITS,
            TASK_START + index * ROUND_SECONDS + 6,
            digest("commit", name, index),
        )
        for index in range(ROUNDS)
        for name in NODES
        if worked(name, index)
    )
    challenges, slashes = [], []
    for number, name, judge, accusation in (
        (1, "node-5", "ObjectiveJudge", "wrong reward"),
        (2, "node-4", "JuryJudge", "toploc"),
    ):
        time = TASK_START + CAUGHT_ROUND[name] * ROUND_SECONDS + 8
        identity = (number, account(name), CAUGHT_ROUND[name], judge, accusation, account("verifier-1"))
        challenges.append(Challenge(*identity, time, digest("challenge", name), True, time + 3 * number - 3))
        taken = (STAKE, STAKE - 50 * TOKEN, 50 * TOKEN)
        slashes.append(Slash(account(name), number, *taken, time + 3, digest("slash", name)))
    honest = [name for name in NODES if name not in LIARS]
    pay = ROUNDS * UNITS * RATE
    balances = {account(name): STAKE + pay for name in honest} | {account(name): 0 for name in LIARS}
    balances |= {
        account("verifier-1"): 300 * TOKEN,
        account("verifier-2"): 200 * TOKEN,
        account("creator"): 0,
        BURN: 100 * TOKEN,
    }
    end = TASK_START + ROUNDS * ROUND_SECONDS
    left = BOUNTY - 3 * pay
    return ChainFacts(
        block=330,
        creator=account("creator"),
        hub_address=account("hub"),
        jury_address=account("jury"),
        burn_address=BURN,
        terms=Terms(digest("task"), TASK_START, ROUNDS, ROUND_SECONDS, UNITS, RATE, STAKE, BOND, BOUNTY),
        members=tuple(Membership(account(name), account(name), ROUNDS * UNITS) for name in NODES),
        work=work,
        challenges=tuple(challenges),
        slashes=tuple(slashes),
        claims=tuple(
            Claim(account(name), ROUNDS * UNITS, pay, end + 20, digest("claim", name)) for name in honest
        ),
        withdrawals=tuple(
            Withdrawal(account(name), pay + STAKE, end + 31, digest("withdraw", name)) for name in honest
        ),
        checkpoints=tuple(
            Checkpoint(index, digest("version", index), account("node-1"), TASK_START)
            for index in range(1, ROUNDS + 1)
        ),
        gas=(
            GasUse(account("verifier-1"), "Hub.challenge", digest("challenge", "node-5"), 81_250),
            *(
                GasUse(account(name), action, digest(action, name), gas + 120 * number)
                for number, name in enumerate(NODES)
                for action, gas in (("Hub.join", 74_000), ("Hub.commit", 36_800), ("Hub.claim", 63_000))
            ),
        ),
        hub=HubMoney(left, left, 0, 0, 0),
        funded={account(name): STAKE for name in NODES}
        | {account(name): 200 * TOKEN for name in VERIFIERS}
        | {account("creator"): BOUNTY},
        balances=balances,
        credits={},
    )


@pytest.fixture
def start_state() -> DemoState:
    return sample_start()


@pytest.fixture
def events() -> list[DemoEvent]:
    return sample_events()


@pytest.fixture
def final_state() -> DemoState:
    return sample_state()


@pytest.fixture
def state_in_round_five() -> DemoState:
    return sample_state(
        lambda event: event.name == "phase" and event.fields["round"] == 5 and event.source == "node-3"
    )


@pytest.fixture
def facts() -> ChainFacts:
    return sample_facts()


@pytest.fixture
def change() -> Callable[..., Any]:
    return dataclasses.replace
