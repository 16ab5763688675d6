"""Print how the trace and the dispute grow with the model: python benchmarks/referee/growth.py"""

from __future__ import annotations

from cupel.protocol.spec.referee.growth import growth
from cupel.protocol.spec.referee.llama import LlamaShape

SHAPES = {
    "0.5B": LlamaShape(24, 896, 14, 2, 64, 4_864, 1_000_000, 1000),
    "7B": LlamaShape(28, 3_584, 28, 4, 128, 18_944, 1_000_000, 1000),
    "32B": LlamaShape(64, 5_120, 40, 8, 128, 27_648, 1_000_000, 1000),
}


def main() -> None:
    """Print the table."""
    print(
        "| shape | tokens | rows | entries | bytes hashed | multiply-adds | levels: trace, row, sum | rounds |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for name, shape in SHAPES.items():
        for tokens in (64, 2_048, 32_768):
            one = growth(shape, tokens)
            levels = f"{one.trace_levels}, {one.row_levels}, {one.sum_levels}"
            print(
                f"| {name} | {tokens} | {one.rows:,} | {one.entries:.2e} | {one.hashed_bytes / 1e9:.2f} GB "
                f"| {one.multiply_adds:.1e} | {levels} | {one.rounds} |"
            )


if __name__ == "__main__":
    main()
