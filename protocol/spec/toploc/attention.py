"""Attention challenges: TOPLOC proofs of every layer's attention outputs, of which a drawn layer's are opened.

A proof of final states says nothing of the way to them: whoever has a cheaper way to states that pass loose thresholds
(a smaller model fitted to them, a compressed cache) passes. Here the prover also makes proofs of what every layer's
attention gives for every token, before its output projection, and commits to one Merkle root over all of them. After
the commitment a layer is drawn, and only that layer's proofs are opened and compared with a recomputation.

What is sent when. The root goes with the commitment, 32 bytes a rollout; the layer is drawn from a block hash that
nobody knew before; the answer is the drawn layer's proofs and their siblings. So the prover keeps all proofs until
then. The root is what makes a late draw sound: without it the prover could run the right model for the drawn rollout
alone, after the draw. The other way round, a layer known beforehand would be computed rightly, and nothing after it.

It proves, with a chance of (false layers) / L a draw, that a layer read what it should have: inner layers as well as
the last, and the cache they read from. A deviation in one layer spreads to the later ones, so few layers stay right. It
does not prove the feed-forward of the last layer (the final states do), who chose the text, or that one prefill did not
suffice. It costs L times the proofs to make, and no more than one layer to send and to check. Whoever proposes blocks
may grind the draw between a few layers. Not part of the on-chain format: `RolloutLeaf` has no place for the root.

No published scheme is followed; the comparison is that of `cupel.protocol.spec.toploc`.

Shapes: L layers, n chunks of a rollout.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cupel.protocol.spec import merkle
from cupel.protocol.spec.encoding import words
from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.hashing import domain, keccak256

_LEAF: Final = domain("cupel.attention-proof.v1")
_DRAW: Final = domain("cupel.attention-layer.v1")


@dataclass(frozen=True, slots=True)
class LayerOpening:
    """The answer to a challenge: one layer's proofs of a rollout, each with its siblings, bottom up."""

    layer: int
    proofs: tuple[bytes, ...]
    siblings: tuple[tuple[bytes, ...], ...]


def attention_root(proofs: Sequence[Sequence[bytes]]) -> bytes:
    """Root over a rollout's proofs, by layer and chunk: [L][n], every layer with as many chunks."""
    return merkle.root(_leaves(proofs))


def drawn_layer(block_hash: bytes, sequence: int, rollout: int, layers: int) -> int:
    """The layer to open, in [0, L). block_hash: of the block that holds commitment `sequence`, 32 bytes."""
    assert layers >= 1, f"{layers} layers"
    return int.from_bytes(keccak256(words(_DRAW, block_hash, sequence, rollout)), "big") % layers


def open_layer(proofs: Sequence[Sequence[bytes]], layer: int) -> LayerOpening:
    """What the prover answers. proofs: as committed to, [L][n]."""
    leaves, chunks = _leaves(proofs), len(proofs[layer])
    siblings = tuple(merkle.proof(leaves, layer * chunks + chunk) for chunk in range(chunks))
    return LayerOpening(layer, tuple(proofs[layer]), siblings)


def check_opening(
    root: bytes, opening: LayerOpening, layer: int, layers: int, chunks: int
) -> Rejected | None:
    """None if the answer opens the drawn layer of L, n proofs of it, under the committed root, else what is wrong.

    Rejected(TOPLOC_LAYER) for another layer or a proof that is not under the root, Rejected(TOPLOC_COUNT) for another
    number of proofs. What the proofs say is compared afterwards, as any proof's.
    """
    if opening.layer != layer:
        return Rejected(Reason.TOPLOC_LAYER, f"opens layer {opening.layer}, {layer} was drawn")
    if not len(opening.proofs) == len(opening.siblings) == chunks:
        return Rejected(Reason.TOPLOC_COUNT, f"{len(opening.proofs)} proofs of {chunks} chunks")
    for chunk, (proof, siblings) in enumerate(zip(opening.proofs, opening.siblings, strict=True)):
        leaf, place = _leaf(layer, chunk, proof), layer * chunks + chunk
        if not merkle.verify(root, leaf, place, layers * chunks, siblings):
            return Rejected(Reason.TOPLOC_LAYER, f"the proof of chunk {chunk} is not under the root")
    return None


def _leaves(proofs: Sequence[Sequence[bytes]]) -> list[bytes]:
    assert len({len(layer) for layer in proofs}) == 1, "layers of different numbers of chunks"
    return [_leaf(layer, chunk, proof) for layer, row in enumerate(proofs) for chunk, proof in enumerate(row)]


def _leaf(layer: int, chunk: int, proof: bytes) -> bytes:
    return merkle.leaf_hash(words(_LEAF, layer, chunk) + proof)
