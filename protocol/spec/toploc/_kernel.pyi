# The compiled kernel (kernel/*.c), absent where no C compiler was found. Arrays are C-contiguous; called by native.py.
from typing import Any

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint16]

def select(
    hidden: npt.NDArray[Any],
    lengths: npt.NDArray[np.int64],
    tokens: int,
    width: int,
    chunk_tokens: int,
    k: int,
    indices: npt.NDArray[np.uint32],
    values: Words,
    /,
) -> None: ...
def interpolate(nodes: Words, values: Words, k: int, coefficients: Words, /) -> None: ...
def evaluate(coefficients: Words, places: Words, k: int, points: int, values: Words, /) -> None: ...
