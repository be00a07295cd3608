"""The recv endpoint: what hook scripts ask, on a loopback port that only this user can find.

    POST /v1/hook/{agent}   the hook's input; answers what the hook prints, or 204
    POST /v1/ack/{claim}    the hook has printed it

An answer to a hook may carry `X-WeiLink-Claim` (to acknowledge), `X-WeiLink-Stream` (`stderr`)
and `X-WeiLink-Exit` (the exit code).
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from weilink.agents import VOICES
from weilink.service import Service
from weilink.service.claiming import ACKS
from weilink.store.files import private_folder, write_private

logger = logging.getLogger(__name__)

HOST = "127.0.0.1"
HAND_OVER = frozenset({"UserPromptSubmit", "SessionStart"})
"""Events at which an agent takes text from a hook into the model's context."""


class QuietServer(uvicorn.Server):
    """A uvicorn server that leaves the process's signals to whoever runs it."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Install nothing: several servers share this process."""
        yield


class RecvEndpoint:
    """Serves hooks while this process leads."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._run = service.settings.base_path / "run"
        self._secret = secrets.token_urlsafe(32)
        self._address = ""

    async def run(self) -> None:
        """Serve until cancelled."""
        private_folder(self._run / ACKS)
        with socket.create_server((HOST, 0), backlog=128) as listener:
            port = listener.getsockname()[1]
            self._address = f"{HOST}:{port}"
            config = uvicorn.Config(
                self._app(),
                log_config=None,
                access_log=False,
                lifespan="off",
                server_header=False,
                date_header=False,
                ws="none",
                # An agent that pauses between printing and acknowledging keeps its connection.
                timeout_keep_alive=30,
                timeout_graceful_shutdown=1,
            )
            # The kernel takes connections from here on, so whoever reads the file can connect.
            with self._announced(port):
                await _serve(QuietServer(config), listener)

    @contextmanager
    def _announced(self, port: int) -> Iterator[None]:
        """Tell hooks where this endpoint is, in a file that only this user can read."""
        path = self._run / "recv"
        line = f"{HOST} {port} {self._secret} {os.getpid()}\n"
        write_private(path, line)
        try:
            yield
        finally:
            _remove_if_ours(path, line)

    def _app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/v1/hook/{agent}", self._hook, methods=["POST"]),
                Route("/v1/ack/{claim}", self._acknowledge, methods=["POST"]),
            ]
        )

    def _refused(self, request: Request) -> bool:
        """Whether the request is not from a hook script of this user.

        The secret is enough; a browser names itself by `Origin`, a rebound name by `Host`.
        """
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        right = secrets.compare_digest(given.encode(), self._secret.encode())
        foreign = request.headers.get("host") != self._address or "origin" in request.headers
        return foreign or not right

    async def _hook(self, request: Request) -> Response:
        if self._refused(request):
            return PlainTextResponse("wrong secret", 403)
        agent = request.path_params["agent"]
        try:
            given = json.loads(await request.body())
            event = str(given["hook_event_name"])
            session = str(given.get("session_id", ""))
        except (ValueError, KeyError, TypeError, AttributeError):
            logger.warning("a hook of %s sent no valid input; nothing was handed over", agent)
            return PlainTextResponse("the body is not the input of a hook", 400)
        voice = VOICES.get(agent)
        if voice is None or event not in HAND_OVER:
            return Response(status_code=204)
        handover = await self._service.claims.envelope(f"{agent}:{session}", voice.CONTEXT_LIMIT)
        if handover is None:
            return Response(status_code=204)
        logger.info("handing messages over to %s session %s (%s)", agent, session, event)
        return PlainTextResponse(
            voice.prompt_context(event, handover.text),
            headers={"X-WeiLink-Claim": handover.claim_id},
        )

    async def _acknowledge(self, request: Request) -> Response:
        if self._refused(request):
            return PlainTextResponse("wrong secret", 403)
        await self._service.claims.acknowledge(request.path_params["claim"])
        return Response(status_code=204)


async def _serve(server: uvicorn.Server, listener: socket.socket) -> None:
    """Serve until cancelled, then let the event loop forget the listener before it is closed.

    A file descriptor that is closed behind the loop's back breaks the next socket that gets
    its number.
    """
    try:
        await server.serve(sockets=[listener])
    finally:
        with anyio.CancelScope(shield=True):
            await server.shutdown(sockets=[listener])


def _remove_if_ours(path: Path, line: str) -> None:
    try:
        if path.read_text("ascii") == line:
            path.unlink()
    except FileNotFoundError:
        pass  # somebody cleaned up; there is nothing left to withdraw
