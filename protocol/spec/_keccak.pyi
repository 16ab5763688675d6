# The compiled hash (kernel/keccak.c), absent where no C compiler was found. See hashing.py.
import numpy as np
import numpy.typing as npt
from typing_extensions import Buffer

def digest(data: Buffer, /) -> bytes: ...
def each(first: int, size: int, pieces: npt.NDArray[np.uint8], digests: npt.NDArray[np.uint8], /) -> None: ...
