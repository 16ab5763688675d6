"""What hostile or unusable input raises.

Each is a `Rejected` with its reason, and also a ValueError and a RuntimeError: the package raises either, and what its
users catch today they still catch.
"""

from __future__ import annotations

from cupel.protocol.spec.errors import Rejected


class ToplocError(Rejected, ValueError, RuntimeError):
    """A proof or activations that nothing can be said about."""

    def __reduce__(self) -> tuple[type[ToplocError], tuple[object, ...]]:
        # Verifiers run in child processes, and the default would call the constructor with the message alone.
        return type(self), (self.reason, self.detail)


class InvalidProof(ToplocError):
    """Reasons TOPLOC_BASE64, TOPLOC_COUNT, TOPLOC_LENGTH, TOPLOC_MODULUS, TOPLOC_COEFFICIENT."""


class InvalidActivations(ToplocError):
    """Reasons TOPLOC_DTYPE, TOPLOC_NON_FINITE, and TOPLOC_COUNT for a chunk of fewer elements than points."""
