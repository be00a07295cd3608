"""Which addresses media may be fetched from: a URL that came over the network is not obeyed.

A message can name any URL. Following it blindly would let whoever wrote it make this computer
ask for pages inside the user's own network.
"""

from __future__ import annotations

import ipaddress
import socket

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


async def check_addresses(url: str) -> None:
    """Check that the host of `url` has no address on this computer or in a private network.

    Raises:
        ForbiddenUrlError: it has one.
    """
    host = httpx.URL(url).host
    try:
        found = await anyio.getaddrinfo(host, 443, type=socket.SOCK_STREAM)
    except OSError:
        # Behind a proxy names need not resolve here; without one the request itself fails.
        return
    for *_, address in found:
        ip = ipaddress.ip_address(str(address[0]).partition("%")[0])
        if not ip.is_global and ip not in _FAKE_DNS:
            raise ForbiddenUrlError(f"media is not fetched from {host}: its address {ip} is local")
