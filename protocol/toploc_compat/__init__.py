"""The public interface of the `toploc` package, 0.1.6, on Cupel's kernel: change the import and nothing else.

    from toploc import build_proofs_bytes                     # before
    from cupel.protocol.toploc_compat import build_proofs_bytes

Equal selected sets give equal bytes, and results are the package's. Where it differs:

- equal magnitudes are chosen by lower index, so that equal activations give equal bytes on every machine;
- hostile input raises `InvalidProof` or `InvalidActivations`; the package crashes on some of it and ignores the rest;
- an index is folded by the proof's modulus on every path (the package forgets that on per-step lists);
- tensors that are not contiguous are accepted; activations that are infinite or not a number are not: a chunk of
  nothing else is forged without computing anything.

What the package does not check is not checked here either: the sign of an activation and polynomials without any
computation behind them pass. Cupel's own proofs, `cupel.protocol.spec.toploc`, close that.
"""

from cupel.protocol.toploc_compat.errors import InvalidActivations, InvalidProof, ToplocError
from cupel.protocol.toploc_compat.poly import (
    ProofPoly,
    VerificationResult,
    build_proofs,
    build_proofs_base64,
    build_proofs_bytes,
    verify_proofs,
    verify_proofs_base64,
    verify_proofs_bytes,
)
from cupel.protocol.toploc_compat.utils import sha256sum

__version__ = "0.1.6"

__all__ = [
    "InvalidActivations",
    "InvalidProof",
    "ProofPoly",
    "ToplocError",
    "VerificationResult",
    "__version__",
    "build_proofs",
    "build_proofs_base64",
    "build_proofs_bytes",
    "sha256sum",
    "verify_proofs",
    "verify_proofs_base64",
    "verify_proofs_bytes",
]
