"""How an installed environment's texts become tokens: bytes, or a tokenizer that the task pins by its digest.

A tokenizer is a file of the `tokenizers` library (`tokenizer.json`). Like the environment's package it comes from
whoever runs the role: nothing is downloaded, and a file with another digest is none. It is looked for as `DIGEST.json`
in the folder that CUPEL_TOKENIZERS names, or else in ~/.cupel/tokenizers.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from cupel.protocol.config import ConfigError
from cupel.protocol.spec.environments import text
from cupel.protocol.spec.hashing import sha256
from cupel.protocol.spec.task import EnvironmentRef

if TYPE_CHECKING:
    from tokenizers import Tokenizer

FOLDER: Final = "CUPEL_TOKENIZERS"
KEY: Final = "spec.environment.tokenizer"
MAX_TOKENIZER_BYTES: Final = 64 << 20
_UNKNOWN: Final = "\N{REPLACEMENT CHARACTER}"


class Tokens(Protocol):
    """Text to token ids and back, the same on every machine."""

    @property
    def vocabulary(self) -> int:
        """Number of token ids."""

    @property
    def end_token(self) -> int:
        """Ends a turn."""

    @property
    def target_tokens(self) -> range:
        """As `Environment.target_tokens`."""

    def prompt(self, question: str, count: int) -> tuple[int, ...] | None:
        """Exactly `count` ids, padded on the left; None if the question does not fit."""

    def answer(self, answer: str, most: int) -> tuple[int, ...] | None:
        """At most `most` ids, the end token last; None if the answer does not fit."""

    def reply(self, reply: str, most: int) -> tuple[int, ...] | None:
        """At most `most` ids; None if the reply does not fit."""

    def text(self, tokens: Sequence[int]) -> str:
        """What a turn says, up to its end token; ids that stand for nothing become U+FFFD."""

    def render(self, tokens: Sequence[int]) -> str:
        """For people."""


class ByteTokens:
    """`spec.environments.text`. Satisfies `Tokens`."""

    vocabulary: Final = text.VOCABULARY
    end_token: Final = text.END
    target_tokens: Final = text.TARGET_TOKENS

    def prompt(self, question: str, count: int) -> tuple[int, ...] | None:
        """See `Tokens.prompt`."""
        return text.encode_prompt(question, count)

    def answer(self, answer: str, most: int) -> tuple[int, ...] | None:
        """See `Tokens.answer`."""
        return text.encode_answer(answer, most)

    def reply(self, reply: str, most: int) -> tuple[int, ...] | None:
        """See `Tokens.reply`: BEGIN and the bytes."""
        ids = (text.BEGIN, *reply.encode())
        return ids if len(ids) <= most else None

    def text(self, tokens: Sequence[int]) -> str:
        """See `Tokens.text`."""
        return text.decode_completion(tokens)

    def render(self, tokens: Sequence[int]) -> str:
        """See `Tokens.render`."""
        return text.render(tokens)


class FileTokens:
    """A tokenizer's file. Satisfies `Tokens`. ConfigError where the file and the task do not go together.

    A question is encoded as the file says, with the special tokens it adds; replies and answers without those. Text may
    hold special tokens itself, as chat templates do.
    """

    # The ids behind the file's are nobody's, and a page that has no file could not say how many there are.
    target_tokens: Final = range(0)

    def __init__(self, tokenizer: Tokenizer, reference: EnvironmentRef) -> None:
        self._tokenizer = tokenizer
        self._size = tokenizer.get_vocab_size(with_added_tokens=True)
        self.vocabulary = reference.vocabulary
        if self._size > reference.vocabulary:
            problem = (
                f"the file has {self._size} tokens, spec.environment.vocabulary is {reference.vocabulary}"
            )
            raise ConfigError(KEY, problem, "Give the model's vocabulary, which is no smaller")
        self.end_token = _special(tokenizer, "end_token", reference.end_token)
        self._padding = _special(tokenizer, "padding_token", reference.padding_token)

    def prompt(self, question: str, count: int) -> tuple[int, ...] | None:
        """See `Tokens.prompt`."""
        ids = self._ids(question, is_first=True)
        missing = count - len(ids)
        return None if missing < 0 or not ids else (*missing * (self._padding,), *ids)

    def answer(self, answer: str, most: int) -> tuple[int, ...] | None:
        """See `Tokens.answer`."""
        ids = self._ids(answer)
        return (*ids, self.end_token) if len(ids) < most and self.end_token not in ids else None

    def reply(self, reply: str, most: int) -> tuple[int, ...] | None:
        """See `Tokens.reply`."""
        ids = self._ids(reply)
        return ids if 0 < len(ids) <= most else None

    def text(self, tokens: Sequence[int]) -> str:
        """See `Tokens.text`."""
        given = list(tokens)
        if self.end_token in given:
            given = given[: given.index(self.end_token)]
        return self._decoded(given)

    def render(self, tokens: Sequence[int]) -> str:
        """See `Tokens.render`."""
        return self._decoded([token for token in tokens if token not in (self._padding, self.end_token)])

    def _ids(self, given: str, is_first: bool = False) -> tuple[int, ...]:
        return tuple(self._tokenizer.encode(given, add_special_tokens=is_first).ids)

    def _decoded(self, tokens: list[int]) -> str:
        # The library leaves out what it does not know, so that two texts would look alike.
        parts = groupby(tokens, key=self._is_known)
        return "".join(
            self._tokenizer.decode(list(ids), skip_special_tokens=False)
            if known
            else _UNKNOWN * len(list(ids))
            for known, ids in parts
        )

    def _is_known(self, token: int) -> bool:
        return self._tokenizer.id_to_token(token) is not None


def open_tokens(reference: EnvironmentRef) -> Tokens:
    """What the task's environment names. ConfigError with what to do, if this machine does not have it."""
    if not reference.tokenizer:
        return ByteTokens()
    return FileTokens(_opened(_folder() / f"{reference.tokenizer}.json", reference.tokenizer), reference)


def _folder() -> Path:
    named = os.environ.get(FOLDER)
    return Path(named) if named else Path.home() / ".cupel" / "tokenizers"


@lru_cache(maxsize=4)
def _opened(path: Path, digest: str) -> Any:
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        remedy = "Install it with: pip install 'cupel[tokenizers]'"
        raise ConfigError(KEY, f"the package tokenizers cannot be loaded ({error})", remedy) from None
    remedy = f"Put the task's tokenizer.json there ({FOLDER} names another folder)"
    try:
        size = path.stat().st_size
        data = path.read_bytes() if size <= MAX_TOKENIZER_BYTES else b""
    except OSError as error:
        raise ConfigError(KEY, f"cannot read {path} ({error.strerror})", remedy) from None
    if size > MAX_TOKENIZER_BYTES:
        raise ConfigError(KEY, f"{path} has {size} bytes, at most {MAX_TOKENIZER_BYTES} are read", remedy)
    found = sha256(data).hex()
    if found != digest:
        raise ConfigError(KEY, f"{path} has the digest {found}", remedy)
    try:
        tokenizer = Tokenizer.from_buffer(data)
    # The library raises bare exceptions.
    except Exception as error:
        raise ConfigError(KEY, f"{path} is no tokenizer ({error})", "Join another task") from None
    # A file may cut and pad what it encodes; lengths are the task's.
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _special(tokenizer: Any, name: str, content: str) -> int:
    found = tokenizer.token_to_id(content)
    if found is None:
        problem = f"the file has no token {content!r}"
        raise ConfigError(f"spec.environment.{name}", problem, "Name one of the file's")
    return int(found)
