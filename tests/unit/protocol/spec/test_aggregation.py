"""An aggregation is refused with the key to correct, and means what it meant when nothing is said."""

import dataclasses

import pytest

from cupel.protocol.spec.aggregation import CODECS, Aggregation, check_aggregation
from cupel.protocol.spec.diloco.codec import get_codec
from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.task import TaskSpec
from cupel.protocol.testing.builders import example_spec

NESTEROV = Aggregation(7, 10, 9, 10)


def test_every_choice_survives_the_document() -> None:
    aggregation = Aggregation(7, 10, 9, 10, codec="mxint4", rule="trim", trimmed=2)
    spec = dataclasses.replace(example_spec(), aggregation=aggregation)
    assert TaskSpec.from_bytes(spec.to_bytes()) == spec
    assert spec.digest != dataclasses.replace(spec, aggregation=NESTEROV).digest


def test_every_codec_a_task_may_name_is_one() -> None:
    for name in CODECS:
        check_aggregation(dataclasses.replace(NESTEROV, codec=name))
        assert get_codec(name).num_bytes(64) > 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"codec": "int4"}, r"aggregation.codec is 'int4', one of mxint8, mxint4, sparse-1 to sparse-16"),
        ({"codec": "sparse-0"}, "aggregation.codec"),
        ({"codec": "sparse-17"}, "aggregation.codec"),
        ({"rule": "median"}, "aggregation.rule is 'median', one of mean, clip, trim"),
        ({"rule": "trim"}, "aggregation.trimmed is 0: rule trim takes 1"),
        ({"rule": "trim", "trimmed": 5000}, "aggregation.trimmed is 5000"),
        ({"rule": "clip", "trimmed": 1}, "leave it out"),
        ({"rule": "trim", "trimmed": 1, "codec": "sparse-8"}, "mxint8 or mxint4"),
        ({"momentum_numerator": 10}, "aggregation.momentum is 10/10: below one"),
        ({"learning_rate_denominator": 0}, "aggregation.learning_rate is 7/0"),
        ({"learning_rate_numerator": 1025}, "aggregation.learning_rate is 1025/10"),
    ],
)
def test_what_nobody_can_compute_is_refused_with_its_key(change: dict[str, object], words: str) -> None:
    aggregation = dataclasses.replace(NESTEROV, **change)  # type: ignore[arg-type]  # the parameters' types
    spec = dataclasses.replace(example_spec(), aggregation=aggregation)
    with pytest.raises(Rejected, match=words) as caught:
        TaskSpec.from_bytes(spec.to_bytes())
    assert caught.value.reason is Reason.TASK_SPEC
