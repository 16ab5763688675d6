"""Write tests/vectors/toploc_package.json with the toploc package, which has to be importable.

Run by tools/differential_toploc.sh --write.
"""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from cupel.protocol.testing.toploc_package import package_vectors

FILE = Path(__file__).resolve().parent.parent / "tests" / "vectors" / "toploc_package.json"


def to_tensor(patterns: npt.NDArray[np.uint16], dtype: str) -> torch.Tensor:
    """A tensor of the patterns' numbers."""
    return torch.from_numpy(np.ascontiguousarray(patterns).view(np.int16)).view(getattr(torch, dtype))


if __name__ == "__main__":
    vectors = package_vectors(importlib.import_module("toploc"), to_tensor)
    FILE.write_text(json.dumps(vectors, indent=2) + "\n", encoding="utf-8")
