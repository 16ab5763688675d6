"""What came last is known, and what came before is forgotten in its order."""

from cupel.protocol.recent import Recent


def test_the_longest_here_makes_room() -> None:
    recent = Recent(2)
    for digest in (b"1", b"2", b"1", b"3"):
        recent.add(digest)
    assert [digest in recent for digest in (b"1", b"2", b"3")] == [False, True, True]


def test_what_is_forgotten_may_come_again() -> None:
    recent = Recent(2)
    recent.add(b"1")
    recent.discard(b"1")
    recent.discard(b"absent")
    assert b"1" not in recent
    recent.add(b"1")
    assert b"1" in recent
