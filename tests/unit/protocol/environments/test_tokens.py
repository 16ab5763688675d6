"""Tokenizers: the task's file and no other, and every text the same tokens for node and verifier."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from cupel.protocol.config import ConfigError
from cupel.protocol.environments import tokens
from cupel.protocol.environments.installed import check_environment
from cupel.protocol.environments.tokens import ByteTokens, FileTokens, open_tokens
from cupel.protocol.spec.environments.text import BEGIN, END, VOCABULARY
from cupel.protocol.spec.hashing import sha256
from cupel.protocol.spec.task import EnvironmentRef

BYTES = EnvironmentRef("echo/any", 1, "echo-environment==2.1", "{}", prompt_tokens=16, answer_tokens=4)


def test_without_a_tokenizer_text_is_bytes() -> None:
    made = open_tokens(BYTES)
    assert isinstance(made, ByteTokens)
    assert (made.vocabulary, made.end_token) == (VOCABULARY, END)
    assert made.reply("hö", 4) == (BEGIN, *"hö".encode())
    assert made.reply("hö", 3) is None


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(__import__("sys").modules, "tokenizers", None)
    chosen = dataclasses.replace(BYTES, tokenizer=64 * "0", vocabulary=9, end_token="a", padding_token="b")
    with pytest.raises(ConfigError) as refused:
        open_tokens(chosen)
    assert "cupel[tokenizers]" in refused.value.remedy


def trained() -> bytes:
    """A byte-level BPE of a few merges, with the special tokens that chats have."""
    library = pytest.importorskip("tokenizers")
    made = library.Tokenizer(library.models.BPE())
    made.pre_tokenizer = library.pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = library.decoders.ByteLevel()
    special = ["<|begin|>", "<|end|>", "<|pad|>"]
    alphabet = library.pre_tokenizers.ByteLevel.alphabet()
    trainer = library.trainers.BpeTrainer(
        vocab_size=300, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    made.train_from_iterator(["say 1", "say 12", "say it again, say it"], trainer)
    made.post_processor = library.processors.TemplateProcessing(
        single="<|begin|> $A", special_tokens=[("<|begin|>", made.token_to_id("<|begin|>"))]
    )
    # Whoever made the file may have wanted it to cut and pad; the task decides that.
    made.enable_truncation(2)
    made.enable_padding(length=50)
    return str(made.to_str()).encode()


@pytest.fixture
def pinned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> EnvironmentRef:
    data = trained()
    monkeypatch.setenv(tokens.FOLDER, str(tmp_path))
    digest = sha256(data).hex()
    (tmp_path / f"{digest}.json").write_bytes(data)
    return dataclasses.replace(
        BYTES, tokenizer=digest, vocabulary=320, end_token="<|end|>", padding_token="<|pad|>"
    )


def opened(reference: EnvironmentRef) -> FileTokens:
    made = open_tokens(reference)
    assert isinstance(made, FileTokens)
    return made


def test_texts_come_back_and_prompts_have_one_length(pinned: EnvironmentRef) -> None:
    made = opened(pinned)
    for said in ("say 12", "say it again", "Grüße, 世界!", ""):
        answer = made.answer(said, 40)
        assert answer is not None
        assert answer[-1] == made.end_token
        assert made.text(answer) == made.text((*answer, 5, 5)) == said
    prompt = made.prompt("say 12", 16)
    assert prompt is not None
    assert (len(prompt), made.render(prompt)) == (16, "<|begin|>say 12")
    assert len(made.answer("say it", 16) or ()) < len(b"say it"), "merges make texts shorter"


def test_what_does_not_fit_is_none_and_replies_hold_no_token_of_their_own(pinned: EnvironmentRef) -> None:
    made = opened(pinned)
    assert made.prompt("say 12", 2) is None
    assert made.answer("Grüße", 3) is None
    assert made.answer("<|end|> and on", 40) is None, "an answer ends once"
    reply = made.reply("<|begin|>say 1", 8)
    assert reply is not None
    assert made.render(reply) == "<|begin|>say 1"
    assert made.reply("", 8) is None


def test_ids_that_the_file_does_not_have_are_no_text(pinned: EnvironmentRef) -> None:
    made = opened(pinned)
    said = made.answer("say", 8)
    assert said is not None
    assert made.text((319, 310, *said)) == "\ufffd\ufffdsay"
    assert made.target_tokens == range(0)


def test_an_environment_asks_and_scores_in_it(echo_package: str, pinned: EnvironmentRef) -> None:
    node, verifier = check_environment(pinned), check_environment(pinned)
    assert node.prompt(4) == verifier.prompt(4)
    assert node.render(node.prompt(4)) == "<|begin|>say 4"
    assert node.vocabulary == 320
    assert verifier.reward(4, node.answer(4)) == 1_000_000


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"vocabulary": 100}, "spec.environment.vocabulary is 100"),
        ({"end_token": "<|stop|>"}, r"no token '<\|stop\|>'"),
        ({"padding_token": "<|none|>"}, r"no token '<\|none\|>'"),
        ({"tokenizer": 64 * "a"}, "cannot read"),
    ],
)
def test_a_task_that_the_file_does_not_suit_is_refused(
    pinned: EnvironmentRef, change: dict[str, Any], words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        open_tokens(dataclasses.replace(pinned, **change))


def test_another_file_under_its_name_is_refused(pinned: EnvironmentRef, tmp_path: Path) -> None:
    file = tmp_path / f"{pinned.tokenizer}.json"
    file.write_bytes(file.read_bytes() + b" ")
    tokens._opened.cache_clear()
    with pytest.raises(ConfigError, match="has the digest"):
        open_tokens(pinned)


def test_a_pinned_file_that_is_no_tokenizer_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("tokenizers")
    monkeypatch.setenv(tokens.FOLDER, str(tmp_path))
    for data in (b"", b"{}", b"[" * 100_000, b'{"model": {"type": "BPE", "vocab": 5}}'):
        digest = sha256(data).hex()
        (tmp_path / f"{digest}.json").write_bytes(data)
        chosen = dataclasses.replace(BYTES, tokenizer=digest, vocabulary=9, end_token="a", padding_token="b")
        with pytest.raises(ConfigError, match="is no tokenizer"):
            open_tokens(chosen)
