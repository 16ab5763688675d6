"""What a verifier keeps in memory and on disk over thousands of commitments.

    python benchmarks/measure_verifier.py [--commitments 3000] [--nodes 8] > benchmarks/results/verifier_room.md

The verifier's own inbox, journal, checks (training again included) and evidence files; chain, peers and block store are
stand-ins in memory. Every commitment is a real one of a small policy: sampled, proven, published, audited. One in
five lies about a reward.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import resource
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import numpy as np
import torch
from eth_account import Account

from cupel.protocol.chain.bindings import hub
from cupel.protocol.chain.contract import Logged
from cupel.protocol.chain.ledger import TaskLedger
from cupel.protocol.model.canonical import CanonicalVersion, make_version
from cupel.protocol.model.checkpoint import genesis
from cupel.protocol.model.generate import generate
from cupel.protocol.model.layout import layout_of
from cupel.protocol.model.tiny import TinyPolicy, initialise
from cupel.protocol.model.weights import flatten, policy_of
from cupel.protocol.spec import merkle, rollout_file
from cupel.protocol.spec.assignment import assigned_work, round_seed
from cupel.protocol.spec.environments.base import assigned_prompt, get_environment
from cupel.protocol.spec.hashing import sha256
from cupel.protocol.spec.replay import ReplayRule
from cupel.protocol.spec.rollout import (
    Metrics,
    PolicyRef,
    Rollout,
    SubmissionManifest,
    file_reference,
    pieced_reference,
)
from cupel.protocol.spec.rounds import CommittedWork
from cupel.protocol.spec.sampling import gumbel_noise
from cupel.protocol.spec.shardcast.cid import Cid
from cupel.protocol.spec.shardcast.unixfs import file_dag
from cupel.protocol.spec.task import task_id
from cupel.protocol.spec.toploc import build_proofs_batch
from cupel.protocol.spec.updates import codec_of, empty_update
from cupel.protocol.testing.builders import example_spec
from cupel.protocol.testing.vectors import HUB, example_params
from cupel.verifier.auditor import Auditor
from cupel.verifier.checks.base import FetchedSubmission, Rules
from cupel.verifier.evidence import Judges
from cupel.verifier.inbox import Inbox
from cupel.verifier.journal import Journal
from cupel.verifier.meters import Meters
from cupel.verifier.options import Options

CHAIN_ID: Final = 31337
LIE_EVERY: Final = 5
STEPS: Final = 6


class Stage:
    """Chain, peers and store in memory; holds one submission's files at a time, and nothing else."""

    def __init__(self, rules: Rules, version: CanonicalVersion) -> None:
        self.files: dict[Cid, bytes] = {}
        self.max_update_bytes = self.max_checkpoint_bytes = 1 << 24
        self.false_updates: set[bytes] = set()
        self._version = version
        self.participant: Any = SimpleNamespace(
            address=HUB,
            observer=Meters(SimpleNamespace(emit=lambda *_, **__: None)),  # type: ignore[arg-type]
            swarm=self,
            store=self,
            chain=SimpleNamespace(account=Account.from_key(b"\1" * 32), chain_id=CHAIN_ID),
            hub=SimpleNamespace(address=rules.hub),
        )

    async def fetch_block(self, cid: Cid, deadline_seconds: float, max_bytes: int) -> bytes:
        """A block of the submission at hand."""
        return self.files[cid]

    async def fetch_file(self, root: Cid, max_bytes: int, deadline_seconds: float) -> bytes:
        """A file of the submission at hand."""
        return self.files[root]

    async def announce(self, announcement: object) -> None:
        """Nobody listens."""

    def put(self, block: bytes) -> Cid:
        """The block store's room is the keeper's matter (`protocol/keeping.py`)."""
        return Cid.raw_of(block)

    def pin(self, cid: Cid) -> None:
        """As `put`."""

    def get(self, version: int) -> CanonicalVersion:
        """Every version is the same here."""
        return self._version


def small_task() -> tuple[Rules, CanonicalVersion]:
    """Two problems of four completions a round, thousands of rounds, and the policy of all of them."""
    spec, params = example_spec(), example_params()
    spec = dataclasses.replace(
        spec,
        model=dataclasses.replace(spec.model, layers=1, width=32, feed_forward=64),
        replay=ReplayRule(400),
    )
    layout, policy = layout_of(spec.model), TinyPolicy(spec.model)
    initialise(policy, torch.Generator().manual_seed(1))
    version = make_version(0, None, genesis(flatten(policy, layout)), layout)
    params = dataclasses.replace(
        params,
        genesis_digest=version.digest,
        problems_per_round=2,
        group_size=4,
        chunk_tokens=4,
        topk=32,
        max_tokens=9,
        rounds=100_000,
        max_staleness=100_000,
    )
    task, environment = task_id(CHAIN_ID, HUB, params), get_environment(spec.environment)
    return Rules(CHAIN_ID, HUB, task, params, spec, environment, layout.num_parameters), version


def submission(
    rules: Rules,
    policy: TinyPolicy,
    version: CanonicalVersion,
    node: str,
    number: int,
    beacon: bytes,
    lie: bool,
) -> FetchedSubmission:
    """A node's round `number`. A random policy earns nothing, so there is nothing to learn, and updates are zeros."""
    params, environment = rules.params, rules.environment
    seed = round_seed(CHAIN_ID, rules.hub, rules.task, node, number, beacon)
    owed = assigned_work(seed, params, range(params.units_per_round), None)
    prompts = np.array([assigned_prompt(environment, one) for one in owed], dtype=np.int64)
    noise = np.stack([gumbel_noise(one.seed, params.max_tokens, environment.vocabulary) for one in owed])
    made = generate(policy, prompts, noise, environment.end_token, 1.0)
    proofs = build_proofs_batch(made.hidden, made.lengths, params.chunk_tokens, params.topk)
    texts = [tuple(row[:length].tolist()) for row, length in zip(made.tokens, made.lengths, strict=True)]
    rollouts = [
        Rollout(one.problem, one.seed, text, environment.reward(one.problem, text), tuple(proof))
        for one, text, proof in zip(owed, texts, proofs, strict=True)
    ]
    if lie:
        rollouts[0] = dataclasses.replace(rollouts[0], reward=rollouts[0].reward ^ 1)
    sampled = rollout_file.encode(rollouts, params)
    trained = codec_of(rules.spec).to_bytes(
        empty_update(rules.spec, rules.num_parameters), rules.num_parameters
    )
    manifest = SubmissionManifest(
        rules.task,
        node,
        number,
        number,
        PolicyRef(version.version, version.digest),
        file_reference(sampled),
        pieced_reference(trained),
        len(rollouts),
        Metrics(0, 0),
    )
    work = CommittedWork(node, number, number, bytes(32), manifest.digest, len(rollouts), 1000)
    blank = FetchedSubmission(rules, work, beacon, manifest.to_bytes(), sampled, trained)
    root = merkle.root(blank.leaf_hashes)
    return dataclasses.replace(blank, work=dataclasses.replace(work, root=root))


async def audit(commitments: int, num_nodes: int, folder: Path) -> list[str]:
    """Audit that many commitments; the rows of the table."""
    (rules, version), rows, begun = small_task(), [], time.perf_counter()
    nodes = [f"0x{number:040d}" for number in range(1, num_nodes + 1)]
    stage, ledger = Stage(rules, version), TaskLedger(rules.task, rules.params)
    auditor = Auditor(rules, stage, stage)  # type: ignore[arg-type]
    inbox = Inbox(
        stage.participant, auditor, Journal(folder, rules.task), Judges(HUB, HUB), Options(8), folder
    )
    inbox.now = 1000
    canonical = policy_of(rules.spec.model, version.state)
    for count in range(commitments):
        number, node = divmod(count, num_nodes)
        beacon = ledger.beacons.setdefault(number, sha256(number.to_bytes(4, "big")))
        lie = count % LIE_EVERY == LIE_EVERY - 1
        made = submission(rules, canonical, version, nodes[node], number, beacon, lie)
        stage.files = {
            file_dag(file)[0]: file
            for file in (made.manifest_file, made.rollouts_file, made.update_file)
            if isinstance(file, bytes)
        }
        work = made.work
        event = hub.Committed(
            rules.task, work.node, work.round, work.sequence, work.root, work.manifest, work.units, work.time
        )
        ledger.apply(event)
        inbox.notice(Logged(event, "", 1, b"\1" * 32, b"", 0), ledger)
        await asyncio.gather(*inbox._tasks.values())
        if (count + 1) % max(1, commitments // STEPS) == 0:
            rows.append(_row(count + 1, inbox, folder, time.perf_counter() - begun))
    await inbox.close()
    return rows


def _row(count: int, inbox: Inbox, folder: Path, seconds: float) -> str:
    with Path("/proc/self/statm").open(encoding="ascii") as file:
        resident = int(file.read().split()[1]) * resource.getpagesize()
    disk: dict[str, int] = {}
    for path in folder.rglob("*"):
        if path.is_file():
            part = path.relative_to(folder).parts[0]
            name = part if (folder / part).is_dir() else "journal"
            disk[name] = disk.get(name, 0) + path.stat().st_size
    sizes = " | ".join(f"{disk.get(name, 0) / 1e6:.2f}" for name in ("journal", "training", "evidence"))
    return f"| {count} | {len(inbox.accusations)} | {resident / 1e6:.0f} | {sizes} | {seconds:.0f} |"


def main() -> None:
    """Audit, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--commitments", type=int, default=3000)
    parser.add_argument("--nodes", type=int, default=8)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        rows = asyncio.run(audit(arguments.commitments, arguments.nodes, Path(name)))
    print(
        "# A verifier's room\n\n"
        f"`python benchmarks/measure_verifier.py --commitments {arguments.commitments} --nodes {arguments.nodes}`: "
        "resident memory of the process, and megabytes on disk.\n\n"
        "| commitments | accusations | memory | journal | trainers' states | evidence | seconds |\n"
        "| --- | --- | --- | --- | --- | --- | --- |\n" + "\n".join(rows)
    )
    print(f"\nPython {sys.version.split()[0]}, torch {torch.__version__}, one thread.")


if __name__ == "__main__":
    main()
