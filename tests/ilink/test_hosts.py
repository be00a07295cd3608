from __future__ import annotations

import datetime
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import anyio.abc
import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from weilink.ilink import hosts
from weilink.ilink.cdn import Cdn, MediaError
from weilink.ilink.hosts import ForbiddenUrlError

pytestmark = pytest.mark.anyio

CONFIGURED = "https://novac2c.cdn.weixin.qq.com/c2c"
NAME = "media.cdn.weixin.qq.com"
URL = f"https://{NAME}/file?x=1"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


class Names:
    """A name server that gives the next of its answers each time it is asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> None:
        self.asked = 0
        self._answers = answers

        async def look_up(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
            self.asked += 1
            addresses = self._answers[min(self.asked, len(self._answers)) - 1]
            if not addresses:
                raise socket.gaierror("unknown name")
            return [(0, 0, 0, "", (address, port)) for address in addresses]

        monkeypatch.setattr("weilink.ilink.hosts.anyio.getaddrinfo", look_up)


async def fetched(requests: list[httpx.Request], broken: str = "") -> bytes:
    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        if request.url.host == broken:
            raise httpx.ConnectError("unreachable")
        return httpx.Response(200, content=body())

    async def body() -> AsyncIterator[bytes]:
        yield b"data"

    async with (
        httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http,
        Cdn(CONFIGURED, http).download(URL) as (_, pieces),
    ):
        return b"".join([piece async for piece in pieces])


async def test_connected_to_what_was_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The name server changes its mind right after the check, and is not asked again."""
    names = Names(monkeypatch, ["8.8.8.8"], ["127.0.0.1"])
    requests: list[httpx.Request] = []
    assert await fetched(requests) == b"data"
    (request,) = requests
    assert (request.url.host, request.url.path) == ("8.8.8.8", "/file")
    assert request.headers["host"] == NAME
    assert request.extensions["sni_hostname"] == NAME
    assert names.asked == 1
    with pytest.raises(ForbiddenUrlError, match="local"):
        await fetched(requests)
    assert len(requests) == 1


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.0.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0", "::1", "fe80::1%eth0",
     "fd00::1", "::ffff:127.0.0.1"],
)  # fmt: skip
async def test_one_local_address_is_enough(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    Names(monkeypatch, ["8.8.8.8", address])
    requests: list[httpx.Request] = []
    with pytest.raises(ForbiddenUrlError, match="local"):
        await fetched(requests)
    assert requests == []


async def test_the_next_address_when_one_cannot_be_reached(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Names(monkeypatch, ["2001:4860:4860::8888", "8.8.8.8", "8.8.4.4"])
    requests: list[httpx.Request] = []
    assert await fetched(requests, broken="8.8.8.8") == b"data"
    assert [request.url.host for request in requests] == ["8.8.8.8", "8.8.4.4"]


async def test_a_name_without_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    Names(monkeypatch, [], ["127.0.0.1"])
    requests: list[httpx.Request] = []
    with pytest.raises(MediaError, match="no address"):
        await fetched(requests)
    assert requests == []


async def test_behind_a_proxy_the_name_is_for_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:3128")
    for names in ([], ["8.8.8.8"], ["198.18.0.7"]):
        Names(monkeypatch, names)
        requests: list[httpx.Request] = []
        assert await fetched(requests) == b"data"
        assert requests[0].url == URL
    Names(monkeypatch, ["127.0.0.1"])
    with pytest.raises(ForbiddenUrlError):
        await fetched([])
    monkeypatch.setenv("no_proxy", ".weixin.qq.com")
    Names(monkeypatch, ["8.8.8.8"])
    requests = []
    await fetched(requests)
    assert requests[0].url.host == "8.8.8.8"


def certificate(folder: Path, name: str) -> Path:
    """Write a certificate that signs itself, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.timezone.utc)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{name}.pem"
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return path


@pytest.mark.parametrize("name", [NAME, "evil.example"])
async def test_tls_is_with_the_name_of_the_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """A real handshake: only who has the certificate of the name is believed."""
    path = certificate(tmp_path, name)
    server_side = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server_side.load_cert_chain(path)
    seen: list[str] = []

    async def serve(stream: anyio.abc.SocketStream) -> None:
        from anyio.streams.tls import TLSStream

        async with stream:
            try:
                tls = await TLSStream.wrap(stream, server_side=True, ssl_context=server_side)
                seen.append((await tls.receive()).decode())
                await tls.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndata")
            except (ssl.SSLError, anyio.BrokenResourceError, anyio.EndOfStream):
                return

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = listener.extra(anyio.abc.SocketAttribute.local_port)
    # Any port, and this computer in the place of the service.
    monkeypatch.setattr(hosts, "check_url", lambda url, configured: False)
    monkeypatch.setattr(hosts, "_FAKE_DNS", ipaddress.ip_network("127.0.0.0/8"))
    Names(monkeypatch, ["127.0.0.1"])
    trusting = ssl.create_default_context(cafile=str(path))
    async with (
        listener,
        httpx.AsyncClient(verify=trusting) as http,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(listener.serve, serve)
        here = Cdn(CONFIGURED, http).download(f"https://{NAME}:{port}/file")
        if name == NAME:
            async with here as (_, pieces):
                assert b"".join([piece async for piece in pieces]) == b"data"
            assert f"\r\nHost: {NAME}" in seen[0]
        else:
            with pytest.raises(MediaError, match=r"CERTIFICATE|certificate"):
                async with here:
                    pass
        tasks.cancel_scope.cancel()
