from __future__ import annotations

import os
import sys
import tempfile
import types
import wave
from pathlib import Path
from typing import IO

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.service.conftest import leading, stored, written
from weilink.errors import UsageError, WeiLinkError
from weilink.ilink.cdn import MediaError
from weilink.ilink.hosts import ForbiddenUrlError
from weilink.sandbox.phone import Phone
from weilink.service import Service, voices
from weilink.service.filetypes import mime_of
from weilink.service.names import safe_name
from weilink.service.parts import AnyPart, FilePart, ImagePart, TextPart, VideoPart, VoicePart
from weilink.store.models import PartState

pytestmark = pytest.mark.anyio

PNG = b"\x89PNG\r\n\x1a\n" + b"\x00\x00\x00\rIHDR" + bytes(range(200))
MP4 = b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom" + bytes(500)


@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 4096, 3 * 2**20 + 5])
async def test_file_goes_up_and_comes_back(
    service: Service, phone: Phone, tmp_path: Path, size: int
) -> None:
    data = os.urandom(size)
    path = tmp_path / "data.bin"
    path.write_bytes(data)
    told: list[tuple[int, int]] = []
    async with leading(service):
        await written(service, phone)
        result = await service.sender.send(
            phone.user_id(), [FilePart(path)], lambda done, total: told.append((done, total))
        )
        assert [part.state for part in result.parts] == [PartState.SENT]
        (seen,) = await anyio.to_thread.run_sync(lambda: phone.wait_for(kind="file"))
        assert phone.content(seen) == data
        assert seen.file_name == "data.bin"
        assert told[-1] == (size, size)

        sent = await anyio.to_thread.run_sync(
            lambda: phone.send_media("file", data, file_name="../../etc/报告 📎.bin")
        )
        await stored(service, sent.message_id)
        got = await service.media.download(sent.message_id, tmp_path / "in")
    assert got.path.read_bytes() == data
    assert (got.path, got.size) == (tmp_path / "in" / "报告 📎.bin", size)
    assert not list((service.store.base_path / "outbox").iterdir())


@pytest.mark.parametrize("form", ["hex", "base64_raw", "base64_hex", "none"])
async def test_every_form_of_key(service: Service, phone: Phone, form: str) -> None:
    async with leading(service):
        sent = await anyio.to_thread.run_sync(
            lambda: phone.send_media("image", PNG, key_form=form)  # type: ignore[arg-type]
        )
        await stored(service, sent.message_id)
        got = await service.media.download(sent.message_id)
        again = await service.media.download(sent.message_id)
    assert got.path.read_bytes() == again.path.read_bytes() == PNG
    assert got.mime == "image/png"
    assert got.path.suffix == ".png"
    assert again.path.name == f"{got.path.stem} (2).png"
    assert got.path.stat().st_mode & 0o777 == 0o600
    assert got.path.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("form", ["hex", "none"])
async def test_an_error_that_comes_as_success_is_no_picture(
    service: Service, phone: Phone, form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("weilink.service.media.PAUSE", 0.01)
    async with leading(service):
        sent = await anyio.to_thread.run_sync(
            lambda: phone.send_media("image", PNG, key_form=form)  # type: ignore[arg-type]
        )
        await stored(service, sent.message_id)
        phone.lab.fault("bad_json", "/c2c/download")
        phone.lab.fault("answer", "/c2c/download", {"ret": -1, "errmsg": "busy"})
        got = await service.media.download(sent.message_id, tmp_path)
        assert got.path.read_bytes() == PNG
        phone.lab.fault("answer", "/c2c/download", {"ret": -1, "errmsg": "gone"}, times=3)
        with pytest.raises(WeiLinkError, match=r"damaged|text"):
            await service.media.download(sent.message_id, tmp_path)
        assert [path async for path in anyio.Path(tmp_path).glob("*.p*")] == [got.path]


async def test_parts_of_one_call_keep_their_order(
    service: Service, phone: Phone, tmp_path: Path
) -> None:
    phone.lab.clear_journal()
    (tmp_path / "p.png").write_bytes(PNG)
    (tmp_path / "v.mp4").write_bytes(MP4)
    (tmp_path / "s.silk").write_bytes(b"\x02#!SILK_V3" + b"\x04\x00abcd" * 50)
    parts: list[AnyPart] = [
        TextPart("look"),
        ImagePart(tmp_path / "p.png"),
        FilePart(tmp_path / "p.png", "图 片.png"),
        VideoPart(tmp_path / "v.mp4"),
        VoicePart(tmp_path / "s.silk"),
    ]
    phone.lab.set_options(upload_full_url=True)
    async with leading(service):
        await written(service, phone)
        result = await service.sender.send(phone.user_id(), parts)
        assert [part.state.value for part in result.parts] == ["sent"] * 5
        assert result.replies_left == 5
        seen = await anyio.to_thread.run_sync(lambda: phone.wait_for(count=5))
    assert [one.kind for one in seen] == ["text", "image", "file", "video", "voice"]
    assert seen[2].file_name == "图 片.png"
    assert seen[4].items[0]["voice_item"]["playtime"] == 1000
    assert phone.lab.violations() == []


async def test_upload_survives_faults_of_the_media_service(
    service: Service, phone: Phone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("weilink.ilink.cdn.PAUSE", 0.01)
    monkeypatch.setattr("weilink.service.media.PAUSE", 0.01)
    (tmp_path / "a.txt").write_text("x" * 100_000)
    async with leading(service):
        await written(service, phone)
        phone.lab.fault("status", "/c2c/upload", 503)
        phone.lab.fault("drop", "/c2c/upload")
        result = await service.sender.send(phone.user_id(), [FilePart(tmp_path / "a.txt")])
        assert [part.state.value for part in result.parts] == ["sent"]
        sent = await anyio.to_thread.run_sync(
            lambda: phone.send_media("file", b"y" * 100_000, file_name="y.txt")
        )
        await stored(service, sent.message_id)
        phone.lab.fault("half", "/c2c/download")
        phone.lab.fault("status", "/c2c/download", 502)
        got = await service.media.download(sent.message_id)
        assert got.path.read_bytes() == b"y" * 100_000
        phone.lab.fault("status", "/c2c/download", 404)
        with pytest.raises(MediaError, match="404"):
            await service.media.download(sent.message_id)
    assert [p.name for p in got.path.parent.iterdir()] == ["y.txt"]


async def test_limit(service: Service, phone: Phone, tmp_path: Path) -> None:
    limit = service.settings.media_limit_mib * 2**20
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(limit + 1)
    async with leading(service):
        await written(service, phone)
        with pytest.raises(UsageError, match="media_limit_mib"):
            await service.sender.send(phone.user_id(), [TextPart("x"), FilePart(path)])
        assert phone.chat(author="bot") == []
        service.media._limit = 1000
        for size, good in ((1000, True), (1001, False)):
            sent = phone.send_media("file", bytes(size), file_name="f")
            await stored(service, sent.message_id)
            if good:
                assert (await service.media.download(sent.message_id)).size == size
            else:
                with pytest.raises(MediaError, match="media_limit_mib"):
                    await service.media.download(sent.message_id)


async def test_own_files_and_credentials_are_never_sent(
    service: Service, phone: Phone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    (home / ".claude").mkdir(parents=True)
    (home / ".codex").mkdir()
    monkeypatch.setenv("HOME", str(home))
    base = service.store.base_path
    token = base / "default" / "token.json"
    secrets = [
        token,
        base / "weilink.db",
        home / ".claude" / ".credentials.json",
        home / ".claude.json",
        home / ".claude" / "backups" / ".claude.json.backup.1",
        home / ".claude.json.backup",
        home / ".codex" / "auth.json",
        home / ".ssh" / "id_ed25519",
        home / ".config" / "Claude" / "claude_desktop_config.json",
        home / ".netrc",
        tmp_path / "elsewhere" / ".credentials.json",
    ]
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / "elsewhere"))
    for secret in secrets:
        if not secret.exists():
            secret.parent.mkdir(parents=True, exist_ok=True)
            secret.write_text("secret")
    (tmp_path / "link").symlink_to(token)
    (tmp_path / "folder").symlink_to(base)
    os.link(token, tmp_path / "hard")
    os.link(home / ".ssh" / "id_ed25519", tmp_path / "hard key")
    os.link(home / ".codex" / "auth.json", tmp_path / "hard auth")
    os.mkfifo(tmp_path / "pipe")
    disguised = [
        tmp_path / "hard key",
        tmp_path / "hard auth",
        Path("/proc/self/environ"),
        Path(f"/proc/self/root{token}"),
        Path("/sys/kernel/profiling"),
        Path("~nobody-of-this-name/x"),
        tmp_path / "link",
        tmp_path / "folder" / "default" / "token.json",
        tmp_path / "hard",
        base / ".." / base.name / "weilink.db",
        tmp_path / "pipe",
        tmp_path,
        tmp_path / "missing",
    ]
    async with leading(service):
        await written(service, phone)
        for path in [*secrets, *disguised]:
            for part in (FilePart(path), FilePart(path, "innocent.txt")):
                with pytest.raises(UsageError):
                    await service.sender.send(phone.user_id(), [TextPart("x"), part])
    assert phone.chat(author="bot") == []
    assert not list((base / "outbox").glob("*"))


async def test_only_allowed_folders(service: Service, phone: Phone, tmp_path: Path) -> None:
    allowed = tmp_path / "out"
    allowed.mkdir()
    (allowed / "a").write_text("a")
    (tmp_path / "b").write_text("b")
    (allowed / "link").symlink_to(tmp_path / "b")
    service.sender._preparer._sendable._folders = [allowed]
    async with leading(service):
        await written(service, phone)
        await service.sender.send(phone.user_id(), [FilePart(allowed / "a")])
        for path in (tmp_path / "b", allowed / "link", allowed / ".." / "b"):
            with pytest.raises(UsageError, match="may not be sent"):
                await service.sender.send(phone.user_id(), [FilePart(path)])


async def test_kind_is_found_from_the_content(
    service: Service, phone: Phone, tmp_path: Path
) -> None:
    (tmp_path / "fake.png").write_text("no picture")
    async with leading(service):
        await written(service, phone)
        for part in (
            ImagePart(tmp_path / "fake.png"),
            VideoPart(tmp_path / "fake.png"),
            VoicePart(tmp_path / "fake.png"),
        ):
            with pytest.raises(UsageError, match="text/plain"):
                await service.sender.send(phone.user_id(), [part])


async def test_foreign_addresses_are_not_fetched(service: Service, phone: Phone) -> None:
    urls = [
        "http://169.254.169.254/latest/meta-data",
        "http://127.0.0.1:1/secret",
        "https://localhost/secret",
        "https://evil.example/x",
        "https://weixin.qq.com.evil.example/x",
        "http://novac2c.cdn.weixin.qq.com/c2c/x",
        "https://novac2c.cdn.weixin.qq.com:8443/x",
        "https://user@novac2c.cdn.weixin.qq.com/x",
        "file:///etc/passwd",
        f"{phone.base_url.replace('127.0.0.1', 'localhost')}/c2c/x",
        "not a url",
        "https://[::1]/x",
    ]
    async with leading(service):
        for url in urls:
            item = {"type": 2, "image_item": {"media": {"full_url": url}}}
            message = await anyio.to_thread.run_sync(phone.write_items, [item])
            await stored(service, message.message_id)
            with pytest.raises(ForbiddenUrlError):
                await service.media.download(message.message_id)


async def test_file_is_taken_when_it_is_sent(
    service: Service, phone: Phone, tmp_path: Path
) -> None:
    """Queued files go out as they were, although the original changed and went."""
    path = tmp_path / "report.txt"
    path.write_text("as it was")
    async with leading(service):
        await written(service, phone)
        for n in range(10):
            await service.sender.send_text(phone.user_id(), f"reply {n}")
        result = await service.sender.send(phone.user_id(), [FilePart(path)])
        assert [(p.state.value, bool(p.reason)) for p in result.parts] == [("queued", True)]
        path.unlink()
        await written(service, phone, "more")
        (seen,) = await anyio.to_thread.run_sync(lambda: phone.wait_for(kind="file"))
    assert phone.content(seen) == b"as it was"


async def test_bad_messages_tell_why(
    service: Service, phone: Phone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("weilink.service.media.PAUSE", 0.01)
    async with leading(service):
        text = await written(service, phone)
        with pytest.raises(UsageError, match="no file"):
            await service.media.download(text)
        with pytest.raises(UsageError, match="no message"):
            await service.media.download("1")
        sent = phone.send_media("file", b"data", file_name="f.txt")
        await stored(service, sent.message_id)
        item = phone.chat(author="user", kind="file")[0].items[0]
        item["file_item"]["media"]["aes_key"] = "AAAAAAAAAAAAAAAAAAAAAA=="
        wrong = phone.write_items([item])
        await stored(service, wrong.message_id)
        with pytest.raises(WeiLinkError, match=r"damaged.*ask for it to be sent again"):
            await service.media.download(wrong.message_id)
        (tmp_path / "file").write_text("")
        with pytest.raises(UsageError, match="no folder"):
            await service.media.download(sent.message_id, tmp_path / "file" / "x")
        with pytest.raises(UsageError, match="own"):
            await service.media.download(sent.message_id, service.store.base_path)


async def test_voice_becomes_wav_and_back(service: Service, phone: Phone, tmp_path: Path) -> None:
    """With the optional library; without it SILK stays SILK."""
    if not voices.can_convert():
        async with leading(service):
            await written(service, phone)
            sent = phone.send_media("voice", b"\x02#!SILK_V3" + b"\x04\x00abcd" * 50)
            await stored(service, sent.message_id)
            got = await service.media.download(sent.message_id)
            assert (got.mime, got.path.suffix) == ("audio/silk", ".silk")
            with wave.open(str(tmp_path / "v.wav"), "wb") as wav:
                wav.setparams((1, 2, 24000, 0, "NONE", ""))
                wav.writeframes(bytes(2000))
            with pytest.raises(UsageError, match="silk-python"):
                await service.sender.send(phone.user_id(), [VoicePart(tmp_path / "v.wav")])
        return
    with wave.open(str(tmp_path / "v.wav"), "wb") as wav:
        wav.setparams((1, 2, 24000, 0, "NONE", ""))
        wav.writeframes(b"\x00\x10" * 48000)
    async with leading(service):
        await written(service, phone)
        result = await service.sender.send(phone.user_id(), [VoicePart(tmp_path / "v.wav")])
        assert result.parts[0].state is PartState.SENT
        (seen,) = await anyio.to_thread.run_sync(lambda: phone.wait_for(kind="voice"))
        assert seen.items[0]["voice_item"]["playtime"] == 2000
        sent = phone.send_media("voice", phone.content(seen))
        await stored(service, sent.message_id)
        got = await service.media.download(sent.message_id)
    assert (got.mime, got.path.suffix) == ("audio/wav", ".wav")
    with wave.open(str(got.path)) as back:
        assert back.getnframes() / back.getframerate() == pytest.approx(2.0, abs=0.1)


async def test_voice_with_no_room_for_temporary_files(
    service: Service, phone: Phone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is saved needs room where it is saved, and nowhere else."""

    def copy(source: IO[bytes], target: IO[bytes], *_: object) -> None:
        target.write(source.read())

    stand_in = types.SimpleNamespace(decode=copy, encode=copy)
    monkeypatch.setitem(sys.modules, "pysilk", stand_in)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "full"))
    with wave.open(str(tmp_path / "v.wav"), "wb") as wav:
        wav.setparams((1, 2, 24000, 0, "NONE", ""))
        wav.writeframes(bytes(2000))
    async with leading(service):
        sent = phone.send_media("voice", b"\x02#!SILK_V3" + b"\x04\x00abcd" * 50)
        await stored(service, sent.message_id)
        got = await service.media.download(sent.message_id, tmp_path / "in")
        assert (got.mime, got.path.suffix) == ("audio/wav", ".wav")
        assert [path.name async for path in anyio.Path(tmp_path / "in").iterdir()] == [
            got.path.name
        ]
        with pytest.raises(WeiLinkError, match=r"room in the folder for temporary files, TMPDIR"):
            await service.sender.send(phone.user_id(), [VoicePart(tmp_path / "v.wav")])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("报告 📎.pdf", "报告 📎.pdf"),
        ("../../etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("C:\\Windows\\x.txt", "x.txt"),
        ("C:x.txt", "C_x.txt"),
        ("a\x00b\n\x1b[31mc.txt", "ab[31mc.txt"),
        ("\u202egnp.exe", "gnp.exe"),
        ("CON", "_CON"),
        ("nul.txt", "_nul.txt"),
        ("COM1.tar.gz", "_COM1.tar.gz"),
        (".bashrc", "bashrc"),
        ("...", "file"),
        ("", "file"),
        ("   ", "file"),
        ("/", "file"),
        ("-rf", "_rf"),
        ("x. . ", "x"),
        ("a" * 300 + ".pdf", "a" * 176 + ".pdf"),
        ("长" * 300 + ".pdf", "长" * 58 + ".pdf"),
        ("half\ud83d.txt", "half.txt"),
        ("CON\u200b.txt", "_CON.txt"),
        ("\u3164", "file"),
        ("a\u2800\u115fb\u034f.txt", "ab.txt"),
        ("\ufe0f", "file"),
        ("❤\ufe0f.png", "❤\ufe0f.png"),
    ],
)
def test_safe_names(name: str, expected: str) -> None:
    assert safe_name(name, "file") == expected


@given(st.text())
def test_any_name_is_one_harmless_component(name: str) -> None:
    safe = safe_name(name, "file")
    assert 0 < len(safe.encode()) <= 200
    assert Path(safe).name == safe
    assert safe == safe_name(safe, "file")
    assert not set(safe) & set('/\\:*?"<>|\x00')


@pytest.mark.parametrize(
    ("head", "name", "expected"),
    [
        (b"BMW sells cars", "report.txt", "text/plain"),
        (b"hello", "report.pdf", "text/plain"),
        (b"hello", "a.zip", "text/plain"),
        (b"hello", "a.docx", "text/plain"),
        (b'{"a": 1}', "a.json", "application/json"),
        (b"%PDF-1.7\n", "a.txt", "application/pdf"),
        (b"PK\x03\x04\x14\0", "report.pdf", "application/zip"),
        (b"PK\x03\x04\x14\0", "a.exe", "application/zip"),
        (b"PK\x03\x04\x14\0", "a.epub", "application/epub+zip"),
        (
            b"PK\x03\x04\x14\0",
            "a.docx",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        ),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0", "a.doc", "application/msword"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0", "a.pdf", "application/octet-stream"),
        ("报告，你好".encode("gbk"), "a.txt", "text/plain"),
        (b"", "a.png", "application/octet-stream"),
        (b"", "a.txt", "text/plain"),
        (PNG, "a.jpg", "image/png"),
    ],
)
def test_type_is_that_of_the_content(head: bytes, name: str, expected: str) -> None:
    assert mime_of(head, name) == expected


async def test_no_place_for_a_file_is_told_in_a_sentence(
    service: Service, phone: Phone, tmp_path: Path
) -> None:
    async with leading(service):
        await written(service, phone)
        sent = phone.send_media("file", b"data", file_name="x.txt")
        await stored(service, sent.message_id)
        service.media.default_folder.write_text("no folder")
        with pytest.raises(WeiLinkError, match=r"cannot save in .*downloads"):
            await service.media.download(sent.message_id)
        service.media.default_folder.unlink()
        service.media.default_folder.symlink_to(tmp_path / "nowhere" / "at all")
        with pytest.raises(WeiLinkError, match=r"cannot save in .*downloads"):
            await service.media.download(sent.message_id)
        # Nothing can be made here, not even by root.
        with pytest.raises(WeiLinkError, match="cannot save in /proc"):
            await service.media.download(sent.message_id, Path("/proc/self"))
        (tmp_path / "a.txt").write_text("a")
        outbox = service.store.base_path / "outbox"
        outbox.rmdir() if outbox.exists() else None
        outbox.write_text("no folder")
        with pytest.raises(WeiLinkError, match=r"room for it in .*outbox"):
            await service.sender.send(phone.user_id(), [FilePart(tmp_path / "a.txt")])
    assert phone.chat(author="bot") == []


async def test_a_file_system_without_hard_links(
    service: Service, phone: Phone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    async with leading(service):
        sent = phone.send_media("file", b"data", file_name="x.txt")
        await stored(service, sent.message_id)
        monkeypatch.setattr(os, "link", refuse)
        for name in ("x.txt", "x (2).txt"):
            got = await service.media.download(sent.message_id, tmp_path / "in")
            assert (got.path.name, got.path.read_bytes()) == (name, b"data")
        monkeypatch.setattr(Path, "replace", refuse)
        with pytest.raises(WeiLinkError, match="cannot save"):
            await service.media.download(sent.message_id, tmp_path / "in")
    # Neither a part nor an empty file stays behind.
    names = [path.name async for path in anyio.Path(tmp_path / "in").iterdir()]
    assert sorted(names) == ["x (2).txt", "x.txt"]


async def test_what_a_killed_download_left_is_removed(
    service: Service, phone: Phone, tmp_path: Path
) -> None:
    async with leading(service):
        sent = phone.send_media("file", b"data", file_name="x.txt")
        await stored(service, sent.message_id)
        names = (".weilink-old.part", ".weilink-new.part", "my.part", ".weilink-old.txt")
        for name in names:
            (tmp_path / name).write_text("left")
            if "new" not in name:
                os.utime(tmp_path / name, (1, 1))
        await service.media.download(sent.message_id, tmp_path)
    left = [path.name async for path in anyio.Path(tmp_path).iterdir() if await path.is_file()]
    assert sorted(left) == sorted({*names, "x.txt"} - {".weilink-old.part"})


async def test_names_never_overwrite(service: Service, phone: Phone, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "x.txt").symlink_to(tmp_path / "elsewhere")
    async with leading(service):
        for n, data in enumerate((b"one", b"two", b"three")):
            sent = phone.send_media("file", data, file_name="x.txt")
            await stored(service, sent.message_id)
            got = await service.media.download(sent.message_id, tmp_path / "in")
            assert got.path.name == f"x ({n + 2}).txt"
            assert got.path.read_bytes() == data
    assert not (tmp_path / "elsewhere").exists()
