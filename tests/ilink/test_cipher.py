from __future__ import annotations

import base64
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weilink.ilink.cipher import (
    Decryptor,
    Encryptor,
    KeyFormError,
    PaddingError,
    ciphertext_size,
    parse_key,
)

KEY = bytes(range(16))


def encrypted(data: bytes, steps: list[int]) -> bytes:
    encryptor, out = Encryptor(KEY), b""
    for piece in pieces(data, steps):
        out += encryptor.update(piece)
    return out + encryptor.finish()


def decrypted(data: bytes, steps: list[int]) -> bytes:
    decryptor, out = Decryptor(KEY), b""
    for piece in pieces(data, steps):
        out += decryptor.update(piece)
    return out + decryptor.finish()


def pieces(data: bytes, steps: list[int]) -> list[bytes]:
    found = []
    for step in steps:
        found.append(data[:step])
        data = data[step:]
    return [*found, data]


@given(st.binary(max_size=200), st.lists(st.integers(0, 60)), st.lists(st.integers(0, 60)))
def test_there_and_back_in_any_pieces(data: bytes, there: list[int], back: list[int]) -> None:
    cipher = encrypted(data, there)
    assert len(cipher) == ciphertext_size(len(data))
    assert decrypted(cipher, back) == data


@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 100_000])
def test_the_same_as_openssl(size: int) -> None:
    data = b"x" * size
    command = ["openssl", "enc", "-aes-128-ecb", "-K", KEY.hex()]
    done = subprocess.run(command, input=data, capture_output=True, check=True)
    assert encrypted(data, [7]) == done.stdout


@pytest.mark.parametrize("data", [b"", b"x" * 15, b"x" * 16, bytes(32)])
def test_damaged(data: bytes) -> None:
    with pytest.raises(PaddingError):
        decrypted(data, [])


def test_keys() -> None:
    assert parse_key("", KEY.hex()) == KEY
    assert parse_key(base64.b64encode(KEY).decode()) == KEY
    assert parse_key(base64.urlsafe_b64encode(KEY).decode().rstrip("=")) == KEY
    assert parse_key(base64.b64encode(KEY.hex().encode()).decode()) == KEY
    assert parse_key(base64.b64encode(bytes(16)).decode(), KEY.hex()) == KEY
    assert parse_key("") is None
    for encoded, direct in (("AAAA", ""), ("???", ""), ("", "zz"), ("", "00"), ("é", "")):
        with pytest.raises(KeyFormError):
            parse_key(encoded, direct)
