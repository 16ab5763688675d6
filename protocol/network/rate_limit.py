"""How often one address may ask: a bucket of tokens for each, in bounded memory."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from cupel.protocol.network.upload_limit import TokenBucket

# A line of 10 Gb/s takes 1200 blocks of 1 MiB a second; several receivers may share an address.
REQUESTS_PER_SECOND: Final = 5_000.0
BURST_REQUESTS: Final = 10_000.0
# Addresses that are remembered; the one that asked longest ago is forgotten first, and starts afresh.
MAX_ADDRESSES: Final = 4096


class RateLimit:
    """The requests of each address; times are monotonic seconds."""

    def __init__(self, per_second: float = REQUESTS_PER_SECOND, burst: float = BURST_REQUESTS) -> None:
        self._per_second = per_second
        self._burst = burst
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()

    def ask(self, address: str, now: float, count: int = 1) -> float:
        """0.0 if the address may ask `count` times now, and it has; else the seconds until it may."""
        bucket = self._buckets.setdefault(
            address, TokenBucket(self._per_second, self._burst, self._burst, now)
        )
        self._buckets.move_to_end(address)
        if len(self._buckets) > MAX_ADDRESSES:
            self._buckets.popitem(last=False)
        return bucket.take_if_there(float(count), now)
