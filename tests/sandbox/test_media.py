"""Files in both directions."""

from __future__ import annotations

import base64
import hashlib
import socket
import struct
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import pytest

from tests.sandbox.wire import Wire
from weilink.sandbox import media
from weilink.sandbox.content import MEMORY
from weilink.sandbox.phone import Phone, PhoneError
from weilink.sandbox.process import SandboxProcess

KEY = bytes(range(16))
FILEKEY = "ab" * 16


def announce(wire: Wire, data: bytes, **changes: Any) -> dict[str, Any]:
    body = {
        "filekey": FILEKEY,
        "media_type": 3,
        "to_user_id": wire.phone.user_id(),
        "rawsize": len(data),
        "rawfilemd5": hashlib.md5(data).hexdigest(),
        "filesize": media.padded_size(len(data)),
        "aeskey": KEY.hex(),
        "no_need_thumb": True,
        **changes,
    }
    answer: dict[str, Any] = wire.post("getuploadurl", body).json()
    return answer


def upload(wire: Wire, param: str, data: bytes, filekey: str = FILEKEY) -> httpx.Response:
    return wire.http.post(
        f"/c2c/upload?encrypted_query_param={quote(param, safe='')}&filekey={filekey}",
        content=data,
        headers={"Content-Type": "application/octet-stream"},
    )


def send_file(wire: Wire, reference: str, key: bytes = KEY) -> int:
    encoded = base64.b64encode(key.hex().encode()).decode()
    carrier = {"encrypt_query_param": reference, "aes_key": encoded, "encrypt_type": 1}
    item = {"type": 4, "file_item": {"media": carrier, "file_name": "报告.pdf", "len": "1"}}
    ret: int = wire.send("", wire.context(), reference[:20], {"item_list": [item]})["ret"]
    return ret


@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 300_000, MEMORY + 1])
def test_a_file_goes_up_and_the_phone_reads_it(phone: Phone, wire: Wire, size: int) -> None:
    data = (b"0123456789abcde" * (size // 15 + 1))[:size]
    phone.write("send it")
    param = announce(wire, data)["upload_param"]
    answer = upload(wire, param, media.encrypt(data, KEY))
    assert answer.status_code == 200
    # A second try, as after a lost answer, gets the same reference.
    again = upload(wire, param, media.encrypt(data, KEY))
    assert again.headers["x-encrypted-param"] == answer.headers["x-encrypted-param"]
    assert send_file(wire, answer.headers["x-encrypted-param"]) == 0
    (shown,) = phone.wait_for(kind="file")
    assert shown.file_name == "报告.pdf"
    assert phone.content(shown) == data
    assert phone.lab.violations() == []


def test_two_fetch_a_large_file_at_once(wire: Wire) -> None:
    data = bytes(range(256)) * (MEMORY // 256) + b"the end"
    cipher = media.encrypt(data, KEY)
    reference = upload(wire, announce(wire, data)["upload_param"], cipher).headers[
        "x-encrypted-param"
    ]
    place = f"/c2c/download?encrypted_query_param={quote(reference, safe='')}"
    with wire.http.stream("GET", place) as one, wire.http.stream("GET", place) as other:
        pieces = zip(one.iter_raw(100_000), other.iter_raw(100_000), strict=True)
        both = [list(part) for part in zip(*pieces, strict=True)]
    assert [b"".join(part) == cipher for part in both] == [True, True]


def test_the_whole_upload_url_when_asked_for(phone: Phone, wire: Wire) -> None:
    phone.lab.set_options(upload_full_url=True)
    url = announce(wire, b"x")["upload_full_url"]
    assert url.startswith(phone.cdn_base_url)
    answer = wire.http.post(
        url,
        content=media.encrypt(b"x", KEY),
        headers={"Content-Type": "application/octet-stream"},
    )
    assert answer.headers["x-encrypted-param"]


def test_uploads_that_differ_from_the_announcement_are_refused(wire: Wire) -> None:
    param = announce(wire, b"x")["upload_param"]
    good = media.encrypt(b"x", KEY)
    for answer in (
        upload(wire, "unknown", good),
        upload(wire, param, good, filekey="cd" * 16),
        upload(wire, param, good + good),
    ):
        assert 400 <= answer.status_code < 500
        assert answer.headers["x-error-message"]
    missing = wire.http.get("/c2c/download?encrypted_query_param=unknown")
    assert (missing.status_code, bool(missing.headers["x-error-message"])) == (404, True)


@pytest.mark.parametrize(
    "changes", [{"media_type": 9}, {"aeskey": "zz"}, {"filekey": ""}, {"rawsize": "1"}]
)
def test_a_wrong_announcement_is_refused(wire: Wire, changes: dict[str, Any]) -> None:
    assert announce(wire, b"x", **changes)["ret"] == -2


@pytest.mark.parametrize(
    ("changes", "what"),
    [({"rawfilemd5": "0" * 32}, "rawfilemd5"), ({"aeskey": "11" * 16}, "not encrypted")],
)
def test_what_the_announcement_says_is_checked(
    phone: Phone, wire: Wire, changes: dict[str, Any], what: str
) -> None:
    upload(wire, announce(wire, b"x", **changes)["upload_param"], media.encrypt(b"x", KEY))
    assert what in phone.lab.violations()[0].what


def test_another_key_in_the_message_is_a_violation(phone: Phone, wire: Wire) -> None:
    phone.write("send it")
    param = announce(wire, b"x")["upload_param"]
    reference = upload(wire, param, media.encrypt(b"x", KEY)).headers["x-encrypted-param"]
    send_file(wire, reference, key=bytes(16))
    assert "not the key announced" in phone.lab.violations()[0].what
    with pytest.raises(PhoneError, match="padding"):
        phone.content(phone.wait_for(kind="file")[0])


@pytest.mark.parametrize("form", ["", "hex", "base64_raw", "base64_hex", "none"])
def test_the_phone_sends_a_picture_with_every_form_of_key(
    phone: Phone, wire: Wire, form: Any
) -> None:
    sent = phone.send_media("image", b"\x89PNG...", key_form=form)
    (item,) = wire.updates()["msgs"][0]["item_list"]
    reference = item["image_item"]["media"]["encrypt_query_param"]
    data = wire.http.get(f"/c2c/download?encrypted_query_param={quote(reference, safe='')}").content
    assert len(data) == item["image_item"]["mid_size"]
    key = media.key_of(item)
    assert (key is None) == (form == "none")
    assert (media.decrypt(data, key) if key else data) == b"\x89PNG..."
    assert phone.content(sent) == b"\x89PNG..."


def test_the_phone_sends_voice_video_and_files(phone: Phone, wire: Wire) -> None:
    phone.lab.set_options(media_full_url=True)
    phone.send_media("voice", b"#!SILK_V3", text="你好", duration_ms=1500)
    phone.send_media("video", b"mp4")
    phone.send_media("file", b"hello", file_name="a b.txt")
    voice, video, file = [message["item_list"][0] for message in wire.updates()["msgs"]]
    assert (voice["voice_item"]["text"], voice["voice_item"]["encode_type"]) == ("你好", 6)
    assert video["video_item"]["video_size"] == 16
    assert (file["file_item"]["file_name"], file["file_item"]["len"]) == ("a b.txt", "5")
    url = file["file_item"]["media"]["full_url"]
    key = media.key_of(file)
    assert key is not None
    assert media.decrypt(wire.http.get(url).content, key) == b"hello"


def test_a_client_that_goes_away_is_no_error(sandbox: SandboxProcess, phone: Phone) -> None:
    """Neither within an upload or another request, nor with a reset before a byte was sent."""
    host, port = urlsplit(phone.base_url).netloc.split(":")
    with socket.create_connection((host, int(port))) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    for path in ("/c2c/upload", "/ilink/bot/sendmessage"):
        head = f"POST {path} HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Length: 9\r\n\r\nx"
        with socket.create_connection((host, int(port))) as client:
            client.sendall(head.encode())
        phone.wait_until(lambda _, path=path: phone.lab.requests(path))  # type: ignore[misc]
        assert [one.status for one in phone.lab.requests(path)] == [None]
    assert sandbox.log_text() == ""
