"""Audit tasks: verifiers are paid for looking at a task, answer by answer, and lose their stake for a false one.

An audit task is a task of the hub as any other, whose `genesis_digest` is the id of the task that it checks. A round's
commitment holds one leaf for each answer. An answer is about a commitment to rollouts of the checked task from the
`round_seconds` before the round began; the round's beacon draws one of its rollouts for each verifier and target; the
answer is the root of the canonical referee's trace of it. Nobody has published that root, and no two verifiers have the
same draw, so that there is nothing to copy: whoever knows it has run every layer of the policy.

Twin of contracts/judges/attention. `attend` is what the chain checks of the accused's first move; from there on the
dispute is that of `referee.rules`, without a proof and a support.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from cupel.protocol.spec import documents, merkle
from cupel.protocol.spec.encoding import words
from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.hashing import domain, keccak256
from cupel.protocol.spec.referee.game import Chunk, Matter, require
from cupel.protocol.spec.referee.moves import Attend
from cupel.protocol.spec.rollout import Commitment, LeafContext, RolloutLeaf, leaf_hash
from cupel.protocol.spec.rounds import round_start
from cupel.protocol.spec.task import TaskParams

TARGET: Final = domain("cupel.attention-target.v1")
DRAW: Final = domain("cupel.attention-draw.v1")
MAX_ANSWERS: Final = 4096
"""Of one commitment: their file is one block."""
MAX_ANSWERS_BYTES: Final = 1 << 20
_KIND: Final = "cupel.answers.v1"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a verifier says of one target; everything else of its leaf follows."""

    node: str
    sequence: int
    """Of the target among the node's commitments."""
    trace_root: bytes


@dataclass(frozen=True, slots=True)
class Answers:
    """A round's answers in the order of their leaves: the file whose SHA-256 is the commitment's manifest."""

    nodes: str
    """Addresses in lower case without 0x, one behind the other."""
    sequences: str
    """Numbers with commas between."""
    roots: str
    """Trace roots, 64 hex digits each, one behind the other."""

    @classmethod
    def of(cls, answers: tuple[Answer, ...]) -> Answers:
        """The file's document."""
        return cls(
            "".join(one.node[2:].lower() for one in answers),
            ",".join(str(one.sequence) for one in answers),
            "".join(one.trace_root.hex() for one in answers),
        )

    def to_bytes(self) -> bytes:
        """Canonical bytes."""
        return documents.encode(_KIND, self)

    @classmethod
    def from_bytes(cls, data: bytes, checksum: Callable[[str], str]) -> tuple[Answer, ...]:
        """The answers. checksum: the form of an address that the chain's events have.

        Rejected(SIZE, ENCODING, SCHEMA).
        """
        document = documents.decode(cls, _KIND, data, MAX_ANSWERS_BYTES)
        try:
            sequences = [int(text) for text in document.sequences.split(",")]
            nodes = [bytes.fromhex(text) for text in _cut(document.nodes, 40)]
            roots = [bytes.fromhex(text) for text in _cut(document.roots, 64)]
        except ValueError as error:
            raise Rejected(Reason.SCHEMA, f"answers: {error}") from None
        if not 1 <= len(sequences) == len(nodes) == len(roots) <= MAX_ANSWERS:
            raise Rejected(
                Reason.SCHEMA, f"{len(sequences)} sequences, {len(nodes)} nodes, {len(roots)} roots"
            )
        if not all(0 <= sequence < 2**32 for sequence in sequences):
            raise Rejected(Reason.SCHEMA, "a sequence has 32 bits")
        made = zip(nodes, sequences, roots, strict=True)
        return tuple(Answer(checksum("0x" + node.hex()), sequence, root) for node, sequence, root in made)


def target_of(task: bytes, node: str, commitment: Commitment) -> bytes:
    """What leaves call a commitment of the checked task."""
    return keccak256(words(TARGET, task, node, commitment.hash()))


def drawn_of(beacon: bytes, verifier: str, target: bytes, units: int) -> int:
    """Which of a target's rollouts a verifier has to look at."""
    return int.from_bytes(keccak256(words(DRAW, beacon, verifier, target)), "big") % units


def target_span(audit: TaskParams, round_index: int) -> range:
    """Times of the commitments that a round of an audit task is about."""
    end = round_start(audit, round_index)
    return range(max(0, end - audit.round_seconds), end)


def answer_leaf(
    index: int, audited: RolloutLeaf, target: bytes, drawn: int, trace_root: bytes
) -> RolloutLeaf:
    """The leaf of a round's answer `index`."""
    return dataclasses.replace(audited, index=index, seed=target, reward=drawn, toploc_root=trace_root)


@dataclass(frozen=True, slots=True)
class AuditMatter:
    """What a dispute about an answer is about. The chain knows all of it."""

    matter: Matter
    """Of the audit task's commitment; its rollout is the answer, its chunk the whole sequence."""
    params: TaskParams
    """Of the audit task."""
    beacon: bytes
    """Of the commitment's round."""
    holds: Callable[[str, Commitment], bool]
    """Whether the hub's ring has this commitment of a node to the checked task."""


def attend(about: AuditMatter, move: Attend) -> Chunk:
    """What the accused's first word fixes. Rejected(REFEREE_MOVE) for one that may not be said."""
    matter, checked, target = about.matter, about.params.genesis_digest, move.target
    require(target.units > 0 and about.holds(move.node, target), "no commitment to rollouts of the task")
    require(target.time in target_span(about.params, matter.context.round), "a target of another round")
    named = target_of(checked, move.node, target)
    drawn = drawn_of(about.beacon, matter.context.node, named, target.units)
    context = LeafContext(
        matter.context.chain_id, matter.context.hub, checked, move.node, target.sequence, target.round
    )
    require(move.audited.index == drawn, "another rollout than was drawn")
    audited = leaf_hash(context, move.audited)
    shown = merkle.verify(target.root, audited, drawn, target.units, move.audited_proof)
    require(shown, "not the audited leaf")
    said = leaf_hash(matter.context, answer_leaf(matter.rollout, move.audited, named, drawn, move.trace_root))
    shown = merkle.verify(matter.root, said, matter.rollout, matter.units, move.answer_proof)
    require(shown, "not the answer that was committed to")
    prompt, leaf = matter.prompt(move.audited.problem), move.audited
    tokens = len(prompt) + leaf.num_tokens - 1
    require(tokens <= matter.terms.shape.positions, "a sequence longer than the model's")
    return Chunk(
        tokens=tokens,
        prompt_tokens=len(prompt),
        problem=leaf.problem,
        policy_digest=leaf.policy_digest,
        tokens_root=leaf.tokens_root,
        num_tokens=leaf.num_tokens,
        first=len(prompt) - 1,
        elements=leaf.num_tokens * matter.terms.shape.width,
        trace_root=move.trace_root,
        support=b"",
    )


def _cut(text: str, size: int) -> list[str]:
    if len(text) % size:
        raise ValueError(f"{len(text)} hex digits do not divide by {size}")
    return [text[start : start + size] for start in range(0, len(text), size)]
