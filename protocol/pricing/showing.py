"""A bill on standard output."""

from __future__ import annotations

import asyncio
import json as json_text
from collections.abc import Coroutine
from typing import Any

from cupel.protocol.pricing.steps import Bill
from cupel.protocol.waiting import waiting


def show(asking: Coroutine[Any, Any, Bill], as_json: bool) -> None:
    """Ask and print."""
    with waiting("asking the chain"):
        bill = asyncio.run(asking)
    print(json_text.dumps(bill.plain()) if as_json else "\n".join(bill.lines()))
