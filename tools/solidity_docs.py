"""NatSpec and enum members: what a contract's artefact says, and what only its sources say."""

from __future__ import annotations

import json
import re
import textwrap
from dataclasses import dataclass, field
from typing import Any, Final

WIDTH: Final = 100
DECLARATION: Final = r"((?:^[ \t]*///.*\n)*)^[ \t]*{kind}\s+{name}\s*\{{([^}}]*)\}}"


@dataclass(frozen=True)
class Documentation:
    """NatSpec of one item: its text and what it says of single parameters."""

    notice: str = ""
    details: str = ""
    params: dict[str, str] = field(default_factory=dict)
    returns: dict[str, str] = field(default_factory=dict)

    def paragraphs(self) -> list[str]:
        """The docstring's paragraphs, unwrapped."""
        taken = [f"{name}: {text}" for name, text in self.params.items()]
        returned = [
            f"Returns {'' if name[:1] == '_' else f'{name}: '}{text}" for name, text in self.returns.items()
        ]
        return [paragraph for paragraph in (self.notice, self.details, *taken, *returned) if paragraph]

    def ordered(self, names: dict[str, str]) -> Documentation:
        """The same with parameters in the order of `names` and under the Python names they lead to."""
        params = {new: self.params[old] for old, new in names.items() if old in self.params}
        return Documentation(self.notice, self.details, params, self.returns)


def documentation(artifact: dict[str, Any], kind: str, signature: str) -> Documentation:
    """What user and developer documentation say of a member; `kind` is methods, events or errors."""
    output = _output(artifact)
    user = _entry(output["userdoc"], kind, signature)
    developer = _entry(output["devdoc"], kind, signature)
    return Documentation(
        user.get("notice", ""),
        developer.get("details", ""),
        developer.get("params", {}),
        developer.get("returns", {}),
    )


def contract_documentation(artifact: dict[str, Any]) -> Documentation:
    """What user and developer documentation say of the contract itself."""
    output = _output(artifact)
    return Documentation(output["userdoc"].get("notice", ""), output["devdoc"].get("details", ""))


def _output(artifact: dict[str, Any]) -> dict[str, Any]:
    # forge's parsed `metadata` leaves out what is said of events and errors.
    output: dict[str, Any] = json.loads(artifact["rawMetadata"])["output"]
    return output


def _entry(documents: dict[str, Any], kind: str, signature: str) -> dict[str, Any]:
    entry = documents.get(kind, {}).get(signature, {})
    return dict(entry[0] if isinstance(entry, list) else entry)


def source_documentation(sources: list[str], kind: str, name: str) -> Documentation:
    """NatSpec above a struct or enum, from the Solidity text (artefacts leave it out)."""
    comment, _ = _declaration(sources, kind, name)
    text = re.sub(r"^\s*///\s?", "", comment, flags=re.MULTILINE)
    tags: dict[str, str] = {}
    params: dict[str, str] = {}
    for chunk in re.split(r"^(?=@)", text, flags=re.MULTILINE):
        parsed = re.match(r"@param\s+(\w+)\s+(.*)|@(\w+)\s+(.*)|(.*)", chunk, re.DOTALL)
        if parsed and parsed[1]:
            params[parsed[1]] = " ".join(parsed[2].split())
        elif parsed:
            tags[parsed[3] or "notice"] = " ".join((parsed[4] or parsed[5] or "").split()) or tags.get(
                "notice", ""
            )
    return Documentation(tags.get("notice", ""), tags.get("dev", ""), params)


def enum_members(sources: list[str], name: str) -> list[str]:
    """Members of an enum in order (the ABI calls it uint8 and does not name them)."""
    _, body = _declaration(sources, "enum", name)
    without_comments = re.sub(r"//.*|/\*.*?\*/", "", body)
    return [member.strip() for member in without_comments.split(",") if member.strip()]


def _declaration(sources: list[str], kind: str, name: str) -> tuple[str, str]:
    pattern = re.compile(DECLARATION.format(kind=kind, name=name), re.MULTILINE)
    found = {match.groups() for source in sources for match in pattern.finditer(source)}
    if len(found) != 1:
        raise LookupError(f"{kind} {name} is declared {len(found)} times in contracts/, once expected")
    comment, body = found.pop()
    return comment, body


def docstring(paragraphs: list[str], indent: str, fallback: str) -> str:
    """A docstring of these paragraphs, or of the fallback if there are none."""
    text = [_clean(paragraph) for paragraph in paragraphs] or [fallback]
    lines = [line for paragraph in text for line in (*textwrap.wrap(paragraph, WIDTH), "")][:-1]
    if len(lines) == 1:
        return f'{indent}"""{lines[0]}"""\n'
    body = "\n".join(f"{indent}{line}".rstrip() for line in lines)
    return f'{indent}"""{body.lstrip()}\n{indent}"""\n'


def _clean(text: str) -> str:
    plain = " ".join(text.split()).replace("\\", "/").replace('"', "'")
    return plain if plain.isascii() else plain.encode("ascii", "replace").decode("ascii")
