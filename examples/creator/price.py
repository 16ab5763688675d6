"""What plans cost, the cheapest first: python examples/creator/price.py one.toml two.toml"""

import sys

from cupel.sdk import load_plan, price_of

for path in sorted(sys.argv[1:], key=lambda path: price_of(load_plan(path)).bounty):
    price = price_of(load_plan(path))
    print(f"{path}: {price.bounty} for {price.units} rollouts, {price.nodes} nodes, gas {price.creator_gas}")
