"""The chain port. Whoever imports any part of it gets the interpreter's own recursion limit back."""

import contextlib
import sys

_RECURSION_LIMIT = 1000
"""Python's own."""

# py_ecc, which web3 and eth_account load, raises the limit to 100,000, once, when it is loaded. A stranger's deeply
# nested JSON then overflows the C stack and ends the process, where it should have been a RecursionError.
with contextlib.suppress(ImportError):
    import py_ecc  # noqa: F401
sys.setrecursionlimit(min(sys.getrecursionlimit(), _RECURSION_LIMIT))
