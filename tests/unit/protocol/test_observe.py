"""Events come out as whole lines."""

import json

import pytest

from cupel.protocol.observe import JsonObserver, Observer, TextObserver


class Stream:
    """What was written, piece by piece."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.flushes = 0

    def write(self, text: str, /) -> object:
        self.pieces.append(text)
        return len(text)

    def flush(self) -> object:
        self.flushes += 1
        return None


@pytest.mark.parametrize("kind", [JsonObserver, TextObserver])
def test_a_line_is_written_in_one_piece_and_at_once(kind: type[JsonObserver] | type[TextObserver]) -> None:
    stream = Stream()
    observer: Observer = kind(stream)
    observer.emit("committed", round=1, node="0xA")
    observer.emit("ready")
    assert len(stream.pieces) == stream.flushes == 2
    assert all(piece.endswith("\n") and piece.count("\n") == 1 for piece in stream.pieces)


def test_a_program_reads_the_fields_and_when_it_was() -> None:
    stream = Stream()
    JsonObserver(stream).emit("committed", round=1, parts=["a", None])
    event = json.loads(stream.pieces[0])
    assert event.pop("time") > 1_700_000_000_000
    assert event == {"event": "committed", "round": 1, "parts": ["a", None]}


def test_a_person_is_not_told_of_every_transfer() -> None:
    stream = Stream()
    TextObserver(stream).emit("transfer", bytes_in=1)
    assert stream.pieces == []
