"""`cupel calibrate`: the thresholds of a task, from measurement."""

from __future__ import annotations

import json as json_text
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from cupel.protocol.config import ConfigError, EnvironmentProblem

if TYPE_CHECKING:
    from cupel.verifier.calibration.document import Calibration

EXIT_REFUSES_HONEST: Final = 1
EXIT_INTERRUPTED: Final = 130

app = typer.Typer(invoke_without_command=True, subcommand_metavar="")


@app.callback()
def calibrate(
    checkpoint: Annotated[Path, typer.Option(help="Checkpoint file of the policy.")],
    plan: Annotated[Path, typer.Option(help="TOML plan of the task; its own thresholds do not matter.")],
    out: Annotated[
        Path, typer.Option(help="File of criteria to write; the picture goes beside it as .html.")
    ] = Path("thresholds.toml"),
    chunks: Annotated[
        int, typer.Option(help="Honest chunks that count; as many again choose the limits.", min=1)
    ] = 100_000,
    cheat_chunks: Annotated[int, typer.Option(help="Chunks of each cheat.", min=1)] = 2_000,
    seed: Annotated[int, typer.Option(help="Seed of problems, sampling and training.", min=0)] = 0,
    headroom: Annotated[
        int, typer.Option(help="Percent by which a limit lies beyond the honest maximum.", min=0)
    ] = 25,
    dtype: Annotated[
        list[str] | None,
        typer.Option(
            help="Number format that honest nodes may compute in, float32 by default; repeat for more."
        ),
    ] = None,
    device: Annotated[
        list[str] | None, typer.Option(help="Device to measure; by default the processor and any GPU.")
    ] = None,
    threads: Annotated[
        list[int] | None, typer.Option(help="Thread count to measure; 1 and 2 by default.", min=1)
    ] = None,
    older: Annotated[
        list[Path] | None, typer.Option(help="Checkpoint of an earlier version: one more cheat.")
    ] = None,
    student_steps: Annotated[
        int, typer.Option(help="Training steps of the smaller model that imitates the policy.", min=1)
    ] = 300,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep the parts: another headroom then needs no new measurement.")
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", help="One JSON object on standard output, progress on standard error.")
    ] = False,
) -> None:
    """Measure how far honest work lies from its recomputation and how far cheats lie, and write thresholds between.

    Interrupted, it keeps what it measured beside --out, and the same command goes on there. Exit code 1 if the limits
    refuse an honest chunk that did not choose them.

    Example: cupel calibrate --checkpoint genesis.safetensors --plan task.toml --out thresholds.toml
    """
    # PyTorch takes seconds to load; `--help` must not.
    import torch

    from cupel.verifier.calibration.run import Options, calibrate

    torch.set_num_threads(1)
    devices = ("cpu", "cuda") if torch.cuda.is_available() else ("cpu",)
    options = Options(
        checkpoint=checkpoint,
        plan=plan,
        out=out,
        chunks=chunks,
        cheat_chunks=cheat_chunks,
        seed=seed,
        headroom_percent=headroom,
        student_steps=student_steps,
        dtypes=tuple(dtype or ["float32"]),
        devices=tuple(device or devices),
        threads=tuple(threads or [1, 2]),
        older=tuple(older or []),
        keep=keep,
    )
    try:
        calibration = calibrate(options, progress_to(sys.stderr.isatty()))
    except KeyboardInterrupt:
        print(f"cupel: stopped; the same command goes on from {options.parts}", file=sys.stderr)
        raise typer.Exit(EXIT_INTERRUPTED) from None
    except (ConfigError, EnvironmentProblem) as error:
        if json:
            print(json_text.dumps({"error": str(error)}), flush=True)
        raise
    if json:
        print(json_text.dumps(calibration.as_dict()), flush=True)
    else:
        print(summary(calibration))
        print(f"criteria  {options.out}\npicture   {options.picture}")
    raise typer.Exit(EXIT_REFUSES_HONEST if calibration.honest.refused else 0)


def progress_to(is_terminal: bool) -> Callable[[str, int, int], None]:
    """Progress on standard error: one line that changes on a terminal, a line per population elsewhere."""

    def tell(title: str, done: int, target: int) -> None:
        text = f"{title}: {done} of {target} chunks"
        if is_terminal:
            print(f"\r\x1b[K{text}", end="" if done < target else "\n", file=sys.stderr, flush=True)
        elif done >= target:
            print(text, file=sys.stderr, flush=True)

    return tell


def summary(calibration: Calibration) -> str:
    """What was found, for a terminal."""
    from cupel.verifier.calibration.audits import AUDIT_CHUNKS

    row, limits = calibration.honest, calibration.rule.limits
    lines = [
        f"limits: {limits['exponent']} exponents, mantissa mean {limits['mean']} and median {limits['median']} "
        f"thousandths, sampling {limits['sampling']} millionths",
        f"pooled over {AUDIT_CHUNKS} chunks or more: {calibration.rule.audit_limits['pooled']} millionths",
        f"honest: {row.refused} of {row.chunks} chunks refused (at most {row.refused_bound:.2e} of all, 95 %), "
        f"{row.audits_refused['pooled']} of {row.audits} audits by the pooled error "
        f"(at most {row.pooled_refused_bound:.2e})",
        "",
        f"{'cheat':<52} {'chunks':>7} {'true':>7} {'accepted':>8} {'paper':>7} {'deployed':>8} {'audits':>6} "
        f"{'accepted':>8}  verdict",
    ]
    for cheat in calibration.cheats:
        lines.append(
            f"{cheat.title:<52} {cheat.chunks:>7} {cheat.true_chunks:>7} {cheat.accepted:>8} "
            f"{cheat.accepted_by_paper:>7} {cheat.accepted_by_deployed:>8} {cheat.audits:>6} "
            f"{cheat.audits_accepted:>8}  {cheat.verdict}"
        )
    return "\n".join(lines)
