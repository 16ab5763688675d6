"""A creator's whole life: python examples/creator/life.py creator.toml task.toml genesis.safetensors weights-out"""

import asyncio
import sys

from cupel.sdk import Creator, load_plan, price_of


async def main(settings: str, plan: str, genesis: str, policy: str) -> None:
    """From the plan to the refund."""
    wanted = load_plan(plan)
    print(price_of(wanted))
    async with Creator(settings) as creator:
        task = await creator.create(wanted, genesis, start_in_seconds=5)
        async for progress in task.watch():
            print(progress)
        print("version", await task.download(policy))
        print("refund", await task.refund())


asyncio.run(main(*sys.argv[1:]))
