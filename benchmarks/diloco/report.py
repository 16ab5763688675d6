"""The results as a page: every row that ran, then every claim with its verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from trials import FLOAT_BYTES, Config, Result, Setting

Results = dict[str, dict[int, Result]]

BASELINE, ONE = "synchronous data parallel", "one worker"
HALF = "H=20, momentum 1/2"
FEW, TWO = "4 large workers", "2 workers"
STEADY = "outer rate 1/2, momentum 4/5"
# Below this many outer rounds a run says nothing about DiLoCo, so no claim is made of it.
LEAST_ROUNDS = 80


@dataclass(frozen=True)
class Claim:
    """`row` loses at most `percent` more than `control` (over the seeds both have)."""

    text: str
    row: str
    control: str
    percent: float
    nats: float | None = None
    """Instead of percent: the largest absolute difference."""


CLAIMS = [
    Claim("H=20 tracks data parallel within 2 %", "H=20", BASELINE, 2),
    Claim("H=50 tracks data parallel within 5 %", "H=50", BASELINE, 5),
    Claim("the same with 4 workers of 4 times the batch: H=20", f"{FEW}: H=20", f"{FEW}: {BASELINE}", 2),
    Claim("the same with 4 workers of 4 times the batch: H=50", f"{FEW}: H=50", f"{FEW}: {BASELINE}", 5),
    Claim("H=20 with outer rate 1/2 and momentum 4/5", f"{FEW}: H=20, {STEADY}", f"{FEW}: {BASELINE}", 2),
    Claim("H=50 with these", f"{FEW}: H=50, {STEADY}", f"{FEW}: {BASELINE}", 5),
    Claim("H=20 is better than one worker", "H=20", ONE, 0),
    Claim("H=50 is better than one worker", "H=50", ONE, 0),
    Claim("loss grows with H: 10 and 20", "H=10", "H=20", 0),
    Claim("loss grows with H: 20 and 50", "H=20", "H=50", 0),
    Claim("Nesterov beats plain averaging", "H=50", "H=50, plain averaging", 0),
    Claim("int8 is free, within 0.01 nats", "H=50, int8", "H=50", 0, 0.01),
    Claim("int4 is nearly free, within 0.01 nats", "H=50, int4", "H=50", 0, 0.01),
    Claim("sparse-8 is better than one worker", "H=20, sparse-8, plain averaging", ONE, 0),
    Claim("the same with momentum 9/10", "H=20, sparse-8", ONE, 0),
    Claim(
        "471x fewer bytes (H=20, sparse-16) within 1.4 %", "H=20, sparse-16, plain averaging", BASELINE, 1.4
    ),
    Claim("376x fewer bytes (H=50, int4) within 1.4 %", "H=50, int4", BASELINE, 1.4),
    Claim("30 % dropped updates cost less than 2 %", "H=50, 30 % dropped", "H=50", 2),
    Claim("ring at momentum 1/2 within 2 % of the full mean", f"{HALF}, ring", HALF, 2),
    Claim("random pairs at momentum 1/2 within 2 % of the full mean", f"{HALF}, pair", HALF, 2),
    Claim("expander at momentum 1/2 within 2 % of the full mean", f"{HALF}, expander", HALF, 2),
    Claim("small-world at momentum 1/2 within 2 % of the full mean", f"{HALF}, small-world", HALF, 2),
    Claim("ring at momentum 9/10 within 2 % of the full mean", "H=20, ring", "H=20", 2),
    Claim("a tenth of the round overlapped costs less than 2 %", "H=50, overlap 5", "H=50", 2),
    Claim("a fifth", "H=50, overlap 10", "H=50", 2),
    Claim("a whole round", "H=50, overlap 50", "H=50", 2),
]

INT4, SPARSE = "H=100, int4", "H=100, sparse-8, plain averaging"

LARGE_CLAIMS = [
    Claim("753x fewer bytes (H=100, int4) within 1.4 %", INT4, BASELINE, 1.4),
    Claim("the same with the outer rate of Streaming DiLoCo", f"{INT4}, outer rate 2/5", BASELINE, 1.4),
    Claim("753x with 2 workers of twice the batch", f"{TWO}: {INT4}", f"{TWO}: {BASELINE}", 1.4),
    Claim(
        "the same with the outer rate of Streaming DiLoCo",
        f"{TWO}: {INT4}, outer rate 2/5",
        f"{TWO}: {BASELINE}",
        1.4,
    ),
    Claim("376x fewer bytes (H=50, int4) within 1.4 %", "H=50, int4", BASELINE, 1.4),
    Claim("int4 is nearly free, within 0.01 nats", INT4, "H=100", 0, 0.01),
    Claim("more than 2,000x fewer bytes (H=100, sparse-8) within 5 %", SPARSE, BASELINE, 5),
    Claim("the same with momentum 1/2", "H=100, sparse-8, momentum 1/2", BASELINE, 5),
    Claim("the same with 2 workers of twice the batch", f"{TWO}: {SPARSE}", f"{TWO}: {BASELINE}", 5),
    Claim("sparse-16 every 50 steps within 5 %", "H=50, sparse-16, plain averaging", BASELINE, 5),
    Claim("30 % dropped updates cost less than 2 %", f"{INT4}, 30 % dropped", INT4, 2),
    Claim("H=100, int4 is better than one worker", INT4, ONE, 0),
]

LONG_CLAIMS = [
    Claim(
        "404x fewer bytes (H=54, int4) within 1.4 %, 2 workers",
        f"{TWO}: H=54, int4, {STEADY}",
        f"{TWO}: {BASELINE}",
        1.4,
    ),
    Claim(
        "753x (H=100)",
        f"{TWO}: H=100, int4, {STEADY}",
        f"{TWO}: {BASELINE}",
        1.4,
    ),
    Claim("404x with 4 workers", f"H=54, int4, {STEADY}", BASELINE, 1.4),
    Claim("the same with 0.7 and 9/10", "H=54, int4", BASELINE, 1.4),
    Claim("the same with the outer rate of Streaming DiLoCo", "H=54, int4, outer rate 2/5", BASELINE, 1.4),
    Claim("the same with momentum 1/2", "H=54, int4, momentum 1/2", BASELINE, 1.4),
    Claim(
        "1,999x fewer bytes (H=54, sparse-8) within 5 %, 2 workers",
        f"{TWO}: H=54, sparse-8, momentum 1/2",
        f"{TWO}: {BASELINE}",
        5,
    ),
    Claim("3,724x (H=100)", f"{TWO}: H=100, sparse-8, momentum 1/2", f"{TWO}: {BASELINE}", 5),
    Claim("1,999x with 4 workers", "H=54, sparse-8, momentum 1/2", BASELINE, 5),
    Claim("H=54, int4 is better than one worker", "H=54, int4", ONE, 0),
]


def report(configs: Sequence[Config], results: Results, setting: Setting, claims: Sequence[Claim]) -> str:
    """The whole page."""
    shape, most = setting.shape, max(configs, key=lambda row: row.workers)
    few = (
        "Large workers see four times the characters"
        if setting.name == "small"
        else "Of 2, each sees twice as many"
    )
    command = "python benchmarks/diloco/table.py"
    table = "" if setting.name == "small" else f" --table {setting.name}"
    lines = [
        "# Local training, measured",
        "",
        f"`{command} run{table}`, then `show` prints this page. `{setting.file}` holds the runs; one",
        "that is there is not repeated; one that names a machine ran there.",
        "",
        f"A character transformer of {shape.parameters:,} parameters on {setting.text}, from scratch;",
        f"{most.workers} workers, {setting.steps:,} inner steps each of {most.batch * shape.context:,} characters,"
        f" AdamW. {few}.",
        "Outer Nesterov 0.7 / 0.9 unless the row says otherwise. Rates were not tuned per row. Loss in",
        "nats a character on held-out files, of the canonical version. Sent: bytes a worker uploads per inner step;",
        "the reduction is against float32 gradients in every step. With neighbours only, float32 weights go to each of",
        "them, and the graph is drawn anew each round.",
        "",
        "| run | loss by seed | to data parallel | outer rounds | sent per step | reduction | replica spread |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [_row(config, results, setting) for config in configs if config.name in results]
    missing = [config.name for config in configs if config.name not in results]
    single = [config.name for config in configs if len(results.get(config.name, ())) == 1]
    lines += [
        "",
        f"Not run: {'; '.join(missing) or 'nothing'}. One seed only: {'; '.join(single) or 'none'}.",
        "",
        "| claim | difference | verdict |",
        "|---|---|---|",
    ]
    return "\n".join(lines + [_verdict(claim, results) for claim in claims])


def _row(config: Config, results: Results, setting: Setting) -> str:
    runs = results[config.name]
    one = next(iter(runs.values()))
    per_step = one.bytes_per_worker / setting.steps
    cells = (
        config.name,
        " / ".join(f"{result.loss:.4f}" for _, result in sorted(runs.items())),
        _percent(_relative(results, config.name, _baseline(config.name))),
        str(one.rounds) if one.rounds else "",
        f"{per_step:,.0f}" if per_step else "0",
        f"{FLOAT_BYTES * setting.shape.parameters / per_step:,.0f}x" if one.rounds else "",
        f"{one.spread:.4f}" if config.topology != "full" else "",
    )
    return "| " + " | ".join(cells) + " |"


def _baseline(name: str) -> str:
    """Data parallel with the same workers."""
    group, _, _ = name.rpartition(": ")
    return f"{group}: {BASELINE}" if group else BASELINE


def _relative(results: Results, row: str, control: str) -> float | None:
    """Percent by which the mean loss exceeds the control's, over the seeds both have."""
    pairs = _pairs(results, row, control)
    if not pairs:
        return None
    return 100 * (sum(own for own, _ in pairs) / sum(other for _, other in pairs) - 1)


def _pairs(results: Results, row: str, control: str) -> list[tuple[float, float]]:
    own, other = results.get(row, {}), results.get(control, {})
    return [(own[seed].loss, other[seed].loss) for seed in sorted(own.keys() & other.keys())]


def _percent(value: float | None) -> str:
    return "" if value is None else f"{value:+.1f} %"


def _verdict(claim: Claim, results: Results) -> str:
    pairs, relative = _pairs(results, claim.row, claim.control), _relative(results, claim.row, claim.control)
    if relative is None:
        return f"| {claim.text} |  | not run |"
    nats = sum(own - other for own, other in pairs) / len(pairs)
    met = abs(nats) <= claim.nats if claim.nats is not None else relative <= claim.percent
    rounds = min(result.rounds for result in results[claim.row].values())
    verdict = "met" if met else "**not met**"
    if rounds < LEAST_ROUNDS:
        verdict = f"no claim: {rounds} rounds"
    elif len(pairs) == 1:
        verdict += ", one seed"
    shown = f"{nats:+.4f} nats" if claim.nats is not None else _percent(relative)
    return f"| {claim.text} | {shown} | {verdict} |"
