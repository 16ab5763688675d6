"""How we set up py-libp2p 0.8.1, and how we keep peers from ending it. Loads libp2p; for `gossip.py` alone.

All of it has to be said: the defaults accept unencrypted peers, beat every 120 s, rank peers without acting on it,
and drop a neighbour's messages above 10 a second.
"""

from __future__ import annotations

import logging
import math
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable
from typing import Any, Final

from libp2p import new_host
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.crypto.x25519 import create_new_key_pair as create_noise_key_pair
from libp2p.custom_types import TProtocol
from libp2p.network.config import ConnectionConfig
from libp2p.pubsub.gossipsub import GossipSub
from libp2p.pubsub.score import ScoreParams, TopicScoreParams
from libp2p.rcmgr.manager import ResourceLimits, new_resource_manager
from libp2p.security.noise.transport import PROTOCOL_ID as NOISE
from libp2p.security.noise.transport import Transport as NoiseTransport
from libp2p.stream_muxer.yamux.yamux import PROTOCOL_ID as YAMUX
from libp2p.stream_muxer.yamux.yamux import Yamux

logger = logging.getLogger(__name__)

# 1.2 costs 60 % more CPU and six times the latency of 1.1 (measured on 0.8.1).
GOSSIPSUB: Final = TProtocol("/meshsub/1.1.0")
HEARTBEAT_SECONDS: Final = 1
# The gossipsub specification's mesh degrees.
DEGREE, DEGREE_LOW, DEGREE_HIGH = 6, 4, 12
# A peer that connects is told what was said in the last ten heartbeats, and may ask for what it hears of in a minute.
GOSSIP_HEARTBEATS: Final = 10
HISTORY_HEARTBEATS: Final = 60
MESSAGES_PER_SECOND: Final = 100.0
MAX_CONNECTIONS: Final = 128
DIAL_SECONDS: Final = 5.0


def make_host(identity_seed: bytes) -> Any:
    """A host for outgoing and incoming TCP, encrypted by Noise and nothing less."""
    key_pair = create_new_key_pair(identity_seed)
    noise = NoiseTransport(key_pair, noise_privkey=create_noise_key_pair().private_key)
    host = new_host(
        key_pair=key_pair,
        sec_opt={NOISE: noise},
        muxer_opt={TProtocol(YAMUX): Yamux},
        connection_config=ConnectionConfig(
            max_connections=MAX_CONNECTIONS,
            high_watermark=MAX_CONNECTIONS,
            min_connections=0,
            low_watermark=0,
            dial_timeout=DIAL_SECONDS,
        ),
        resource_manager=new_resource_manager(
            limits=ResourceLimits(
                max_connections=MAX_CONNECTIONS, max_memory_mb=64, max_streams=8 * MAX_CONNECTIONS
            ),
            enable_metrics=False,
        ),
        disable_identify_address_discovery=True,
    )
    # Peers come from the chain alone: the library shall not dial whom it happens to remember.
    connector: Any = host.get_network()
    connector.auto_connector.maybe_connect = _dial_nobody
    return host


async def _dial_nobody() -> None:
    pass


def make_router() -> GossipSub:
    """A gossipsub 1.1 router that acts on what it thinks of its peers."""
    router = GossipSub(
        protocols=[GOSSIPSUB],
        degree=DEGREE,
        degree_low=DEGREE_LOW,
        degree_high=DEGREE_HIGH,
        heartbeat_interval=HEARTBEAT_SECONDS,
        gossip_window=GOSSIP_HEARTBEATS,
        gossip_history=HISTORY_HEARTBEATS,
        prune_back_off=10,
        score_params=ScoreParams(
            # Weighs against the peer when positive, contrary to the specification. Honest peers forward nothing
            # invalid: they run the same check.
            p4_invalid_messages=TopicScoreParams(weight=10.0, cap=100.0, decay=0.99),
            p5_behavior_penalty_weight=1.0,
            p5_behavior_penalty_decay=0.95,
            p5_behavior_penalty_threshold=10.0,
            gossip_threshold=-10.0,
            publish_threshold=-50.0,
            graylist_threshold=-80.0,
            accept_px_threshold=math.inf,
        ),
        # Both would act on one-machine and small networks: bad health makes the adaptive mode beat every 30 s,
        # and a mesh of one address is not an eclipse there.
        adaptive_gossip_enabled=False,
        eclipse_protection_enabled=False,
        max_messages_per_topic_per_second=MESSAGES_PER_SECOND,
    )
    # The adaptive mode's, which alone forgets the time of a message: without it they would be kept for ever.
    times: Any = router
    times.recent_message_deliveries = defaultdict(lambda: deque(maxlen=1))
    return router


def contained(function: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    """`function` without its errors.

    The library lets an error in the handling of one stream or message end the whole host: in 0.8.1 a single frame
    that is no protobuf does, from any peer that can connect.
    """

    async def contained(*arguments: Any) -> None:
        try:
            await function(*arguments)
        except Exception as error:
            logger.debug("a peer's stream or message failed: %r", error)

    return contained


def contained_tasks(run_task: Callable[..., None]) -> Callable[..., None]:
    """A service's `run_task` whose tasks end alone; its daemon tasks, without which it is nothing, still end it."""

    def run(
        function: Callable[..., Awaitable[None]], *arguments: Any, daemon: bool = False, **options: Any
    ) -> None:
        run_task(function if daemon else contained(function), *arguments, daemon=daemon, **options)

    return run
