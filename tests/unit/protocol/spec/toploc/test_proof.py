import pytest

from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.toploc.polynomial import PRIME
from cupel.protocol.spec.toploc.proof import Proof, decode_proof, from_base64, proof_bytes

GOOD = Proof((1, 2, 3, 4, 5, 6))


def reason_of(data: bytes, k: int) -> Reason:
    with pytest.raises(Rejected) as caught:
        decode_proof(data, k)
    return caught.value.reason


def test_bytes_are_modulus_then_coefficients_big_endian() -> None:
    assert Proof((0x0102, PRIME - 1)).to_bytes() == bytes.fromhex("ffd90102ffd8")
    assert proof_bytes(128) == 258


def test_decoding_reads_what_encoding_wrote() -> None:
    assert decode_proof(GOOD.to_bytes(), 6) == GOOD


@pytest.mark.parametrize("change", [b"", b"\xff", GOOD.to_bytes()[:-1], GOOD.to_bytes() + b"\0"])
def test_any_other_length_is_refused(change: bytes) -> None:
    assert reason_of(change, 6) is Reason.TOPLOC_LENGTH


@pytest.mark.parametrize("modulus", [0, 1, PRIME - 1, PRIME + 1, 0xFFFF])
def test_the_modulus_is_pinned(modulus: int) -> None:
    assert reason_of(modulus.to_bytes(2, "big") + GOOD.to_bytes()[2:], 6) is Reason.TOPLOC_MODULUS


@pytest.mark.parametrize("place", range(6))
@pytest.mark.parametrize("coefficient", [PRIME, 0xFFFF])
def test_no_polynomial_has_two_encodings(place: int, coefficient: int) -> None:
    data = bytearray(GOOD.to_bytes())
    data[2 + 2 * place : 4 + 2 * place] = coefficient.to_bytes(2, "big")
    assert reason_of(bytes(data), 6) is Reason.TOPLOC_COEFFICIENT


@pytest.mark.parametrize(
    "coefficients",
    [(0,) * 6, (0x4080, 0, 0, 0, 0, 0), (1, 2, 3, 0, 0, 0), (1, 2, 0, 0, 0), (0,)],
)
def test_an_empty_upper_half_is_refused(coefficients: tuple[int, ...]) -> None:
    assert reason_of(Proof(coefficients).to_bytes(), len(coefficients)) is Reason.TOPLOC_DEGENERATE


@pytest.mark.parametrize(
    "coefficients", [(1, 2, 3, 4, 5, 0), (0, 0, 0, 1, 0, 0), (0, 0, 0, 0, 0, 1), (1, 2, 3, 0, 0), (7,)]
)
def test_a_zero_at_the_top_is_honest_bad_luck(coefficients: tuple[int, ...]) -> None:
    proof = Proof(coefficients)
    assert decode_proof(proof.to_bytes(), len(coefficients)) == proof


def test_base64_is_the_standard_one() -> None:
    assert from_base64("/9kAAQAC/9g=") == bytes.fromhex("ffd900010002ffd8")
    assert from_base64("") == b""


@pytest.mark.parametrize(
    "text",
    [
        "/9k",
        "/9kAAQ=",
        "/9kAAR==",
        "/9k AAQA",
        "/9kAAQA\n",
        "-_-_",
        "/9kAAQA\u00e9",
        "====",
        "/9kA====",
        "\0\0\0\0",
    ],
)
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(Rejected) as caught:
        from_base64(text)
    assert caught.value.reason is Reason.TOPLOC_BASE64
