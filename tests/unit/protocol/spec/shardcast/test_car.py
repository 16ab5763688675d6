"""Archives, byte for byte."""

from cupel.protocol.spec.hashing import sha256
from cupel.protocol.spec.shardcast.car import car_bytes
from cupel.protocol.spec.shardcast.cid import Cid


def test_an_archive_is_what_the_standard_writer_makes() -> None:
    # From @ipld/car 5, the writer of js-ipfs and Helia, for the same root and blocks in the same order.
    short, long = b"block", bytes([7]) * 200
    root = Cid.raw_of(long)
    archive = car_bytes(root, [(Cid.raw_of(short), short), (root, long)])
    header = (
        "3aa265726f6f747381d82a5825000155122083ed56670125a357640623904bc0c1a17fdc835d75eef70363750f1a9c8ba724"
        "6776657273696f6e01"
    )
    assert archive.hex().startswith(header)
    assert len(archive) == 339
    assert sha256(archive).hex() == "1546c055bb6061bbb45e36af176f738472987f0620953321b118841c22e7304e"


def test_an_archive_of_nothing_is_its_header() -> None:
    assert len(car_bytes(Cid.raw_of(b"absent"), [])) == 59
