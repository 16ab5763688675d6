"""The file of validation criteria that `cupel calibrate` writes and a plan takes.

[thresholds]   as `Thresholds`
[pooling]      as `Pooling`
[sampling]     tolerance_millionths
[scope]        what they were measured for: a plan of another model, proof or sampling cannot take them

Other tables are for people.
"""

from __future__ import annotations

import dataclasses
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cupel.protocol.config import ConfigError
from cupel.protocol.spec import documents
from cupel.protocol.spec.errors import Rejected
from cupel.protocol.spec.task import EnvironmentRef, ModelShape, Pooling, TaskSpec, Thresholds


@dataclass(frozen=True, slots=True)
class Scope:
    """Everything in a plan that changes how far honest work lies from its recomputation."""

    chunk_tokens: int
    topk: int
    max_tokens: int
    temperature_millionths: int
    environment: EnvironmentRef
    model: ModelShape


@dataclass(frozen=True, slots=True)
class Tolerance:
    """What of `Sampling` is calibrated."""

    tolerance_millionths: int


@dataclass(frozen=True, slots=True)
class Criteria:
    """Calibrated limits and what they hold for."""

    thresholds: Thresholds
    pooling: Pooling
    sampling: Tolerance
    scope: Scope

    def check_scope(self, scope: Scope, path: Path) -> None:
        """ConfigError if they were measured for something else."""
        differing = [
            field.name
            for field in dataclasses.fields(Scope)
            if getattr(scope, field.name) != getattr(self.scope, field.name)
        ]
        if differing:
            problem = f"{path} was calibrated for another {' and '.join(differing)}"
            raise ConfigError("spec.thresholds", problem, "Run cupel calibrate with this plan")


def scope_of(chunk_tokens: int, topk: int, max_tokens: int, spec: TaskSpec) -> Scope:
    """The scope of a plan's terms and specification."""
    temperature = spec.sampling.temperature_millionths
    return Scope(chunk_tokens, topk, max_tokens, temperature, spec.environment, spec.model)


def load_criteria(path: Path) -> Criteria:
    """Read a file of criteria. ConfigError that names file and key for anything that is not one."""
    try:
        values: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        remedy = "Check the path, or make the file with cupel calibrate"
        raise ConfigError("spec.thresholds", f"cannot read {path} ({error.strerror})", remedy) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        remedy = "Make it again with cupel calibrate"
        raise ConfigError("spec.thresholds", f"{path} is not TOML ({error})", remedy) from None
    wanted = {field.name: values.get(field.name) for field in dataclasses.fields(Criteria)}
    try:
        return documents.from_plain(Criteria, wanted, "criteria")
    except Rejected as rejected:
        remedy = f"Make {path} again with cupel calibrate"
        raise ConfigError("spec.thresholds", rejected.detail, remedy) from None
