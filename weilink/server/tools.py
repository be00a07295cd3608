"""The MCP tools. Each signature and docstring is the tool's schema and description."""

from __future__ import annotations

import base64
import inspect
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Annotated, Any, Literal, ParamSpec, TypeVar

import anyio
import anyio.abc
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import CallToolResult, ImageContent, TextContent, ToolAnnotations
from pydantic import BaseModel, Field

from weilink.errors import WeiLinkError
from weilink.ilink.login import Login, LoginState
from weilink.qr import qr_png
from weilink.server.results import (
    Done,
    HistoryResult,
    LoginResult,
    MessageOut,
    RecvResult,
    SendOut,
    SessionOut,
    SessionsResult,
)
from weilink.service import Service
from weilink.service.times import moment
from weilink.store.history import Query
from weilink.store.models import Claim, Direction

_P = ParamSpec("_P")
_R = TypeVar("_R")

ACK_AFTER = 0.2
"""Seconds from a tool's return to the acknowledgement of the messages in its result. When the
client is gone by then, the server ends first, and the messages are handed out again."""

POLL_EVERY = 1.0
"""Seconds between two questions for the state of a login (client 2.4.9)."""


def told(
    tool: Callable[_P, Coroutine[Any, Any, _R]],
) -> Callable[_P, Coroutine[Any, Any, _R]]:
    """Turn the errors that a user can understand into tool errors with the same sentence."""

    @wraps(tool)
    async def wrapper(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        try:
            return await tool(*args, **kwargs)
        except WeiLinkError as error:
            raise ToolError(str(error)) from error

    return wrapper


class Tools:
    """The tools over one service. `tasks` runs what goes on after a tool has returned."""

    def __init__(self, service: Service, tasks: anyio.abc.TaskGroup, reader: str) -> None:
        self._service = service
        self._tasks = tasks
        self._reader = reader
        self._logins: dict[str, Login] = {}
        self._unacknowledged: set[str] = set()

    @told
    async def recv(
        self,
        timeout: Annotated[float, Field(ge=0, le=3600, description="seconds to wait")] = 5.0,
    ) -> RecvResult:
        """Get new WeChat messages, oldest first. Waits up to `timeout` seconds for one to come.

        Each message is handed out once. Empty when there is nothing new.
        """
        claim = await self._service.claims.receive(f"mcp:{self._reader}", timeout)
        return self._handed_over(claim)

    @told
    async def send(
        self,
        to: Annotated[str, Field(description="the `from` of the message you answer")],
        text: Annotated[str, Field(description="Markdown is shown by WeChat in part")] = "",
    ) -> SendOut:
        """Send a message to a WeChat user who wrote to this bot. Long text is split.

        Tells for each part whether it was sent, queued (and why) or failed. WeChat takes ten
        messages for each message of the user, so prefer one message to many. Messages that came
        in meanwhile are returned with the result.
        """
        result = await self._service.sender.send_text(to, text)
        new = await self._service.claims.receive(f"mcp:{self._reader}", 0)
        return SendOut.of(result, self._handed_over(new).messages)

    @told
    async def history(
        self,
        user_id: str = "",
        bot_id: str = "",
        msg_type: Literal["", "TEXT", "IMAGE", "VOICE", "FILE", "VIDEO"] = "",
        direction: Literal["", "received", "sent"] = "",
        since: Annotated[str, Field(description="ISO 8601, or milliseconds since 1970")] = "",
        until: Annotated[str, Field(description="ISO 8601, or milliseconds since 1970")] = "",
        text_contains: Annotated[str, Field(description="case-insensitive")] = "",
        limit: Annotated[int, Field(ge=1, le=200)] = 50,
        offset: Annotated[int, Field(ge=0)] = 0,
    ) -> HistoryResult:
        """Search the messages of all conversations, received and sent, newest first."""
        page = await self._service.store.history.find(
            Query(
                user_id=user_id,
                bot_id=bot_id,
                msg_type=msg_type,
                direction=Direction(direction) if direction else None,
                since=moment("since", since),
                until=moment("until", until),
                text_contains=text_contains,
                limit=limit,
                offset=offset,
            )
        )
        messages = [MessageOut.of(message) for message in page.messages]
        return HistoryResult(messages=messages, total=page.total, limit=limit, offset=offset)

    @told
    async def sessions(self) -> SessionsResult:
        """List the WeChat bots that this computer is logged in as."""
        default = await self._service.logins.default()
        found = []
        for session in self._service.logins.sessions():
            state = await self._service.store.bots.get(session.bot_id)
            found.append(
                SessionOut(
                    name=session.name,
                    bot_id=session.bot_id,
                    connected=not state.problem,
                    default=session.name == default,
                    problem=state.problem,
                )
            )
        return SessionsResult(sessions=found)

    @told
    async def login(
        self,
        session_name: Annotated[str, Field(description="empty: the default session")] = "",
        timeout: Annotated[float, Field(ge=0, le=300, description="seconds to wait")] = 30.0,
        force: Annotated[bool, Field(description="log in anew although logged in")] = False,
    ) -> Annotated[CallToolResult, LoginResult]:
        """Log a WeChat bot in. The first call returns a QR code that the user scans in WeChat.

        Show the user the code (or `qr_url`), then call again until the status is `confirmed`.
        """
        name = await self._service.logins.name_for_login(session_name)
        attempt = self._logins.get(name)
        if attempt is None:
            existing = self._service.logins.find(name)
            if existing is not None and not force:
                return _shown(
                    LoginResult(
                        status="confirmed",
                        session_name=name,
                        bot_id=existing.bot_id,
                        next_step="Already logged in; force=true would log in anew.",
                    )
                )
            attempt = self._service.logins.begin(self._service.client_for_login())
            await attempt.start()
            self._logins[name] = attempt
            return _shown(_standing(name, attempt), picture=attempt.qr_url)
        await self._wait_for_news(attempt, timeout)
        if attempt.state is LoginState.CONFIRMED and attempt.credentials:
            session = await self._service.logins.complete(name, attempt.credentials)
            del self._logins[name]
            return _shown(
                LoginResult(
                    status="confirmed",
                    session_name=name,
                    bot_id=session.bot_id,
                    next_step="Done. The user can write to the bot in WeChat now.",
                )
            )
        if attempt.state in (LoginState.EXPIRED, LoginState.ALREADY_BOUND):
            del self._logins[name]
        return _shown(_standing(name, attempt))

    @told
    async def logout(self, session_name: str = "") -> Done:
        """Log a bot out and remove its credentials from this computer. Its history stays."""
        session = await self._service.logins.logout(session_name)
        return Done(message=f"bot session '{session.name}' is logged out")

    @told
    async def rename_session(self, old_name: str, new_name: str) -> Done:
        """Give a bot session another name."""
        await self._service.logins.rename(old_name, new_name)
        return Done(message=f"bot session '{old_name}' is called '{new_name}' now")

    @told
    async def set_default(self, session_name: str) -> Done:
        """Choose the bot session that is used when none is named."""
        await self._service.logins.set_default(session_name)
        return Done(message=f"'{session_name}' is the default bot session now")

    @staticmethod
    async def _wait_for_news(attempt: Login, timeout: float) -> None:
        before = attempt.state
        with anyio.move_on_after(timeout):
            while True:
                if await attempt.poll() not in (before, LoginState.PENDING):
                    return
                await anyio.sleep(POLL_EVERY)

    def _handed_over(self, claim: Claim | None) -> RecvResult:
        if claim is None:
            return RecvResult(messages=[], waiting=0)
        self._unacknowledged.add(claim.id)
        self._tasks.start_soon(self._acknowledge_soon, claim.id)
        messages = [MessageOut.of(message) for message in claim.messages]
        return RecvResult(messages=messages, waiting=claim.waiting)

    async def _acknowledge_soon(self, claim_id: str) -> None:
        await anyio.sleep(ACK_AFTER)
        await self._service.claims.acknowledge(claim_id)
        self._unacknowledged.discard(claim_id)

    async def acknowledge_all(self) -> None:
        """Acknowledge what clients have received: the server ends in good order."""
        for claim_id in self._unacknowledged:
            await self._service.claims.acknowledge(claim_id)


def register(server: MCPServer[Any], current: Callable[[], Tools]) -> None:
    """Register the tools. `current` gives the `Tools` of the running server."""
    reads = ToolAnnotations(
        read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False
    )
    # Handing out consumes: a second call returns other messages.
    consumes = ToolAnnotations(
        read_only_hint=False, destructive_hint=False, idempotent_hint=False, open_world_hint=True
    )
    changes = ToolAnnotations(
        read_only_hint=False, destructive_hint=False, idempotent_hint=True, open_world_hint=False
    )
    removes = changes.model_copy(update={"destructive_hint": True})
    for tool, hints in (
        (Tools.recv, consumes),
        (Tools.send, consumes),
        (Tools.history, reads),
        (Tools.sessions, reads),
        (Tools.login, consumes),
        (Tools.logout, removes),
        (Tools.rename_session, changes),
        (Tools.set_default, changes),
    ):
        server.add_tool(_bound(tool, current), annotations=hints)


def _bound(
    method: Callable[..., Coroutine[Any, Any, Any]], current: Callable[[], Tools]
) -> Callable[..., Coroutine[Any, Any, Any]]:
    """Return `method` as a function without `self`, which is looked up when it is called."""

    @wraps(method)
    async def tool(*args: Any, **kwargs: Any) -> Any:
        return await method(current(), *args, **kwargs)

    signature = inspect.signature(method, eval_str=True)
    parameters = [p for name, p in signature.parameters.items() if name != "self"]
    tool.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    tool.__doc__ = inspect.getdoc(method)
    return tool


def _standing(name: str, attempt: Login) -> LoginResult:
    steps: dict[LoginState, tuple[Literal["pending", "scanned", "need_code", "expired"], str]] = {
        LoginState.PENDING: ("pending", "Ask the user to scan the code in WeChat; call again."),
        LoginState.SCANNED: ("scanned", "The user must confirm on the phone; call again."),
        LoginState.NEED_CODE: (
            "need_code",
            "WeChat shows a number on the phone that must be typed in: ask the user to run "
            "'weilink login' in a terminal.",
        ),
        LoginState.EXPIRED: ("expired", "The code is too old; call again for a new one."),
        LoginState.ALREADY_BOUND: (
            "expired",
            "WeChat says that this account is bound to a bot of this computer already; the "
            "`sessions` tool lists them.",
        ),
    }
    status, step = steps[attempt.state]
    return LoginResult(status=status, session_name=name, qr_url=attempt.qr_url, next_step=step)


def _shown(result: BaseModel, picture: str = "") -> CallToolResult:
    content: list[Any] = [TextContent(type="text", text=result.model_dump_json(indent=2))]
    if picture:
        data = base64.b64encode(qr_png(picture)).decode()
        content.append(ImageContent(type="image", data=data, mime_type="image/png"))
    return CallToolResult(content=content, structured_content=result.model_dump(mode="json"))
