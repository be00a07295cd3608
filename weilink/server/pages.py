"""The app on the admin port."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

import weilink
from weilink.server.host import Host


def admin_app(host: Host) -> Starlette:
    """Return the app that `--admin-port` serves, in the process of the MCP server.

    It shares that server's service (`host.service()`), so it sees changes at once and needs no
    second process. For now it says where it stands.
    """

    async def status(request: Request) -> PlainTextResponse:
        service = await host.service()
        names = ", ".join(session.name for session in service.logins.sessions()) or "none"
        return PlainTextResponse(
            f"WeiLink {weilink.__version__}\nbot sessions: {names}\n"
            "The admin panel is not part of this version yet; 'weilink status' shows more.\n"
        )

    return Starlette(routes=[Route("/", status)])
