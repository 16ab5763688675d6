"""One value has one document: defaults are left out, and nothing else is."""

from dataclasses import dataclass

import pytest

from cupel.protocol.spec import documents
from cupel.protocol.spec.errors import Reason, Rejected

KIND = "cupel.test.v1"


@dataclass(frozen=True, slots=True)
class Inner:
    number: int


@dataclass(frozen=True, slots=True)
class Outer:
    name: str
    count: int = 2
    flag: bool = True
    inner: Inner | None = None


@pytest.mark.parametrize(
    ("document", "data"),
    [
        (Outer("a"), b'{"kind":"cupel.test.v1","name":"a"}'),
        (Outer("a", 2, True, None), b'{"kind":"cupel.test.v1","name":"a"}'),
        (Outer("a", flag=False), b'{"flag":false,"kind":"cupel.test.v1","name":"a"}'),
        (
            Outer("a", 0, inner=Inner(5)),
            b'{"count":0,"inner":{"number":5},"kind":"cupel.test.v1","name":"a"}',
        ),
    ],
)
def test_what_has_its_default_is_left_out(document: Outer, data: bytes) -> None:
    assert documents.encode(KIND, document) == data
    assert documents.decode(Outer, KIND, data, 1000) == document


@pytest.mark.parametrize(
    "data",
    [
        b'{"count":2,"kind":"cupel.test.v1","name":"a"}',  # a second document of the first value above
        b'{"flag":true,"kind":"cupel.test.v1","name":"a"}',
        b'{"inner":null,"kind":"cupel.test.v1","name":"a"}',
        b'{"inner":{},"kind":"cupel.test.v1","name":"a"}',
        b'{"inner":7,"kind":"cupel.test.v1","name":"a"}',
        b'{"kind":"cupel.test.v1"}',
        b'{"kind":"cupel.test.v1","name":"a","surprise":1}',
    ],
)
def test_any_other_document_is_refused(data: bytes) -> None:
    with pytest.raises(Rejected) as caught:
        documents.decode(Outer, KIND, data, 1000)
    assert caught.value.reason is Reason.SCHEMA


def test_people_may_write_defaults_down() -> None:
    assert documents.from_plain(Outer, {"name": "a", "count": 2}, "plan") == Outer("a")
