"""Golden vectors of fraud evidence: for every kind, evidence that convicts, that acquits and that does not open.

One node's two rounds of the sorting task, six rollouts each. A case names the commitment it accuses and, under `held`,
every one that the hub's ring holds, by place in `commitments`. Under `refused` stands the judge's error.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from eth_abi.abi import encode as abi_encode

from cupel.protocol.spec import assignment, fraud, merkle, rollout
from cupel.protocol.spec.environments.sorting import Sorting
from cupel.protocol.spec.fraud import OpenedChunk, OpenedLeaf
from cupel.protocol.spec.hashing import keccak256
from cupel.protocol.spec.rollout import Commitment, LeafContext, Rollout, RolloutLeaf
from cupel.protocol.spec.task import TASK_PARAMS_ABI, TaskParams, task_id
from cupel.protocol.spec.toploc import Proof

GUILTY: Final = "guilty"
NOT_GUILTY: Final = "not guilty"
POLICY: Final = keccak256(b"version 4")
Lie = Callable[[int, RolloutLeaf], RolloutLeaf]


@dataclass(frozen=True)
class Round:
    """What a node committed to: its leaves, what lies under them, and the tree as it was built."""

    context: LeafContext
    rollouts: tuple[Rollout, ...]
    leaves: tuple[RolloutLeaf, ...]
    hashes: tuple[bytes, ...]
    commitment: Commitment

    def open(self, index: int) -> OpenedLeaf:
        """A leaf with its path in the tree as it was built."""
        return OpenedLeaf(self.leaves[index], merkle.proof(self.hashes, index))


@dataclass
class Bench:
    """The task, and the cases as they are told."""

    chain_id: int
    hub: str
    node: str
    beacon: bytes
    params: TaskParams
    commitments: list[Commitment] = field(default_factory=list)
    cases: list[dict[str, Any]] = field(default_factory=list)

    @property
    def task(self) -> bytes:
        """The task's id."""
        return task_id(self.chain_id, self.hub, self.params)

    def tell(
        self, name: str, verdict: str, accused: Round, evidence: bytes, other: Round | None = None
    ) -> None:
        """One case; `verdict` is GUILTY, NOT_GUILTY or the error that refuses it; the ring holds `other` too."""
        held = [self._number(one) for one in (accused, other) if one is not None]
        self.cases.append(
            {
                "name": name,
                "kind": fraud.kind_of(evidence).value,
                "verdict": verdict if verdict in (GUILTY, NOT_GUILTY) else "refused",
                "refused": "" if verdict in (GUILTY, NOT_GUILTY) else verdict,
                "commitment": held[0],
                "held": held,
                "evidence": _hex(evidence),
            }
        )

    def commit(
        self,
        sequence: int,
        lie: Lie = lambda _, leaf: leaf,
        units: int = 6,
        holes: Sequence[int] = (),
        author: str | None = None,
    ) -> Round:
        """Commitment `sequence`, to round sequence + 3: honest but for `lie`, `units`, empty leaves and author."""
        context = LeafContext(self.chain_id, self.hub, self.task, author or self.node, sequence, sequence + 3)
        rollouts = tuple(self._roll_out(context, index) for index in range(6))
        leaves = tuple(
            lie(index, rollout.make_leaf(index, one, 4, POLICY, self.params.chunk_tokens))
            for index, one in enumerate(rollouts)
        )
        hashes = [rollout.leaf_hash(context, leaf) for leaf in leaves]
        for place in holes:
            hashes[place : place + 1] = [merkle.EMPTY_LEAF]
        manifest, time = keccak256(b"manifest"), 1_700_000_000 + 600 * (sequence + 3)
        commitment = Commitment(sequence, sequence + 3, merkle.root(hashes), manifest, units, time)
        return Round(context, rollouts, leaves, tuple(hashes), commitment)

    def _number(self, one: Round) -> int:
        if one.commitment not in self.commitments:
            self.commitments.append(one.commitment)
        return self.commitments.index(one.commitment)

    def _roll_out(self, context: LeafContext, index: int) -> Rollout:
        place = (self.chain_id, self.hub, self.task, self.node, context.round, self.beacon)
        seed = assignment.round_seed(*place)
        slot = index // self.params.group_size
        problem = assignment.problem_index(seed, slot, self.params.problem_count)
        environment = Sorting()
        tokens = (*sorted(environment.prompt(problem)[1:-1]), environment.end_token)
        proofs = tuple(
            _proof(self.params.topk, 100 * context.sequence + 10 * index + chunk)
            for chunk in range(-(-len(tokens) // self.params.chunk_tokens))
        )
        reward = environment.reward(problem, tokens)
        return Rollout(problem, assignment.sample_seed(seed, index), tokens, reward, proofs)


def evidence_vectors(chain_id: int, hub: str, node: str, beacon: bytes, params: TaskParams) -> dict[str, Any]:
    """The object of tests/vectors/evidence.json. params: of any task; its shape of work is changed here."""
    params = dataclasses.replace(
        params, problems_per_round=3, group_size=2, chunk_tokens=4, topk=8, max_tokens=9, max_staleness=2
    )
    bench = Bench(chain_id, hub, node, beacon, params)
    for tell in (_assignments, _rewards, _chunks, _leaves, _repetitions, _empty_chunks):
        tell(bench)
    return {
        "chain_id": chain_id,
        "hub": hub,
        "node": node,
        "beacon": _hex(beacon),
        "task": _hex(bench.task),
        "params_abi": _hex(abi_encode([TASK_PARAMS_ABI], [params.as_abi()])),
        "commitments": [_plain(commitment) for commitment in bench.commitments],
        "cases": bench.cases,
    }


def _assignments(bench: Bench) -> None:
    honest = bench.commit(1)
    bench.tell("assigned work", NOT_GUILTY, honest, fraud.wrong_assignment(honest.open(5)))
    lies: dict[str, dict[str, Any]] = {
        "another problem": {"problem": 7},
        "another seed": {"seed": keccak256(b"seed")},
        "a policy too old": {"policy_version": 1},
        "a policy to come": {"policy_version": 5},
        "no tokens": {"num_tokens": 0},
        "too many tokens": {"num_tokens": 10},
    }
    for name, change in lies.items():
        false = bench.commit(1, _changing(2, **change))
        bench.tell(name, GUILTY, false, fraud.wrong_assignment(false.open(2)))
    forged = dataclasses.replace(honest.open(2), leaf=dataclasses.replace(honest.leaves[2], problem=7))
    bench.tell("a leaf nobody committed", "LeafNotProven", honest, fraud.wrong_assignment(forged))


def _rewards(bench: Bench) -> None:
    honest = bench.commit(1)
    tokens = honest.rollouts[3].tokens
    bench.tell("earned reward", NOT_GUILTY, honest, fraud.wrong_reward(honest.open(3), tokens))
    bench.tell("other tokens", "TokensNotProven", honest, fraud.wrong_reward(honest.open(3), tokens[:-1]))
    for name, change in (("another reward", {"reward": 1}), ("miscounted tokens", {"num_tokens": 8})):
        false = bench.commit(1, _changing(3, **change))
        bench.tell(name, GUILTY, false, fraud.wrong_reward(false.open(3), tokens))


def _chunks(bench: Bench) -> None:
    """Kinds 3 and 5."""
    honest = bench.commit(1)
    proofs = honest.rollouts[1].proofs
    texts = rollout.token_chunks(honest.rollouts[1].tokens, bench.params.chunk_tokens)
    judged = (
        (fraud.malformed_proof, "toploc_root", proofs, proofs[1][:2] + bytes(16)),
        (fraud.malformed_tokens, "tokens_root", texts, texts[1][:-4]),
    )
    for show, root, chunks, bad in judged:
        named = show.__name__.removeprefix("malformed_")
        bench.tell(f"{named} as it should be", NOT_GUILTY, honest, show(honest.open(1), _chunk(chunks, 1)))
        unknown = dataclasses.replace(_chunk(chunks, 1), data=bad)
        bench.tell(f"{named} nobody committed", "ChunkNotProven", honest, show(honest.open(1), unknown))
        garbled = [chunks[0], bad, chunks[2]]
        false = bench.commit(1, _changing(1, **{root: _root(garbled)}))
        bench.tell(f"{named} malformed", GUILTY, false, show(false.open(1), _chunk(garbled, 1)))
        surplus = [*chunks, chunks[0]]
        false = bench.commit(1, _changing(1, **{root: _root(surplus)}))
        bench.tell(f"{named} where none belongs", GUILTY, false, show(false.open(1), _chunk(surplus, 3)))


def _leaves(bench: Bench) -> None:
    """Kinds 4 and 6."""
    honest = bench.commit(1)
    bench.tell("a leaf at its place", NOT_GUILTY, honest, _malformed_leaf(honest, 4))
    copied = bench.commit(1, author="0x3000000000000000000000000000000000000003")
    bench.tell("a leaf of another node", GUILTY, copied, _malformed_leaf(copied, 4))
    fewer = bench.commit(1, units=5)
    bench.tell("a leaf behind the units", GUILTY, fewer, _malformed_leaf(fewer, 5))
    padded = (*honest.hashes, merkle.EMPTY_LEAF, merkle.EMPTY_LEAF)
    padding = fraud.empty_leaf(6, merkle.proof(padded, 6))
    bench.tell("padding", NOT_GUILTY, honest, padding)
    bench.tell("padding counted as a unit", GUILTY, bench.commit(1, units=8), padding)
    hollow = bench.commit(1, holes=(4,))
    bench.tell("a hole", GUILTY, hollow, fraud.empty_leaf(4, merkle.proof(hollow.hashes, 4)))
    taken = fraud.empty_leaf(4, merkle.proof(honest.hashes, 4))
    bench.tell("a place that is taken", "LeafNotProven", honest, taken)


def _repetitions(bench: Bench) -> None:
    honest, later = bench.commit(1), bench.commit(2)
    root = honest.leaves[0].toploc_root
    twice = bench.commit(1, _changing(5, toploc_root=root))
    bench.tell("one proof for two problems", GUILTY, twice, _repeated(twice, 5, twice, 0))
    group = bench.commit(1, _changing(1, toploc_root=root))
    bench.tell("one proof for one problem", NOT_GUILTY, group, _repeated(group, 1, group, 0))
    bench.tell("two proofs", NOT_GUILTY, later, _repeated(later, 3, honest, 0), honest)
    again = bench.commit(2, _changing(3, toploc_root=root))
    evidence = _repeated(again, 3, honest, 0)
    bench.tell("the proof of an earlier round", GUILTY, again, evidence, honest)
    bench.tell("the proof of a round the ring has lost", "CommitmentUnknown", again, evidence)


def _empty_chunks(bench: Bench) -> None:
    honest = bench.commit(1)
    texts = rollout.token_chunks(honest.rollouts[1].tokens, bench.params.chunk_tokens)
    for of_tokens, chunks in ((True, texts), (False, honest.rollouts[1].proofs)):
        named, root = ("tokens", "tokens_root") if of_tokens else ("proofs", "toploc_root")
        hashes = [merkle.leaf_hash(chunk) for chunk in chunks]
        path = merkle.proof((*hashes, merkle.EMPTY_LEAF), 3)
        shown = fraud.empty_chunk(honest.open(1), of_tokens, 3, path)
        bench.tell(f"padding behind the {named}", NOT_GUILTY, honest, shown)
        hashes[1] = merkle.EMPTY_LEAF
        false = bench.commit(1, _changing(1, **{root: merkle.root(hashes)}))
        path = merkle.proof(hashes, 1)
        bench.tell(f"{named} missing", GUILTY, false, fraud.empty_chunk(false.open(1), of_tokens, 1, path))
        refused = fraud.empty_chunk(honest.open(1), of_tokens, 1, path)
        bench.tell(f"{named} not missing", "ChunkNotProven", honest, refused)


def _changing(index: int, **change: Any) -> Lie:
    return lambda at, leaf: dataclasses.replace(leaf, **change) if at == index else leaf


def _malformed_leaf(accused: Round, position: int) -> bytes:
    preimage = rollout.leaf_preimage(accused.context, accused.leaves[position])
    return fraud.malformed_leaf(position, preimage, merkle.proof(accused.hashes, position))


def _repeated(accused: Round, index: int, other: Round, twin: int) -> bytes:
    return fraud.repeated_proof(accused.open(index), other.commitment, other.open(twin))


def _chunk(chunks: Sequence[bytes], index: int) -> OpenedChunk:
    hashes = [merkle.leaf_hash(chunk) for chunk in chunks]
    return OpenedChunk(index, chunks[index], merkle.proof(hashes, index))


def _root(chunks: Sequence[bytes]) -> bytes:
    return merkle.root([merkle.leaf_hash(chunk) for chunk in chunks])


def _proof(topk: int, salt: int) -> bytes:
    return Proof(tuple(1 + (salt * 7919 + 104_729 * i) % 65_496 for i in range(topk))).to_bytes()


def _hex(data: bytes) -> str:
    return "0x" + data.hex()


def _plain(commitment: Commitment) -> dict[str, Any]:
    return {
        name: _hex(value) if isinstance(value, bytes) else value
        for name, value in dataclasses.asdict(commitment).items()
    }
