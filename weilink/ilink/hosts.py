"""Which addresses media may be fetched from: a URL that came over the network is not obeyed.

A message can name any URL. Following it blindly would let whoever wrote it make this computer
ask for pages inside the user's own network.
"""

from __future__ import annotations

import ipaddress
import socket
import urllib.request
from dataclasses import dataclass

import anyio
import httpx

from weilink.ilink.errors import ILinkError

SERVICE_DOMAIN = ".weixin.qq.com"
"""The service's own hosts are below it (ilinkai, novac2c.cdn, ...)."""
# Proxies that answer DNS themselves hand out these addresses for every name.
_FAKE_DNS = ipaddress.ip_network("198.18.0.0/15")


class ForbiddenUrlError(ILinkError):
    """A URL of a message points to where media is not fetched from."""


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    default = {"https": 443, "http": 80}.get(url.scheme)
    return url.scheme, url.host.lower(), url.port or default


def check_url(url: str, configured: str) -> bool:
    """Check a media URL; return whether its host is the configured one.

    Allowed are the origin of `configured` (the CDN of the settings, which may be on loopback)
    and https on the usual port of the service's own hosts.

    Raises:
        ForbiddenUrlError: it is anything else.
    """
    try:
        parsed = httpx.URL(url)
        if _origin(parsed) == _origin(httpx.URL(configured)) and not parsed.userinfo:
            return True
    except (httpx.InvalidURL, ValueError, TypeError):
        raise ForbiddenUrlError("the message names a media address that is no URL") from None
    host = parsed.host.lower().rstrip(".")
    own = host.endswith(SERVICE_DOMAIN) and parsed.scheme == "https"
    if not own or parsed.port not in (None, 443) or parsed.userinfo:
        raise ForbiddenUrlError(
            f"media is not fetched from {parsed.scheme}://{host[:100]}: it is no host of WeChat"
        )
    return False


@dataclass(frozen=True)
class Target:
    """Where a request for media goes: an address that was checked, under the name of its host."""

    url: httpx.URL
    headers: dict[str, str]
    extensions: dict[str, str]


async def targets(url: str, configured: str) -> list[Target]:
    """Return what to connect to for `url`, in the order to try; see `check_url`.

    The name of a host of the service is looked up here, once: a name server that answers
    differently when the connection is made (DNS rebinding) is not asked again. TLS and the
    service still see the name. Behind a proxy it is the proxy that connects.

    Raises:
        ForbiddenUrlError: it may not be fetched from, or one of its addresses is local.
        OSError: the host has no address.
    """
    as_it_is = [Target(httpx.URL(url), {}, {})]
    if check_url(url, configured):
        return as_it_is
    host = httpx.URL(url).host.rstrip(".")
    behind_proxy = _behind_proxy(host)
    try:
        found = await anyio.getaddrinfo(host, 443, type=socket.SOCK_STREAM)
    except OSError:
        if behind_proxy:
            return as_it_is
        raise
    addresses = list(dict.fromkeys(str(address[0]).partition("%")[0] for *_, address in found))
    for address in addresses:
        ip = ipaddress.ip_address(address)
        if not ip.is_global and ip not in _FAKE_DNS:
            raise ForbiddenUrlError(f"media is not fetched from {host}: its address {ip} is local")
    if behind_proxy:
        return as_it_is
    # IPv4 first: a host with both is nowhere out of reach then.
    addresses.sort(key=lambda address: ":" in address)
    return [
        Target(httpx.URL(url).copy_with(host=address), {"Host": host}, {"sni_hostname": host})
        for address in addresses
    ]


def _behind_proxy(host: str) -> bool:
    proxies = urllib.request.getproxies()
    known = proxies.get("https") or proxies.get("all")
    return bool(known) and not urllib.request.proxy_bypass(host)
