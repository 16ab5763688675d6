"""The layout that is written down is the policy's, and needs no PyTorch."""

import dataclasses
import subprocess
import sys

import pytest

from cupel.protocol.model.layout import ARCHITECTURE, check_shape, layout_of
from cupel.protocol.model.tiny import TinyPolicy
from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.task import ModelShape

SHAPE = ModelShape(ARCHITECTURE, vocabulary=8, layers=1, width=8, heads=2, feed_forward=12, positions=6)


@pytest.mark.parametrize("layers", [1, 2, 11])
def test_the_layout_is_the_policys_parameters_by_name(layers: int) -> None:
    shape = dataclasses.replace(SHAPE, layers=layers)
    built = {name: tuple(tensor.shape) for name, tensor in TinyPolicy(shape).named_parameters()}
    layout = layout_of(shape)
    assert [(tensor.name, tensor.shape) for tensor in layout.tensors] == sorted(built.items())
    assert layout.num_parameters == sum(tensor.numel() for tensor in TinyPolicy(shape).parameters())


def test_who_only_stores_and_serves_loads_no_torch() -> None:
    program = "import sys, cupel.protocol.task.creator; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.parametrize(
    "change",
    [{"architecture": "gpt"}, {"heads": 3}, {"layers": 0}, {"width": 8192}, {"vocabulary": 10**9}],
    ids=lambda change: next(iter(change)),
)
def test_a_shape_that_is_no_tiny_policy_is_rejected(change: dict[str, object]) -> None:
    with pytest.raises(Rejected) as caught:
        check_shape(dataclasses.replace(SHAPE, **change))  # type: ignore[arg-type]
    assert caught.value.reason is Reason.TASK_SPEC
