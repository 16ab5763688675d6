"""Whether the ring's inner loops are there in C (`kernel`), as they are where a compiler was found at installation.

`check` and `reduce` have NumPy twins that give the same values elsewhere.
"""

from __future__ import annotations

try:
    from cupel.protocol.spec.collective import _kernel as kernel
except ImportError:
    IS_COMPILED = False
else:
    IS_COMPILED = True

__all__ = ["IS_COMPILED", "kernel"]
