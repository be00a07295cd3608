"""The command, the process around it, and who is let in."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from urllib.parse import urlsplit

import httpx
import pytest

from tests.sandbox.wire import Wire
from weilink.errors import WeiLinkError
from weilink.sandbox.phone import Phone, PhoneError
from weilink.sandbox.process import SandboxProcess, running_sandbox

COMMAND = [sys.executable, "-m", "weilink", "sandbox"]
ENVIRONMENT = {**os.environ, "WEILINK_LANG": "en"}
posix = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")


def start(*options: str) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    return subprocess.Popen(
        [*COMMAND, *options], stdout=pipe, stderr=pipe, text=True, env=ENVIRONMENT
    )


@posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_says_how_to_use_it_and_ends_cleanly_on_a_signal(number: signal.Signals) -> None:
    process = start("-p", "0")
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(5)]
    (url,) = re.findall(r"http://127\.0\.0\.1:\d+", lines[0])
    assert f"WEILINK_ILINK_BASE_URL={url}\n" in lines[2]
    assert f"WEILINK_CDN_BASE_URL={url}/c2c\n" in lines[3]
    process.send_signal(number)
    rest, errors = process.communicate(timeout=10)
    assert (process.returncode, rest, errors) == (0, "", "")


@posix
def test_a_held_poll_does_not_keep_it_from_ending() -> None:
    process = start("-p", "0", "--json")
    assert process.stdout is not None
    urls = json.loads(process.stdout.readline())
    assert urls["cdn_base_url"] == f"{urls['base_url']}/c2c"
    with Phone(urls["base_url"]) as phone:
        path = f"/_sandbox/state?since={phone.state().version}&wait=60"
        address = ("127.0.0.1", urlsplit(phone.base_url).port or 0)
        with socket.create_connection(address) as held:
            held.sendall(f"GET {path} HTTP/1.1\r\n".encode())
            held.sendall(f"Host: 127.0.0.1:{address[1]}\r\n\r\n".encode())
            phone.state()
            started = time.monotonic()
            process.terminate()
            _, errors = process.communicate(timeout=10)
    assert (process.returncode, errors) == (0, "")
    assert time.monotonic() - started < 3


@pytest.mark.parametrize(("language", "word"), [("en", "--port 0"), ("zh", "--port 0")])
def test_a_taken_port_is_named_with_the_cure(language: str, word: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        process = subprocess.run(
            [*COMMAND, "--port", str(port)],
            capture_output=True,
            text=True,
            env={**ENVIRONMENT, "WEILINK_LANG": language},
        )
        assert process.returncode == 1
        assert process.stdout == ""
        assert str(port) in process.stderr
        assert word in process.stderr
        assert "Traceback" not in process.stderr
        with pytest.raises(WeiLinkError, match=str(port)):
            SandboxProcess.start(port=port)


def test_it_does_not_outlive_its_parent() -> None:
    sandbox = SandboxProcess.start()
    assert sandbox.process.stdin is not None
    sandbox.process.stdin.close()
    assert sandbox.process.wait(10) == 0
    with pytest.raises(PhoneError, match="does not answer"):
        sandbox.phone.state()
    sandbox.stop()


def test_options_are_set_at_the_start() -> None:
    with running_sandbox(longpoll_seconds=0.5, user="bob") as phone:
        assert phone.state().options["longpoll_seconds"] == 0.5
        assert phone.user_id() == "bob@im.wechat"
        assert phone.environment["WEILINK_ILINK_BASE_URL"] == phone.base_url


def test_no_token_and_no_text_in_the_log(sandbox: SandboxProcess, phone: Phone, wire: Wire) -> None:
    phone.write("a private word")
    wire.send("x", wire.context(), "c")
    wire.http.post("/ilink/bot/nonsense", content=b"{")
    wire.http.get("/c2c/download?encrypted_query_param=nothing")
    assert sandbox.log_text() == ""
    assert phone.lab.violations()[-1].what == "there is no such endpoint"


@pytest.mark.parametrize("path", ["/_sandbox/state", "/ilink/bot/getupdates", "/q/x", "/c2c/x"])
@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("Host", "evil.example"),
        ("Host", "evil.example:{port}"),
        ("Host", "127.0.0.1:1"),
        ("Host", "127.0.0.1.evil.example:{port}"),
        ("Origin", "http://evil.example"),
        ("Origin", "http://127.0.0.1:1"),
        ("Origin", "https://127.0.0.1:{port}"),
        ("Origin", "null"),
    ],
)
def test_a_foreign_host_or_origin_is_refused(
    phone: Phone, path: str, header: str, value: str
) -> None:
    port = str(urlsplit(phone.base_url).port)
    for method in ("GET", "POST"):
        answer = httpx.request(
            method,
            phone.base_url + path,
            headers={header: value.replace("{port}", port)},
            trust_env=False,
        )
        assert answer.status_code == 403


def test_its_own_pages_are_let_in(phone: Phone) -> None:
    for name in ("127.0.0.1", "localhost"):
        own = f"http://{name}:{urlsplit(phone.base_url).port}"
        url = f"{own}/_sandbox/state"
        assert httpx.get(url, headers={"Origin": own}, trust_env=False).status_code == 200


def test_it_listens_on_loopback_only(phone: Phone) -> None:
    addresses = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None)}
    for address in addresses - {"127.0.0.1", "::1"}:
        with (
            pytest.raises(OSError),
            socket.socket(socket.AF_INET6 if ":" in str(address) else socket.AF_INET) as outside,
        ):
            outside.settimeout(2)
            outside.connect((address, urlsplit(phone.base_url).port))
