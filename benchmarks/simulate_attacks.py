"""The kit's attacks in simulated time: real nodes, verifiers, liars and contracts, whatever else the machine does.

    python benchmarks/simulate_attacks.py --out FOLDER [--attack NAME ...] [--mishaps] [--seed 0]

`cupel demo --attack` runs processes, whose rounds have to be long enough for the machine. Here time stands still while
anybody computes, so a busy machine changes nothing but how long this takes. The chain is anvil, and gas is its gas;
time, links, the way to the chain and deaths are those of `cupel chaos`. Three liars a run beside two honest nodes and
two verifiers, the demo's policy, 8 completions a round, supervised training. With --mishaps, whatever goes wrong in
`cupel chaos`, by the seed. Finished runs stay in the folder, and what was stopped goes on; `seconds` of a run are the
processor's.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import os
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import torch

from cupel.devnet.anvil import CHAIN_ID
from cupel.devnet.attacks.suite import PRESET, STALLING, Run, Suite, chosen, keep_run, kept_run, page
from cupel.devnet.attacks.table import judge_attacks, rows_of
from cupel.devnet.attacks.verifiers import VERIFIERS
from cupel.devnet.audit import read_facts
from cupel.devnet.chaos.actors import Actor, InlineCrew, Role
from cupel.devnet.chaos.clock import SimulatedLoop, simulated_time
from cupel.devnet.chaos.scenario import ROUNDS, Link, RpcFaults, Scenario, draw_scenario
from cupel.devnet.chaos.world import JURY, Stand, World, pace_of, quick_disk, standing
from cupel.devnet.commands import child_environment, pretrain_command
from cupel.devnet.facts import ChainFacts
from cupel.devnet.liars import lying_parts
from cupel.devnet.options import DemoOptions
from cupel.devnet.presets import make_plan
from cupel.devnet.project import artefacts, project_root
from cupel.devnet.story.events import DemoEvent
from cupel.devnet.story.reducer import SLASHED_EXIT_CODE, reduce
from cupel.devnet.story.state import DemoState
from cupel.devnet.verdict import Check
from cupel.node.app import Node
from cupel.node.publishing.seams import Seams
from cupel.node.rollout.process import Parts
from cupel.protocol.chain.client import ChainClient
from cupel.protocol.court import open_courts
from cupel.protocol.participant import Participant
from cupel.protocol.settings import Settings
from cupel.protocol.spec.recipe import SFT
from cupel.protocol.task.creator import read_genesis
from cupel.verifier.app import Verifier
from cupel.verifier.auditor import Auditor
from cupel.verifier.options import Options

HONEST: Final = 2
HONEST_VERIFIERS: Final = 2
LIARS_A_RUN: Final = 3
STRETCH: Final = 8.0
"""Everybody looks every four seconds, not every half: nothing here is in such a hurry, and looks are what costs."""
BLOCK_SECONDS: Final = 3.0
"""As few blocks as the shortest clock, of 20 s, has room for: each makes everybody ask again."""
SMALL: Final = dataclasses.replace(PRESET, problems_per_round=2, group_size=4, jury=JURY)


async def act_node(actor: Actor, participant: Participant) -> int:
    """`cupel node run`, or a liar."""
    parts, seams = lying_parts(actor.lie) if actor.lie else (Parts(), Seams())
    ledger, spec = await participant.take_up("newest")
    courts = await open_courts(participant, ledger.params, spec)
    assert courts is not None, "the plan names every judge"
    assert courts.can_settle(ledger.params, spec), "the stand's judges have the plan's terms"
    crew: Any = InlineCrew(actor.folder / "workshop", parts, actor.theatre.work_seconds)
    settings = Settings(data_dir=str(actor.folder))
    return await Node(participant, ledger, spec, settings, crew, seams, courts).run()


def act_verifier(auditor: type[Auditor]) -> Role:
    """`cupel verifier run`, with this auditor."""

    async def act(actor: Actor, participant: Participant) -> int:
        ledger, spec = await participant.take_up("newest", settling=True)
        courts = await open_courts(participant, ledger.params, spec)
        return await Verifier(participant, ledger, spec, actor.folder, Options(), auditor, courts).run()

    return act


class Ring(World):
    """A run of chaos with the demo's policy, and with verifiers that may lie."""

    def __init__(self, stand: Stand, scenario: Scenario, folder: Path, checkpoint: Path) -> None:
        super().__init__(stand, scenario, folder, pace_of(), SMALL)
        plan = make_plan(SMALL, self._pace, len(scenario.nodes), scenario.rounds)
        # So few completions seldom earn anything: reinforcement would leave the policy, and a stale one, as it was.
        recipe = dataclasses.replace(plan.spec.recipe, objective=SFT)
        self._plan = dataclasses.replace(plan, spec=dataclasses.replace(plan.spec, recipe=recipe))
        self._theatre.plan, self._theatre.genesis = self._plan, read_genesis(checkpoint, self._plan)

    async def stage(self, auditors: dict[str, type[Auditor]]) -> dict[str, Actor]:
        """Let everybody live until all but the liars have ended. auditors: the verifiers, by name."""
        verifiers = {name: act_verifier(auditor) for name, auditor in auditors.items()}
        actors = self._cast(dict.fromkeys(self._scenario.nodes, act_node) | verifiers)
        await self._live(actors)
        return actors


def scenario_of(lies: tuple[str, ...], seed: int, mishaps: bool) -> Scenario:
    """Good links and nothing else, or the seed's trouble, of which kills befall the honest alone."""
    drawn = draw_scenario(seed)
    spared = tuple(kill for kill in drawn.kills if kill.name not in ("node-3", "node-4", "node-5"))
    changed: dict[str, Any] = {"kills": spared}
    if not mishaps:
        changed = dict.fromkeys(("partitions", "outages", "kills", "reorganisations"), ())
        changed |= {"link": Link(0.02, 0.0, 1e7), "faults": RpcFaults(0.005, 0, 0), "work_seconds": 1.0}
    changed |= {"honest": HONEST, "lies": lies, "verifiers": HONEST_VERIFIERS, "rounds": ROUNDS}
    return dataclasses.replace(drawn, block_seconds=BLOCK_SECONDS, **changed)


def play(stand: Stand, attacks: tuple[str, ...], checkpoint: Path, seed: int, mishaps: bool) -> Run:
    """One run, after which the chain is as before."""
    nodes = tuple(name for name in attacks if name not in VERIFIERS)
    options = DemoOptions(
        preset=SMALL,
        num_nodes=HONEST + len(nodes),
        rounds=ROUNDS,
        seed=seed,
        rpc_port=0,
        kill=None,
        folder=None,
        keep=False,
        attacks=nodes,
        verifier_attacks=tuple(name for name in attacks if name in VERIFIERS),
    )
    lies, begun = options.verifier_lies, time.process_time()
    auditors = {
        name: VERIFIERS[lies[name]][1] if name in lies else Auditor for name in options.verifier_names
    }
    snapshot = stand.anvil.do("evm_snapshot")
    try:
        with tempfile.TemporaryDirectory(dir=quick_disk()) as folder:
            loop = SimulatedLoop(STRETCH)
            with asyncio.Runner(loop_factory=lambda: loop) as runner, simulated_time(loop):
                ring = Ring(stand, scenario_of(nodes, seed, mishaps), Path(folder), checkpoint)
                actors = runner.run(ring.stage(auditors))
        state = told(options, actors)
        facts = asyncio.run(facts_of(stand, state))
    finally:
        stand.anvil.do("evm_revert", snapshot)
    checks = promises(facts, state, actors, lies)
    broken = tuple(f"{check.title}: {check.observed}" for check in checks if not check.passed)
    observed = {check.title: check.observed for check in checks}
    seconds = round(time.process_time() - begun, 1)
    return Run(attacks, rows_of(facts, state, lies), observed, broken, seconds)


def told(options: DemoOptions, actors: dict[str, Actor]) -> DemoState:
    """What everybody said, as the demo understands it."""
    state = options.first_state({name: str(actor.account.address) for name, actor in actors.items()}, 0)
    heard = [(when, name, *rest) for name, actor in actors.items() for when, *rest in actor.ears.heard]
    for when, name, event, fields in sorted(heard, key=lambda one: one[0]):
        state = reduce(state, DemoEvent(name, event, int(when * 1000), dict(fields)))
    return state


async def facts_of(stand: Stand, state: DemoState) -> ChainFacts:
    """What the chain says of the run."""
    task = bytes.fromhex(state.task.task_id.removeprefix("0x"))
    async with ChainClient(stand.anvil.url, None, CHAIN_ID) as client:
        return await read_facts(client, stand.deployment, task, artefacts(project_root()))
    raise AssertionError("the block above returns or raises")


def promises(
    facts: ChainFacts, state: DemoState, actors: dict[str, Actor], lies: dict[str, str]
) -> tuple[Check, ...]:
    """The promises of a run of attacks; the creator serves to the end, so everybody else's code is asked for."""
    wanted = {node.name: 0 for node in state.honest} | dict.fromkeys(state.verifiers, 0)
    slashed = [node.name for node in state.liars if facts.slash_of(node.account) is not None]
    wanted |= dict.fromkeys(slashed, SLASHED_EXIT_CODE)
    wrong = [
        f"{name} ended with {actors[name].code}" for name, code in wanted.items() if actors[name].code != code
    ]
    wrong += [f"{name}: {actor.defect}" for name, actor in actors.items() if actor.defect]
    ended = Check("processes-finished", "Everybody ended by itself", not wrong, "; ".join(wrong) or "yes", "")
    checks = judge_attacks(facts, state, lies)
    return (*(check for check in checks if check.name != ended.name), ended)


def packs(attacks: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Three liars a run; alone whoever would disturb the others."""
    alone = {*VERIFIERS, *STALLING}
    nodes = [name for name in attacks if name not in alone]
    chunks = [tuple(nodes[at : at + LIARS_A_RUN]) for at in range(0, len(nodes), LIARS_A_RUN)]
    return [*chunks, *((name,) for name in attacks if name in alone)]


def main() -> None:
    """Run what is not in the folder yet, and print the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--attack", action="append")
    parser.add_argument("--mishaps", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    suite = Suite(chosen(arguments.attack or ["all"]), arguments.out, ROUNDS, arguments.seed, False)
    suite.folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    checkpoint = suite.folder / "genesis.safetensors"
    if not checkpoint.exists():
        command = pretrain_command(project_root(), checkpoint, SMALL.pretrain_steps, suite.seed)
        subprocess.run(command, check=True, env=child_environment(), stdout=subprocess.DEVNULL)
    runs = []
    with standing(SMALL) as stand:
        for number, attacks in enumerate(packs(suite.attacks), 1):
            folder = suite.folder / f"run-{number:02d}"
            folder.mkdir(exist_ok=True)
            run = kept_run(folder, attacks)
            if run is None:
                run = play(stand, attacks, checkpoint, suite.seed + number, arguments.mishaps)
                keep_run(folder, run)
            runs.append(run)
            print(f"{number}: {', '.join(attacks)}: {run.broken or 'held'}, {run.seconds} s", flush=True)
    (suite.folder / "attacks.md").write_text(page(runs), encoding="utf-8")
    (suite.folder / "attacks.json").write_text(
        json.dumps([run.as_json() for run in runs], indent=2) + "\n", encoding="utf-8"
    )
    os._exit(0 if not any(run.broken for run in runs) else 1)


if __name__ == "__main__":
    main()
