"""The tools for bot sessions: list, log in and out, rename, choose the default one."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Annotated, Any, Literal

import anyio
from mcp.server.mcpserver import Context
from mcp.types import (
    CallToolResult,
    ContentBlock,
    ImageContent,
    InputRequiredResult,
    TextContent,
)
from pydantic import BaseModel, Field

from weilink.errors import WeiLinkError
from weilink.server import paircode
from weilink.server.host import Host
from weilink.server.results import Done, LoginResult, SessionOut, SessionsResult

if TYPE_CHECKING:
    from weilink.ilink.login import Login
    from weilink.service import Service
    from weilink.store.credentials import BotSession

POLL_EVERY = 1.0
"""Seconds between two questions for the state of a login (client 2.4.9)."""
START = 30.0
"""Seconds that WeChat has at least to give a QR code; a tool cannot wait for ever."""

Name = Annotated[
    str, Field(max_length=256, description="name of a bot session, as `sessions` lists it")
]


class _Attempt:
    """A login that is under way. Calls that wait for it do so one after the other."""

    def __init__(self, login: Login, *, replace: bool) -> None:
        self.login = login
        self.replace = replace
        self.turn = anyio.Lock()
        self.saved: BotSession | None = None
        self.gone: list[str] = []


class BotSessions:
    """The tools over the service of one host."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._attempts: dict[str, _Attempt] = {}
        self._beginning = anyio.Lock()

    async def sessions(self) -> SessionsResult:
        """List the WeChat bots that this computer is logged in as."""
        service = await self._host.service()
        default = await service.logins.default()
        found = []
        for session in service.logins.sessions():
            state = await service.store.bots.get(session.bot_id)
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

    async def login(
        self,
        ctx: Context[Any, Any],
        session_name: Annotated[
            str, Field(max_length=256, description="empty: the default session")
        ] = "",
        timeout: Annotated[
            float, Field(ge=0, le=300, allow_inf_nan=False, description="seconds to wait")
        ] = 30.0,
        force: Annotated[bool, Field(description="log in anew although logged in")] = False,
    ) -> Annotated[CallToolResult, LoginResult] | InputRequiredResult:
        """Log a WeChat bot in. The first call returns a QR code that the user scans in WeChat.

        Show the user the code (or `qr_url`), then call again until the status is `confirmed`.
        """
        service = await self._host.service()
        name = await service.logins.name_for_login(session_name)
        if name not in self._attempts:
            # Of two calls at once, one would show a code that nobody asks about any more.
            async with self._beginning:
                if name not in self._attempts:
                    return await self._begin(service, name, timeout, force)
        attempt = self._attempts[name]
        began = anyio.current_time()
        with anyio.move_on_after(timeout) as limit:
            await attempt.turn.acquire()
        if limit.cancelled_caught:
            return _shown(_standing(name, attempt, ctx))
        try:
            left = max(began + timeout - anyio.current_time(), 0.0)
            return await self._go_on(service, name, attempt, left, ctx)
        finally:
            attempt.turn.release()

    async def _begin(
        self, service: Service, name: str, timeout: float, force: bool
    ) -> CallToolResult:
        from weilink.ilink.errors import ILinkError

        existing = service.logins.find(name)
        if existing is not None and not force and not await service.logins.ended(existing):
            return _confirmed(name, existing.bot_id, "Already logged in; force=true logs in anew.")
        login = await service.logins.begin(name, service.client_for_login())
        try:
            with anyio.move_on_after(max(timeout, START)) as limit:
                await login.start()
        except ILinkError as error:
            raise WeiLinkError(
                f"WeChat cannot be asked for a QR code ({error}): call login again in a minute; if "
                "it stays so, your user must look at the network"
            ) from error
        if limit.cancelled_caught:
            raise WeiLinkError("WeChat gave no QR code in time: call login again in a minute")
        attempt = self._attempts[name] = _Attempt(login, replace=force)
        return _shown(_standing(name, attempt), picture=login.qr_url)

    async def _go_on(
        self,
        service: Service,
        name: str,
        attempt: _Attempt,
        timeout: float,
        ctx: Context[Any, Any],
    ) -> CallToolResult | InputRequiredResult:
        from weilink.ilink.errors import ILinkError
        from weilink.ilink.login import LoginState

        login = attempt.login
        try:
            await _wait_for_news(login, timeout, ctx)
        except ILinkError as error:
            self._attempts.pop(name, None)
            raise WeiLinkError(
                f"the login broke off ({error}): call login again for a new code"
            ) from error
        if login.state is LoginState.CONFIRMED and login.credentials:
            if attempt.saved is None:
                before = {session.name for session in service.logins.sessions()}
                attempt.saved = await service.logins.complete(
                    name, login.credentials, replace=attempt.replace
                )
                after = {session.name for session in service.logins.sessions()}
                attempt.gone = sorted(before - after)
            self._attempts.pop(name, None)
            return _confirmed(
                attempt.saved.name, attempt.saved.bot_id, _done(name, attempt.saved, attempt.gone)
            )
        if login.state is LoginState.ALREADY_BOUND:
            self._attempts.pop(name, None)
            told = service.logins.bound(login)
            if told:
                default = await service.logins.default()
                likely = [one for one in told if one.name in (name, default)] or told
                # WeChat does not say to which.
                bots = ", ".join(f"'{session.name}'" for session in told)
                return _confirmed(
                    likely[0].name,
                    likely[0].bot_id,
                    "WeChat says that this account is bound to a bot of this computer already "
                    f"({bots}), whose login stays good: the user can write to it. To get a new "
                    "login, call login with its name and force=true.",
                )
        if login.state is LoginState.EXPIRED:
            self._attempts.pop(name, None)
        by_result = paircode.can_ask(ctx) and paircode.asks_by_result(ctx)
        if login.state is LoginState.NEED_CODE and by_result and not paircode.refused(ctx):
            return paircode.question(login.code_was_wrong)
        return _shown(_standing(name, attempt, ctx))

    async def logout(self, session_name: Annotated[str, Field(max_length=256)] = "") -> Done:
        """Log a bot out and remove its credentials from this computer. Its history stays."""
        service = await self._host.service()
        session = await service.logins.logout(session_name)
        return Done(message=f"bot session '{session.name}' is logged out")

    async def rename_session(
        self, old_name: Name, new_name: Annotated[str, Field(max_length=256)]
    ) -> Done:
        """Give a bot session another name."""
        service = await self._host.service()
        await service.logins.rename(old_name, new_name)
        return Done(message=f"bot session '{old_name}' is called '{new_name}' now")

    async def set_default(self, session_name: Name) -> Done:
        """Choose the bot session that is used when none is named."""
        service = await self._host.service()
        await service.logins.set_default(session_name)
        return Done(message=f"'{session_name}' is the default bot session now")


async def _wait_for_news(login: Login, timeout: float, ctx: Context[Any, Any]) -> None:
    """Poll until the state changes; ask the person for the pair code where the client can."""
    from weilink.ilink.login import LoginState

    before = login.state
    if before in (LoginState.CONFIRMED, LoginState.ALREADY_BOUND, LoginState.EXPIRED):
        return  # another call was told first
    code = paircode.answer(ctx)
    asks_now = paircode.can_ask(ctx) and not paircode.asks_by_result(ctx)
    with anyio.move_on_after(timeout) as limit:
        while True:
            state = await login.poll(code)
            code = ""
            if state is LoginState.NEED_CODE:
                if not asks_now:
                    return
                # The person looks for a number on a phone: that may take as long as the code lives.
                limit.deadline = anyio.current_time() + login.seconds_left
                code = await paircode.ask(ctx, login.code_was_wrong)
                limit.deadline = anyio.current_time() + timeout
                if not code:
                    return
                continue
            if state not in (before, LoginState.PENDING):
                return
            await anyio.sleep(POLL_EVERY)


def _confirmed(name: str, bot_id: str, step: str) -> CallToolResult:
    return _shown(LoginResult(status="confirmed", session_name=name, bot_id=bot_id, next_step=step))


def _done(name: str, session: BotSession, gone: list[str]) -> str:
    step = "Done. The user can write to the bot in WeChat now."
    for one in gone:
        step += f" '{one}' was the older bot of this WeChat account; it is replaced."
    if session.name != name:
        step += f" '{name}' is the bot of another WeChat account, and stays."
    return step


def _standing(name: str, attempt: _Attempt, ctx: Context[Any, Any] | None = None) -> LoginResult:
    from weilink.ilink.login import LoginState
    from weilink.store.credentials import as_typed

    login = attempt.login
    command = f"weilink login {as_typed(name)}" + (" --force" if attempt.replace else "")
    need_code = (
        "WeChat shows a number on the phone that must be typed in, and this client cannot ask "
        f"for it: tell the user to run '{command}' in a terminal instead."
    )
    if ctx is not None and paircode.can_ask(ctx):
        need_code = (
            "WeChat shows a number on the phone, and the user did not type it in; call again to "
            "ask once more."
        )
    expired = "The code is too old; call again for a new one."
    if login.blocked:
        expired = "Too many wrong numbers were typed in; call again for a new code."
    steps: dict[LoginState, tuple[Literal["pending", "scanned", "need_code", "expired"], str]] = {
        LoginState.PENDING: ("pending", "Ask the user to scan the code in WeChat; call again."),
        LoginState.SCANNED: ("scanned", "The user must confirm on the phone; call again."),
        LoginState.NEED_CODE: ("need_code", need_code),
        LoginState.EXPIRED: ("expired", expired),
        LoginState.ALREADY_BOUND: (
            "expired",
            "WeChat says that this account is bound to a bot already, and gives no new login: if "
            "the bot does not work, the user must remove it in WeChat, then call again.",
        ),
        LoginState.CONFIRMED: ("scanned", "It is being saved; call again."),
    }
    status, step = steps[login.state]
    return LoginResult(status=status, session_name=name, qr_url=login.qr_url, next_step=step)


def _shown(result: BaseModel, picture: str = "") -> CallToolResult:
    content: list[ContentBlock] = [TextContent(type="text", text=result.model_dump_json(indent=2))]
    if picture:
        from weilink.qr import qr_png

        data = base64.b64encode(qr_png(picture)).decode()
        content.append(ImageContent(type="image", data=data, mime_type="image/png"))
    return CallToolResult(content=content, structured_content=result.model_dump(mode="json"))
