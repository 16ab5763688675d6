"""Fixed-point units of the documents, which hold no floats."""

from __future__ import annotations

from typing import Final

MILLION: Final = 1_000_000
BILLION: Final = 1_000_000_000
