# The compiled hash (kernel/keccak.c), absent where no C compiler was found. Called by batch_hashing.py.
import numpy as np
import numpy.typing as npt

def each(first: int, size: int, pieces: npt.NDArray[np.uint8], digests: npt.NDArray[np.uint8], /) -> None: ...
