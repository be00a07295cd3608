"""The recv endpoint: what hook scripts ask, on a loopback port that only this user can find.

    POST /v1/hook/{agent}             the hook's input; answers what the hook prints, or 204
    POST /v1/hook/{agent}/{purpose}   the same for a hook that does something special
    POST /v1/ack/{claim}              the hook has printed it
    GET  /v1/state                    what this process does now, for `weilink status`

A hook names the agent's process and how that was started in `X-WeiLink-Agent`, and says with
`X-WeiLink-Again: 1` that it waited at another leader before. An answer may carry
`X-WeiLink-Claim` (to acknowledge), `X-WeiLink-Until` (not to be printed after this time of the
computer's monotonic clock), `X-WeiLink-Stream` (`stderr`) and `X-WeiLink-Exit` (the exit code).
"""

from __future__ import annotations

import logging
import os
import secrets
import socket
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from weilink.server.hooks import asking, turns
from weilink.server.hooks.chatting import Chatting
from weilink.server.hooks.flow import Flow
from weilink.server.hooks.given import HookCall, read_call
from weilink.server.hooks.noticing import Noticing
from weilink.server.hooks.queueing import Queueing
from weilink.server.hooks.telling import Telling
from weilink.server.hooks.turns import Answer
from weilink.server.hooks.waiting import EndingError, Waiters
from weilink.server.leader import PATH, state_of
from weilink.service import Service
from weilink.service.claiming import ACKS, LEASE_MS
from weilink.store.files import private_folder, write_private

logger = logging.getLogger(__name__)

HOST = "127.0.0.1"


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
        self._flow = Flow()
        self._waiters = Waiters(service, self._flow)
        self._chatting = Chatting(service)
        self._noticing = Noticing(service, self._flow)
        self._telling = Telling(service)
        self._purposes: dict[str, Callable[[HookCall], Awaitable[Answer | None]]] = {
            "": lambda call: turns.answer(service, self._flow, call, self._waiters.coming),
            "wake": self._waiters.answer,
            "approve": lambda call: asking.approve(service, call),
            "notify": self._noticing.answer,
        }
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
            await self._service.claims.collect_acks()
            await self._service.presence.load()
            await self._service.store.approvals.withdraw_all()
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._service.presence.run)
                tasks.start_soon(Queueing(self._service, self._flow).run)
                tasks.start_soon(self._service.commands.run)
                tasks.start_soon(self._noticing.run)
                tasks.start_soon(self._chatting.run)
                if self._service.settings.tell_absent:
                    tasks.start_soon(self._service.absence.run)
                # The kernel takes connections from here on, so whoever reads the file can connect.
                with self._announced(port):
                    await _serve(QuietServer(config), listener, self._waiters.close)

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
                Route("/v1/hook/{agent}/{purpose}", self._hook, methods=["POST"]),
                Route("/v1/ack/{claim}", self._acknowledge, methods=["POST"]),
                Route(PATH, self._state, methods=["GET"]),
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
        agent, purpose = request.path_params["agent"], request.path_params.get("purpose", "")
        call = read_call(agent, purpose, request.headers, await request.body())
        if call is None:
            logger.warning("a hook of %s sent no valid input; nothing was handed over", agent)
            return PlainTextResponse("the body is not the input of a hook", 400)
        if purpose not in self._purposes:
            return PlainTextResponse("this version knows no such hook", 404)
        await self._chatting.follow(call)
        await asking.follow(self._service, call)
        try:
            answer = await self._telling.beside(call, await self._answer(request, call))
        except EndingError:
            return PlainTextResponse("this process stops leading", 503)
        if answer is None:
            return Response(status_code=204)
        headers = {}
        if answer.claim_id:
            # A second before the lease is over: printing takes time, too.
            until = time.monotonic() + LEASE_MS / 1000 - 1
            headers = {"X-WeiLink-Claim": answer.claim_id, "X-WeiLink-Until": f"{until:.3f}"}
        if answer.wakes:
            headers |= {"X-WeiLink-Stream": "stderr", "X-WeiLink-Exit": "2"}
        return PlainTextResponse(answer.text, headers=headers)

    async def _answer(self, request: Request, call: HookCall) -> Answer | None:
        """Answer the hook; when it is gone before, what was claimed for it is free again."""
        answer: Answer | None = None
        gone = ending = False

        async def leave() -> None:
            nonlocal gone
            while (await request.receive())["type"] != "http.disconnect":
                pass
            gone = True
            tasks.cancel_scope.cancel()

        if call.purpose == "":
            return await self._purposes[""](call)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(leave)
            try:
                answer = await self._purposes[call.purpose](call)
            except EndingError:
                ending = True  # through the task group it would come out in an ExceptionGroup
            tasks.cancel_scope.cancel()
        if ending:
            raise EndingError
        if gone and answer is not None and answer.claim_id:
            await self._service.claims.release(answer.claim_id)
            return None
        return answer

    async def _state(self, request: Request) -> Response:
        if self._refused(request):
            return PlainTextResponse("wrong secret", 403)
        state = state_of(self._service, self._waiters.waiting())
        return Response(state.model_dump_json(), media_type="application/json")

    async def _acknowledge(self, request: Request) -> Response:
        if self._refused(request):
            return PlainTextResponse("wrong secret", 403)
        await self._service.claims.acknowledge(request.path_params["claim"])
        return Response(status_code=204)


async def _serve(
    server: uvicorn.Server, listener: socket.socket, closing: Callable[[], None]
) -> None:
    """Serve until cancelled, then let the event loop forget the listener before it is closed.

    A file descriptor that is closed behind the loop's back breaks the next socket that gets
    its number.
    """
    try:
        await server.serve(sockets=[listener])
    finally:
        closing()
        with anyio.CancelScope(shield=True):
            await server.shutdown(sockets=[listener])


def _remove_if_ours(path: Path, line: str) -> None:
    try:
        if path.read_text("ascii") == line:
            path.unlink()
    except FileNotFoundError:
        pass  # somebody cleaned up; there is nothing left to withdraw
