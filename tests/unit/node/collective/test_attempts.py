"""What members sign that they hold."""

from eth_account import Account

from cupel.node.collective.attempts import Attempts, ViewVoice
from cupel.node.collective.identity import Roster, new_identity, signed_member
from cupel.protocol.spec.collective.agreement import Held, View
from cupel.protocol.spec.collective.reduce import Operation, Reduce

REDUCE = Reduce(1, 2, 3, Operation.SUM, "int64", 4)
HELD = Held(b"\1" * 32, b"\2" * 32)


def voices(view):
    accounts = [Account.from_key(bytes([number]) * 32) for number in (1, 2)]
    identities = [new_identity(account.address) for account in accounts]
    roster = Roster(
        [
            signed_member(account, identity, "127.0.0.1", 1)
            for account, identity in zip(accounts, identities, strict=True)
        ]
    )
    return [
        ViewVoice(identity, Attempts(REDUCE, roster, account.address.lower(), identity), view)
        for account, identity in zip(accounts, identities, strict=True)
    ]


def test_before_the_first_attempt_nothing_can_be_held_and_nothing_is_signed():
    one, other = voices(View())
    assert one.say(None) == b""
    assert other.said(0, None, b"")
    assert not other.said(0, None, one.say(HELD))


def test_everything_else_is_signed():
    for view, held in ((View(), HELD), (View(1), None), (View(1), HELD)):
        one, other = voices(view)
        assert other.said(0, held, one.say(held))
        assert not other.said(0, held, b"")
        assert not other.said(0, held, other.say(held))
        assert not other.said(0, None if held else HELD, one.say(held))
