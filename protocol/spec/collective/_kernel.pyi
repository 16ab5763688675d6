# The compiled kernel (kernel/module.c), absent where no C compiler was found. Arrays are C-contiguous; see native.py.

import numpy as np
import numpy.typing as npt
from typing_extensions import Buffer

Floats = npt.NDArray[np.float32]

def hash_blocks(blocks: Buffer, key: Buffer, hashes: Buffer, /) -> None: ...
def add(incoming: Floats, own: Floats, out: Floats, own_most: float, most: float, /) -> bool: ...
def within(values: Floats, most: float, /) -> bool: ...
