"""A pretended accelerator, on which every look at a number can be counted, and a real one on which none may wait."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

ACCELERATOR = torch.device("meta")
"""PyTorch's device without numbers. Whatever needs some on the host is an operation that `HostTraffic` counts, or one
that fails: `.numpy()`, `nonzero`, a boolean index, a copy into the host's memory that exists already."""


@dataclass
class HostTraffic(TorchDispatchMode):
    """Counts what makes an accelerator's caller wait, or crosses the bus."""

    waits: int = 0
    """`.item()`, `.tolist()`, `bool(...)`, and the like."""
    to_host: list[int] = field(default_factory=list)
    """Bytes of each copy."""
    to_device: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def __torch_dispatch__(
        self,
        operation: Any,
        types: Any,
        arguments: tuple[Any, ...] = (),
        options: dict[str, Any] | None = None,
    ) -> Any:
        options = options or {}
        if operation is torch.ops.aten._local_scalar_dense.default:
            self.waits += 1
            return 0
        if operation is torch.ops.aten._to_copy.default and "device" in options:
            source, target = arguments[0], torch.device(options["device"])
            if source.device == ACCELERATOR != target:
                self.to_host.append(source.nbytes)
                return torch.zeros(source.shape, dtype=source.dtype)
            if source.device != ACCELERATOR == target:
                self.to_device.append(source.nbytes)
        return operation(*arguments, **options)


@pytest.fixture
def host_traffic() -> HostTraffic:
    return HostTraffic()


@pytest.fixture
def waits_forbidden() -> Callable[[], AbstractContextManager[None]]:
    """A context in which an operation that waits for CUDA raises RuntimeError."""

    @contextmanager
    def forbid() -> Iterator[None]:
        with warnings.catch_warnings():
            # PyTorch says each time that it does not know all of them.
            warnings.filterwarnings("ignore", "Synchronization debug mode", UserWarning)
            try:
                torch.cuda.set_sync_debug_mode("error")
                yield
            finally:
                torch.cuda.set_sync_debug_mode("default")

    return forbid
