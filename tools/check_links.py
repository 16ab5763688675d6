"""Every link of every page leads somewhere: files exist, and headings that anchors name. Knows no network.

python tools/check_links.py
"""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)")
_HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*#*$", re.MULTILINE)
_CODE = re.compile(r"^```.*?^```|^~~~.*?^~~~|`[^`\n]*`", re.MULTILINE | re.DOTALL)
_ELSEWHERE: Final = ("http://", "https://", "mailto:")


@dataclass(frozen=True, slots=True)
class Link:
    """A link of a page to a file or a heading."""

    page: Path
    target: str

    @property
    def path(self) -> Path:
        """The file that is meant."""
        name = self.target.partition("#")[0]
        return (self.page.parent / name).resolve() if name else self.page

    @property
    def anchor(self) -> str:
        """The heading that is meant; empty for the whole file."""
        return self.target.partition("#")[2]


def pages(root: Path) -> list[Path]:
    """Every Markdown file that git knows or would know."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"]
    listed = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout
    return [root / name for name in sorted(listed.splitlines()) if (root / name).exists()]


def links_of(page: Path) -> list[Link]:
    """The links of a page that stay in the repository; code is no link."""
    text = _CODE.sub("", page.read_text(encoding="utf-8"))
    return [Link(page, target) for target in _LINK.findall(text) if not target.startswith(_ELSEWHERE)]


def anchors_of(page: Path) -> set[str]:
    """How a page's headings are linked to: lower case, hyphens for spaces, no punctuation."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    plain = (re.sub(r"[^\w\s-]", "", heading.lower()) for heading in _HEADING.findall(text))
    return {re.sub(r"\s", "-", heading.strip()) for heading in plain}


def problems(root: Path) -> list[str]:
    """What leads nowhere, a line each."""
    found = []
    for link in (link for page in pages(root) for link in links_of(page)):
        where = f"{link.page.relative_to(root)}: {link.target}"
        if not link.path.exists():
            found.append(f"{where} is not there")
        elif link.anchor and link.path.suffix == ".md" and link.anchor not in anchors_of(link.path):
            found.append(f"{where}: no such heading")
    return found


def main() -> int:
    """Check, and say what is wrong."""
    found = problems(ROOT)
    for line in found:
        print(f"check_links: {line}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
