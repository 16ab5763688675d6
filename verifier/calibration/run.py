"""One calibration from start to end: measure, choose, count, write."""

from __future__ import annotations

import dataclasses
import platform
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from cupel.protocol.config import ConfigError
from cupel.protocol.model.checkpoint import checkpoint_from_bytes
from cupel.protocol.model.layout import layout_of
from cupel.protocol.model.policy import Policy
from cupel.protocol.model.transformers_engine import PREFIX
from cupel.protocol.model.weights import policy_of
from cupel.protocol.spec import documents
from cupel.protocol.spec.errors import Rejected
from cupel.protocol.spec.hashing import sha256
from cupel.protocol.spec.task import ModelShape, Thresholds
from cupel.protocol.storage import StorageError
from cupel.protocol.task.plan import TaskPlan, load_plan
from cupel.verifier.calibration.cheats import zoo
from cupel.verifier.calibration.cheats.base import Bench
from cupel.verifier.calibration.columns import NAMES
from cupel.verifier.calibration.document import Calibration
from cupel.verifier.calibration.engines import DTYPES, SHARES, Variant, variants
from cupel.verifier.calibration.evidence import Integers
from cupel.verifier.calibration.measure import (
    Cell,
    Progress,
    honest_cell,
    measure_cell,
    split,
)
from cupel.verifier.calibration.page import render
from cupel.verifier.calibration.parts import Parts
from cupel.verifier.calibration.rules import choose
from cupel.verifier.calibration.setting import setting_of
from cupel.verifier.calibration.tally import tally_cheat, tally_honest

# Changes whenever what a part holds does.
_PARTS_VERSION: Final = 2
_NOT_FOUND_YET: Final = Thresholds(0, 0, 0)


@dataclass(frozen=True, slots=True)
class Options:
    """What to measure."""

    checkpoint: Path
    plan: Path
    out: Path
    chunks: int
    """Honest chunks that count; as many again choose the limits."""
    cheat_chunks: int
    seed: int
    headroom_percent: int
    student_steps: int
    dtypes: tuple[str, ...]
    devices: tuple[str, ...]
    threads: tuple[int, ...]
    older: tuple[Path, ...] = ()
    keep: bool = False
    """Whether the parts stay, so that another headroom needs no new measurement."""

    @property
    def picture(self) -> Path:
        """The page beside the file of criteria."""
        return self.out.with_suffix(".html")

    @property
    def parts(self) -> Path:
        """What was measured so far."""
        return self.out.with_suffix(".parts")


def calibrate(options: Options, progress: Progress) -> Calibration:
    """Measure, write the criteria and the picture, and return what was found. ConfigError for what cannot work."""
    plan = load_plan(options.plan, _NOT_FOUND_YET)
    checkpoint = _read("checkpoint", options.checkpoint)
    _check(options)
    try:
        bench = Bench(
            setting_of(plan),
            _policy("checkpoint", options.checkpoint, plan.spec.model),
            options.seed,
            options.student_steps,
            tuple((path.stem, _policy("older", path, plan.spec.model)) for path in options.older),
        )
    except Rejected as rejected:
        raise ConfigError("plan", rejected.detail, f"Correct {options.plan}") from None
    parts = Parts(options.parts, _identity(options, plan, checkpoint))
    honest = _measure_honest(bench, options, parts, progress)
    cheats, inapplicable = _measure_cheats(bench, options, parts, progress)
    calibration = _conclude(options, plan, checkpoint, honest, cheats, inapplicable)
    engines = [np.concatenate(batches) for batches in honest.values()]
    page = render(calibration, engines, {cell.name: values for cell, values in cheats.items()})
    try:
        options.picture.write_text(page, encoding="utf-8")
        options.out.write_text(calibration.to_toml(), encoding="utf-8")
    except OSError as error:
        raise StorageError(f"cannot write {options.out} ({error.strerror})", "check the path") from None
    if not options.keep:
        parts.remove()
    return calibration


def _measure_honest(
    bench: Bench, options: Options, parts: Parts, progress: Progress
) -> dict[Variant, list[Integers]]:
    measured = {}
    for variant in _variants(options):
        batches = measure_cell(bench, honest_cell(variant), _target(options, variant), parts, progress)
        assert batches is not None, "honest work is always possible"
        measured[variant] = batches
    return measured


def _measure_cheats(
    bench: Bench, options: Options, parts: Parts, progress: Progress
) -> tuple[dict[Cell, Integers], tuple[str, ...]]:
    measured: dict[Cell, Integers] = {}
    inapplicable = []
    for cheat in zoo(bench, options.dtypes):
        cell = Cell(cheat.name, cheat.title, cheat.prepare)
        batches = measure_cell(bench, cell, options.cheat_chunks, parts, progress)
        if batches is None or not sum(map(len, batches)):
            inapplicable.append(cell.name)
        else:
            measured[cell] = np.concatenate(batches)
    return measured, tuple(inapplicable)


def _conclude(
    options: Options,
    plan: TaskPlan,
    checkpoint: bytes,
    honest: dict[Variant, list[Integers]],
    cheats: dict[Cell, Integers],
    inapplicable: tuple[str, ...],
) -> Calibration:
    halves = [split(batches) for batches in honest.values()]
    choosing, counting = zip(*halves, strict=True)
    rule = choose(choosing, options.headroom_percent)
    band = np.concatenate((*choosing, *counting))
    return Calibration(
        scope=plan.scope,
        rule=rule,
        checkpoint_sha256=sha256(checkpoint).hex(),
        seed=options.seed,
        headroom_percent=options.headroom_percent,
        software=f"{_packages(plan.spec.model)}, {platform.machine()}",
        chosen_from=tally_honest("choosing", choosing, rule),
        honest=tally_honest("honest", counting, rule),
        engines=tuple(
            tally_honest(variant.name, [np.concatenate(batches)], rule) for variant, batches in honest.items()
        ),
        cheats=tuple(
            tally_cheat(cell.name, cell.title, values, rule, band) for cell, values in cheats.items()
        ),
        inapplicable=inapplicable,
    )


def _variants(options: Options) -> list[Variant]:
    return variants(options.dtypes, options.devices, options.threads)


def _target(options: Options, variant: Variant) -> int:
    """Chunks of an honest engine: those that choose, and as many that count."""
    total = sum(SHARES[other.batch] for other in _variants(options))
    return -(-2 * options.chunks * SHARES[variant.batch] // total)


def _check(options: Options) -> None:
    for dtype in options.dtypes:
        if dtype not in DTYPES:
            raise ConfigError("dtype", f"{dtype!r} is not known", f"Use {', '.join(DTYPES)}")
    for device in options.devices:
        if device != "cpu" and not (device.startswith("cuda") and torch.cuda.is_available()):
            raise ConfigError("device", f"PyTorch finds no {device!r} here", "Leave it out, or name cpu")
    if options.out.suffix != ".toml":
        raise ConfigError(
            "out", f"{options.out} does not end in .toml", "Name a file such as thresholds.toml"
        )
    if not options.out.parent.is_dir():
        raise ConfigError("out", f"{options.out.parent} is no folder", "Make it first")


def _packages(shape: ModelShape) -> str:
    """What computes the model, by name and version."""
    torchs = f"PyTorch {torch.__version__}"
    return (
        f"{torchs}, transformers {version('transformers')}"
        if shape.architecture.startswith(PREFIX)
        else torchs
    )


def _read(key: str, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(key, f"cannot read {path} ({error.strerror})", "Check the path") from None


def _policy(key: str, path: Path, shape: ModelShape) -> Policy:
    data = _read(key, path)
    try:
        return policy_of(shape, checkpoint_from_bytes(data, layout_of(shape)))
    except Rejected as rejected:
        remedy = "Make it with the model of the plan"
        raise ConfigError(key, f"{path} is no checkpoint ({rejected})", remedy) from None


def _identity(options: Options, plan: TaskPlan, checkpoint: bytes) -> dict[str, Any]:
    """What the parts depend on: counts, headroom and kinds of engine may change, and the same parts serve."""
    return {
        "version": _PARTS_VERSION,
        "columns": list(NAMES),
        "checkpoint": sha256(checkpoint).hex(),
        "older": [sha256(_read("older", path)).hex() for path in options.older],
        "scope": dataclasses.asdict(plan.scope),
        "recipe": documents.to_plain(plan.spec.recipe),
        "problem_count": plan.terms.problem_count,
        "seed": options.seed,
        "student_steps": options.student_steps,
        "packages": _packages(plan.spec.model),
    }
