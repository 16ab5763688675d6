"""The environment that a task names, as its document has it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from cupel.protocol.spec.encoding import parse_canonical_json
from cupel.protocol.spec.errors import Reason, Rejected

PACKAGED_VERSION: Final = 1
"""How text of an installed environment becomes tokens: `environments/text.py`, or a tokenizer's file."""
MAX_ARGUMENT_BYTES: Final = 4096
MAX_SCORE_SECONDS: Final = 60
MAX_TURNS: Final = 64
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class EnvironmentRef:
    """Which environment, and which version. Without a package it is one of those built in."""

    id: str
    version: int
    package: str = ""
    """Distribution that an environment comes with, pinned: `name==version`."""
    arguments: str = ""
    """What it is opened with: a JSON object in its canonical form."""
    prompt_tokens: int = 0
    """Tokens of every prompt, padded on the left."""
    answer_tokens: int = 0
    """Most tokens of a right answer, or of a turn in a dialogue, end token included."""
    score_seconds: int = 0
    """Processor time that a score may take: a completion that takes more earns nothing. 0 sets no limit."""
    turns: int = 1
    """Most turns of the policy; with 2 or more the environment replies between them (`spec/dialogue.py`)."""
    reply_tokens: int = 0
    """Most tokens of a reply; a dialogue ends at one that is longer."""
    tokenizer: str = ""
    """SHA-256, in hex, of the file that makes tokens of text (`environments/tokens.py`); without one they are bytes."""
    vocabulary: int = 0
    """The model's, with a tokenizer, which may have fewer tokens."""
    end_token: str = ""
    """The tokenizer's token that ends a turn, as text."""
    padding_token: str = ""
    """The tokenizer's token that prompts are padded with, as text."""


def check_environment_ref(reference: EnvironmentRef) -> None:
    """Rejected(TASK_SPEC): a reference that no machine could open."""
    if not reference.package:
        if reference != EnvironmentRef(reference.id, reference.version):
            raise Rejected(
                Reason.TASK_SPEC, "environment has score_seconds or other keys that are for packages"
            )
        return
    name, pinned, version = reference.package.partition("==")
    problems = {
        'environment.package is "name==version"': not (name and pinned and version),
        'environment.id of a package is "name/which"': "/" not in reference.id,
        f"environment.version of a package is {PACKAGED_VERSION}": reference.version != PACKAGED_VERSION,
        f"environment.score_seconds is {MAX_SCORE_SECONDS} or less": reference.score_seconds
        > MAX_SCORE_SECONDS,
        "environment.prompt_tokens and answer_tokens are above 1": (
            min(reference.prompt_tokens, reference.answer_tokens) < 2
        ),
        f"environment.turns is 1 to {MAX_TURNS}": not 1 <= reference.turns <= MAX_TURNS,
        "environment.reply_tokens is above 0 with turns, and left out without": (
            (reference.turns > 1) != (reference.reply_tokens > 0)
        ),
        "environment.tokenizer is the SHA-256 of a file, 64 hex digits": (
            reference.tokenizer != "" and not _DIGEST.fullmatch(reference.tokenizer)
        ),
        "environment.vocabulary, end_token and padding_token come with a tokenizer": (
            len({bool(reference.tokenizer), *map(bool, _of_tokenizer(reference))}) > 1
        ),
    }
    for problem, present in problems.items():
        if present:
            raise Rejected(Reason.TASK_SPEC, problem)
    try:
        parse_canonical_json(reference.arguments.encode(), MAX_ARGUMENT_BYTES)
    except Rejected as rejected:
        detail = f"environment.arguments is a JSON object, keys sorted, no spaces: {rejected.detail}"
        raise Rejected(Reason.TASK_SPEC, detail) from rejected


def _of_tokenizer(reference: EnvironmentRef) -> tuple[int | str, ...]:
    return reference.vocabulary, reference.end_token, reference.padding_token
