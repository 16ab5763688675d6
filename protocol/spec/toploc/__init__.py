"""TOPLOC: a short proof that a completion came from the claimed model (Ong et al., arXiv 2501.16007).

Per chunk of tokens, the polynomial through the greatest activations of the final norm. Whoever recomputes them can
tell how far the prover's were from their own, and needs no equality in the last bit.
"""

from cupel.protocol.spec.toploc.activations import MAX_ELEMENTS, chunk_counts, to_bfloat16
from cupel.protocol.spec.toploc.build import build_proof, build_proofs, build_proofs_batch, prove
from cupel.protocol.spec.toploc.comparison import Comparison
from cupel.protocol.spec.toploc.off_support import check_off_support
from cupel.protocol.spec.toploc.proof import Proof, decode_proof, from_base64, proof_bytes
from cupel.protocol.spec.toploc.selection import Selection, select
from cupel.protocol.spec.toploc.support import decode_support, encode_support
from cupel.protocol.spec.toploc.verdict import judge, judge_off_support
from cupel.protocol.spec.toploc.verify import accept, compare, compare_batch, compare_selection

__all__ = [
    "MAX_ELEMENTS",
    "Comparison",
    "Proof",
    "Selection",
    "accept",
    "build_proof",
    "build_proofs",
    "build_proofs_batch",
    "check_off_support",
    "chunk_counts",
    "compare",
    "compare_batch",
    "compare_selection",
    "decode_proof",
    "decode_support",
    "encode_support",
    "from_base64",
    "judge",
    "judge_off_support",
    "proof_bytes",
    "prove",
    "select",
    "to_bfloat16",
]
