"""The app on the admin port."""

from __future__ import annotations

import socket

from weilink.server.host import Host
from weilink.server.http import HttpServer
from weilink.web import EndingApp


def admin_app(host: Host) -> EndingApp:
    """Return the panel that `--admin-port` serves, in the process of the MCP server.

    It shares that server's service (`host.service()`), so it sees changes at once and needs no
    second process. It has a login of its own, so no token stands in front of it: a browser that
    follows a link could not send one. Call its `end` before the server stops.
    """
    from weilink.server import admin

    return EndingApp(admin.app(host))


def admin_server(app: EndingApp, listener: socket.socket, address: str) -> HttpServer:
    """Return the server of the panel on a listener at `address`."""
    from weilink.server import admin

    return HttpServer(app, listener, address, None, admin.STREAMS)
