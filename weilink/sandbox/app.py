"""The whole sandbox as one ASGI application."""

from __future__ import annotations

from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from weilink.sandbox.cdn import CdnError
from weilink.sandbox.content import Content
from weilink.sandbox.control import Control
from weilink.sandbox.control_chat import ChatControl
from weilink.sandbox.guard import Guard
from weilink.sandbox.ilink import ILink
from weilink.sandbox.layers import FaultLayer, Recorder
from weilink.sandbox.pages import PhonePage
from weilink.sandbox.world import World
from weilink.web import StrictHeaders


def build(world: World) -> ASGIApp:
    """Return the application of a world: guarded, recorded, with faults in front of the work."""
    routes = [
        *ILink(world).routes(),
        *_cdn_routes(world),
        *PhonePage(world).routes(),
        *Control(world).routes(),
        *ChatControl(world).routes(),
    ]
    starlette = Starlette(routes=routes)
    work = Recorder(FaultLayer(StrictHeaders(starlette), world), world)
    return Guard(work, world.base_url)


def _cdn_routes(world: World) -> list[Route]:
    def error(problem: CdnError) -> Response:
        return Response(status_code=problem.status, headers={"x-error-message": str(problem)})

    async def upload(request: Request) -> Response:
        query, data = request.query_params, Content()
        async for piece in request.stream():
            data.add(piece)
        if request.headers.get("content-type") != "application/octet-stream":
            world.journal.violation("/c2c/upload", "Content-Type is not application/octet-stream")
        try:
            reference = world.cdn.upload(
                query.get("encrypted_query_param", ""), query.get("filekey", ""), data
            )
        except CdnError as problem:
            return error(problem)
        world.changes.notify()
        return Response(headers={"x-encrypted-param": reference})

    async def download(request: Request) -> Response:
        try:
            data = world.cdn.download(request.query_params.get("encrypted_query_param", ""))
        except CdnError as problem:
            return error(problem)

        async def pieces() -> AsyncIterator[bytes]:
            # So that the connection's buffer does not hold the whole file.
            for piece in data.pieces():
                yield piece

        return StreamingResponse(
            pieces(),
            media_type="application/octet-stream",
            headers={"content-length": str(data.size)},
        )

    return [
        Route("/c2c/upload", upload, methods=["POST"]),
        Route("/c2c/download", download, methods=["GET"]),
    ]
