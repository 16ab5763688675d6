"""keccak-256 is Ethereum's, whatever the length, and in every thread."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from eth_hash.auto import keccak

from cupel.protocol.spec.hashing import keccak256


def test_known_answers() -> None:
    assert keccak256(b"").hex() == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    assert keccak256(b"abc").hex() == "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"


def test_every_length_around_a_block_of_136_bytes() -> None:
    text = bytes(number * 7 % 256 for number in range(600))
    for length in range(600):
        assert keccak256(text[:length]) == bytes(keccak(text[:length])), length


def test_threads_do_not_disturb_each_other() -> None:
    messages = [bytes([number]) * (2000 + number) for number in range(8)]
    together = Barrier(len(messages))

    def hash_often(message: bytes) -> set[bytes]:
        together.wait()
        return {keccak256(message) for _ in range(200)}

    with ThreadPoolExecutor(len(messages)) as pool:
        assert list(pool.map(hash_often, messages)) == [{bytes(keccak(one))} for one in messages]
