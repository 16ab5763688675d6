"""Write the golden vectors of tests/vectors/, or with --check compare them with what the code gives now."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from cupel.protocol.testing.vectors import FILES

FOLDER = Path(__file__).resolve().parent.parent / "tests" / "vectors"


def main() -> int:
    """Exit 1 from --check if a file differs."""
    check = "--check" in sys.argv[1:]
    stale = []
    for name, vectors in FILES.items():
        path = FOLDER / f"{name}.json"
        text = json.dumps(vectors(), indent=2) + "\n"
        if not check:
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(path.name)
    if stale:
        print(f"golden vectors differ from the code: {', '.join(stale)}; run `make vectors` if that is meant")
    return bool(stale)


if __name__ == "__main__":
    sys.exit(main())
