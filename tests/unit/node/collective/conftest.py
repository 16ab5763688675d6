import socket
from concurrent.futures import ThreadPoolExecutor

import pytest
from eth_account import Account

from cupel.node.collective.identity import new_identity, signed_member
from cupel.node.collective.member import CollectiveMember, Limits
from cupel.protocol.testing.waiting import HANG_SECONDS

# Where nobody is silent, nobody is taken for it: the machine may stand still for seconds.
LIMITS = Limits(start=HANG_SECONDS, call=HANG_SECONDS, frame=HANG_SECONDS)


class Ring:
    """Members in threads of one process, over loopback."""

    def __init__(self, count, limits=LIMITS, kinds=None, first_key=1, plain=False):
        self.members, self.roster = [], []
        for number in range(count):
            account = Account.from_key(bytes([number + first_key]) * 32)
            listener = socket.create_server(("127.0.0.1", 0))
            identity = new_identity(account.address)
            kind = (kinds or {}).get(number, CollectiveMember)
            self.roster.append(signed_member(account, identity, "127.0.0.1", listener.getsockname()[1]))
            self.members.append(kind(account.address.lower(), identity, listener, limits, plain))
        self.enter(1)

    def enter(self, round_index, ranks=None):
        ranks = range(len(self.members)) if ranks is None else ranks
        for rank in ranks:
            self.members[rank].enter(round_index, [self.roster[other] for other in ranks])

    def reduce(self, reduce, values, ranks=None):
        """Outcomes, or what was raised."""
        return self.each(lambda rank: self.members[rank].reduce(reduce, values[rank]), ranks)

    def each(self, work, ranks=None):
        ranks = range(len(self.members)) if ranks is None else ranks
        with ThreadPoolExecutor(len(ranks)) as pool:
            futures = [pool.submit(work, rank) for rank in ranks]
            return [future.exception() or future.result() for future in futures]

    def close(self):
        for member in self.members:
            member.close()


@pytest.fixture
def make_ring():
    """Makes rings, and closes them."""
    made = []

    def make(*args, **options):
        made.append(Ring(*args, **options))
        return made[-1]

    yield make
    for ring in made:
        ring.close()
