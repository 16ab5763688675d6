"""The documentation as a site, by MkDocs in its strict mode: every warning fails.

    python tools/docs_site.py [--serve]

Pages link to sources and results beside docs/, so the site is built from a copy of the pages and of whatever they link
to, each at its place in the repository.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from check_links import ROOT, links_of, pages

STAGE: Final = ROOT / ".site" / "pages"
# What people never read as pages.
_LEFT_OUT: Final = ("tests/interop", ".github")


def stage(root: Path, folder: Path) -> int:
    """Copy every page, and every file that one links to; how many files that made."""
    shutil.rmtree(folder, ignore_errors=True)
    kept = [page for page in pages(root) if not str(page.relative_to(root)).startswith(_LEFT_OUT)]
    linked = {link.path for page in kept for link in links_of(page) if link.path.is_file()}
    for source in {*kept, *linked}:
        target = folder / source.relative_to(root)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    return len({*kept, *linked})


def main(arguments: list[str]) -> int:
    """Stage the pages and run MkDocs; its exit code."""
    print(f"{stage(ROOT, STAGE)} files staged in {STAGE.relative_to(ROOT)}", flush=True)
    command = ["serve"] if "--serve" in arguments else ["build", "--strict", "--site-dir", ".site/html"]
    return subprocess.run([sys.executable, "-m", "mkdocs", *command], cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
