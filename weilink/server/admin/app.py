"""The panel's application: its page, and an API that only a session may use."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from weilink.errors import UsageError, WeiLinkError
from weilink.i18n import speaking, told
from weilink.server.admin import agents, views
from weilink.server.admin.bodies import body as _body
from weilink.server.admin.bodies import json_object, uploaded
from weilink.server.admin.bodies import row as _row
from weilink.server.admin.bodies import text as _text
from weilink.server.admin.health import LANGUAGES, Health
from weilink.server.admin.logins import PanelLogins
from weilink.server.admin.logtail import LogTail
from weilink.server.admin.sessions import Sessions
from weilink.server.host import Host
from weilink.service import Service
from weilink.service.access import Policy
from weilink.service.parts import AnyPart, FilePart, ImagePart, TextPart, VideoPart, VoicePart
from weilink.service.times import moment
from weilink.store.history import Query
from weilink.store.models import Delivery, Direction
from weilink.web import Files, StrictHeaders, media_answer

STREAMS = frozenset({"/api/send/file"})
"""Paths whose requests may be as long as a file: what `weilink.server.guard.Guard` is to know."""
HOLD = 25.0
"""Seconds that a request for news is held."""
_KINDS: dict[str, Callable[[Path], AnyPart]] = {
    "image": ImagePart,
    "video": VideoPart,
    "voice": VoicePart,
}
Handler = Callable[[Service, Request], Awaitable[Any]]


def app(host: Host) -> Starlette:
    """Return the panel over the service of a host.

    It checks sessions itself; `Host` and `Origin` are for `weilink.server.guard.Guard`, which
    must stand in front of it, without a token.
    """
    return Starlette(routes=Panel(host).routes(), middleware=[Middleware(StrictHeaders)])


class Panel:
    """The routes of one panel."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._files = Files(Path(__file__).parent / "page")
        self._files.join("admin.html", "main.js", ["web/look.css", "page/admin.css"])
        self._sessions = Sessions(host.settings.base_path)
        self._logins = PanelLogins()
        self._health = Health(host.settings)
        self._log_tail = LogTail(host.settings.base_path)
        self._version = 0
        self._event: anyio.Event | None = None

    def routes(self) -> list[Route]:
        """Return the routes."""
        table: list[tuple[str, str, Handler]] = [
            ("GET", "changes", self._changes),
            ("GET", "overview", lambda service, _: self._overview(service)),
            ("GET", "people", lambda service, _: views.people(service)),
            ("GET", "messages", self._messages),
            ("GET", "media/{message_id}", self._media),
            ("GET", "outbox", self._outbox),
            ("GET", "agents", lambda service, _: agents.agents(service)),
            ("GET", "health", self._last_health),
            ("GET", "log", self._log),
            ("POST", "bots/rename", self._rename),
            ("POST", "bots/default", self._default),
            ("POST", "bots/logout", self._logout),
            ("POST", "logins/start", self._login),
            ("POST", "logins/poll", self._poll),
            ("POST", "logins/cancel", self._cancel),
            ("POST", "people/access", self._access),
            ("POST", "people/policy", self._policy),
            ("POST", "send", self._send),
            ("POST", "send/file", self._send_file),
            ("POST", "outbox/retry", self._retry),
            ("POST", "outbox/drop", self._drop),
            ("POST", "agents/bind", self._bind),
            ("POST", "agents/unbind", self._unbind),
            ("POST", "health/check", self._check_health),
            ("POST", "leave", self._leave),
        ]
        return [
            Route("/", self._page, methods=["GET"]),
            *self._files.routes(),
            Route("/api/session", self._enter, methods=["POST"]),
            *(
                Route(f"/api/{path}", self._known_only(handler), methods=[method])
                for method, path, handler in table
            ),
        ]

    async def _page(self, request: Request) -> Response:
        return self._files.page("admin.html")

    async def _enter(self, request: Request) -> Response:
        """Exchange the secret of the login link for a session, and what the page shows first."""
        body = await json_object(request)
        token = self._sessions.open(str(body.get("key", "")) if body else "")
        if token is None:
            return JSONResponse({"error": "This login link is not valid (any more)."}, 403)
        try:
            with speaking(_spoken(request)):
                first = await self._overview(await self._host.service())
        except WeiLinkError:
            first = None  # the page asks again, and shows why
        return _json({"session": token, "first": first})

    def _known_only(self, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            if not self._sessions.knows(request.headers.get("authorization", "")):
                return JSONResponse({"error": "Open the panel with its login link."}, 401)
            try:
                with speaking(_spoken(request)):
                    result = await handler(await self._host.service(), request)
            except WeiLinkError as error:
                code = 400 if isinstance(error, UsageError) else 409
                with speaking(_spoken(request)):
                    return _json({"error": told(str(error))}, code)
            except (KeyError, ValueError, TypeError) as error:
                return _json({"error": f"The request does not fit: {error}"}, 400)
            return result if isinstance(result, Response) else _json(result or {})

        return endpoint

    async def _overview(self, service: Service) -> Any:
        # Before looking: what changes meanwhile is another version.
        change = self._current(service)
        return {"change": change, **await views.overview(service)}

    # -- looking -----------------------------------------------------------------------------

    def _current(self, service: Service) -> int:
        """Return a number that is another one after each change."""
        if service.changes.next is not self._event:
            self._event = service.changes.next
            self._version += 1
        return self._version

    async def _changes(self, service: Service, request: Request) -> Any:
        """Hold until something has changed since `version`."""
        asked = int(request.query_params.get("version", "0"))
        with anyio.move_on_after(HOLD):
            while self._current(service) == asked:
                await service.changes.next.wait()
        return {"version": self._current(service)}

    async def _messages(self, service: Service, request: Request) -> Any:
        query = request.query_params
        direction, delivery = query.get("direction", ""), query.get("delivery", "")
        return await views.messages(
            service,
            Query(
                user_id=query.get("user_id", ""),
                bot_id=query.get("bot_id", ""),
                msg_type=query.get("msg_type", ""),
                direction=Direction(direction) if direction else None,
                delivery=Delivery(delivery) if delivery else None,
                reader=query.get("reader", ""),
                since=moment("since", query.get("since", "")),
                until=moment("until", query.get("until", "")),
                text_contains=query.get("text", ""),
                limit=max(1, min(int(query.get("limit", "50")), 200)),
                offset=max(0, min(int(query.get("offset", "0")), 2**53)),
            ),
        )

    async def _media(self, service: Service, request: Request) -> Any:
        """Fetch the file of a message from WeChat; nothing of it stays on this computer."""
        with tempfile.TemporaryDirectory(prefix="weilink-panel-") as folder:
            saved = await service.media.download(request.path_params["message_id"], Path(folder))
            data = await anyio.Path(saved.path).read_bytes()
        save = request.query_params.get("save") == "1"
        answer = media_answer(request, data, saved.path.name if save else "")
        answer.headers["X-File-Name"] = saved.path.name.encode("ascii", "replace").decode()
        return answer

    async def _outbox(self, service: Service, request: Request) -> Any:
        parts = await service.store.outbox.unsettled(200)
        return {"parts": [views.part(one) for one in parts]}

    async def _log(self, service: Service, request: Request) -> Any:
        after = int(request.query_params.get("after", "0"))
        return {"lines": await anyio.to_thread.run_sync(self._log_tail.after, after)}

    # -- agents and hooks --------------------------------------------------------------------

    async def _bind(self, service: Service, request: Request) -> Any:
        body = await _body(request)
        await agents.bind(
            service, _text(body, "contact"), _text(body, "kind"), _text(body, "value")
        )

    async def _unbind(self, service: Service, request: Request) -> Any:
        return {"done": await agents.unbind(service, _text(await _body(request), "contact"))}

    async def _last_health(self, service: Service, request: Request) -> Any:
        return self._health.last(_language(request.query_params.get("lang", "")))

    async def _check_health(self, service: Service, request: Request) -> Any:
        found = await self._health.check(_language(_text(await _body(request), "lang")))
        service.changes.notify()  # other pages show it too
        return found

    # -- bots --------------------------------------------------------------------------------

    async def _rename(self, service: Service, request: Request) -> Any:
        body = await _body(request)
        await service.logins.rename(_text(body, "old"), _text(body, "new"))

    async def _default(self, service: Service, request: Request) -> Any:
        await service.logins.set_default(_text(await _body(request), "name"))

    async def _logout(self, service: Service, request: Request) -> Any:
        await service.logins.logout(_text(await _body(request), "name"))

    async def _login(self, service: Service, request: Request) -> Any:
        body = await _body(request)
        return await self._logins.start(service, _text(body, "name"))

    async def _poll(self, service: Service, request: Request) -> Any:
        body = await _body(request)
        return await self._logins.poll(service, _text(body, "id"), str(body.get("code", "")))

    async def _cancel(self, service: Service, request: Request) -> Any:
        self._logins.cancel(_text(await _body(request), "id"))

    # -- people and messages -----------------------------------------------------------------

    async def _access(self, service: Service, request: Request) -> Any:
        body = await _body(request)
        if not isinstance(body["allowed"], bool):
            raise UsageError("`allowed` is true or false")
        await service.store.preferences.set_access(_text(body, "user_id"), body["allowed"])
        service.changes.notify()

    async def _policy(self, service: Service, request: Request) -> Any:
        policy = Policy(_text(await _body(request), "policy"))
        await service.store.preferences.set("access_policy", policy.value)
        service.changes.notify()

    async def _send(self, service: Service, request: Request) -> Any:
        body = await _body(request)
        return await _sent(service, _text(body, "to"), TextPart(_text(body, "text")))

    async def _send_file(self, service: Service, request: Request) -> Any:
        """Send the file in the body; the outbox has its own copy before this returns."""
        to, make = request.query_params["to"], _KINDS.get(request.query_params.get("kind", ""))
        limit = service.settings.media_limit_mib * 1024 * 1024
        async with uploaded(request, service.settings.base_path, limit) as path:
            with service.sendable.handed_over(path):
                return await _sent(service, to, make(path) if make else FilePart(path))

    async def _retry(self, service: Service, request: Request) -> Any:
        done = await service.store.outbox.retry(_row(await _body(request)))
        service.changes.notify()
        return {"done": done}

    async def _drop(self, service: Service, request: Request) -> Any:
        done = await service.store.outbox.drop(_row(await _body(request)))
        service.changes.notify()
        return {"done": done}

    async def _leave(self, service: Service, request: Request) -> Any:
        self._sessions.close(request.headers.get("authorization", ""))


async def _sent(service: Service, to: str, part: AnyPart) -> dict[str, Any]:
    result = await service.sender.send(to, [part])
    return {
        "replies_left": result.replies_left,
        "parts": [views.part(one) for one in result.parts],
    }


def _json(data: Any, status: int = 200) -> Response:
    # ASCII only: text from WeChat may hold half a surrogate pair, which UTF-8 cannot.
    headers = {"Cache-Control": "no-store"}
    return Response(json.dumps(data), status, headers, "application/json")


def _spoken(request: Request) -> str:
    """Return the language that the page is shown in."""
    asked = request.headers.get("accept-language", "")
    return "zh" if asked.lower().startswith("zh") else "en"


def _language(given: str) -> str:
    if given not in LANGUAGES:
        raise UsageError(f"the languages are {', '.join(LANGUAGES)}")
    return given
