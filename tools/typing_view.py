"""Make .typing/cupel/: links that show type checkers and editors the component folders under their import names.

At run time setuptools maps protocol/ to cupel.protocol and so on; type checkers do not read that mapping.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
COMPONENTS: Final = {
    "protocol": "protocol",
    "node": "node",
    "verifier": "verifier",
    "devnet": "deploy/devnet",
    "networks": "deploy/networks",
    "sdk": "sdk",
}


def make_view(root: Path) -> Path:
    """Create or repair the links below root/.typing and return the folder that goes on the search path."""
    view = root / ".typing" / "cupel"
    view.mkdir(parents=True, exist_ok=True)
    for name, folder in COMPONENTS.items():
        link = view / name
        target = os.path.relpath(root / folder, view)
        if link.is_symlink() and os.readlink(link) == target:
            continue
        link.unlink(missing_ok=True)
        link.symlink_to(target, target_is_directory=True)
    return view.parent


if __name__ == "__main__":
    make_view(ROOT)
    sys.exit(0)
