"""The control API, `/_sandbox/...`: accounts, logins, clock, options, faults, the journal."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from weilink.sandbox.accounts import Bot, SandboxError
from weilink.sandbox.cdn import CdnError
from weilink.sandbox.faults import Rule
from weilink.sandbox.ilink import reply
from weilink.sandbox.polling import while_connected
from weilink.sandbox.records import Credentials
from weilink.sandbox.world import World

Body = dict[str, Any]
MAX_WAIT = 600.0
# What values of another shape than asked for lead to.
_SHAPE = (ValueError, TypeError, AttributeError)


async def json_body(request: Request) -> Body:
    """Return the body of a control request.

    Raises:
        SandboxError: it is not a JSON object.
    """
    try:
        body = json.loads(await request.body() or b"{}")
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise SandboxError("the body is not a JSON object")
    return body


def guarded(
    handler: Callable[[Request], Awaitable[Response]],
) -> Callable[[Request], Awaitable[Response]]:
    """Answer 400 with the reason when the phone asked for what cannot be."""

    async def endpoint(request: Request) -> Response:
        try:
            return await handler(request)
        except KeyError as error:
            return reply({"error": f"{error} is missing"}, 400)
        except (AttributeError, TypeError) as error:
            text = f"something in the request is unknown or of the wrong type ({error})"
            return reply({"error": text}, 400)
        except (SandboxError, CdnError, ArithmeticError, *_SHAPE) as error:
            return reply({"error": str(error)}, 400)

    return endpoint


def wait_seconds(request: Request) -> float:
    """Return how long a request wants to be held."""
    return min(float(request.query_params.get("wait", "0")), MAX_WAIT)


class Control:
    """Everything of the control API but messages."""

    def __init__(self, world: World) -> None:
        self._world = world

    def routes(self) -> list[Route]:
        """Return the routes."""
        table: list[tuple[str, str, Callable[[Request], Awaitable[Response]]]] = [
            ("GET", "state", self._state),
            ("PUT", "options", self._options),
            ("POST", "clock", self._clock),
            ("POST", "users", self._user),
            ("POST", "bots", self._new_bot),
            ("POST", "bots/stale", self._stale),
            ("POST", "logins/scan", self._scan),
            ("POST", "logins/confirm", self._confirm),
            ("POST", "logins/end", self._end),
            ("GET", "requests", self._requests),
            ("GET", "notes", self._notes),
            ("DELETE", "journal", self._clear),
            ("GET", "faults", self._faults),
            ("POST", "faults", self._add_fault),
            ("DELETE", "faults", self._remove_faults),
        ]
        return [
            Route(f"/_sandbox/{path}", guarded(handler), methods=[method])
            for method, path, handler in table
        ]

    def _changed(self, data: Body) -> Response:
        self._world.changes.notify()
        return reply(data)

    async def _state(self, request: Request) -> Response:
        since, seconds = int(request.query_params.get("since", "0")), wait_seconds(request)
        await request.body()
        changes = self._world.changes
        await while_connected(
            request, lambda: changes.until(lambda: changes.version > since, lambda: seconds)
        )
        return reply(asdict(self._world.state()))

    async def _options(self, request: Request) -> Response:
        self._world.options.update(await json_body(request))
        return self._changed(asdict(self._world.options))

    async def _clock(self, request: Request) -> Response:
        seconds = (await json_body(request))["advance_seconds"]
        self._world.clock.offset_ms += int(float(seconds) * 1000)
        return self._changed({"now_ms": self._world.clock.now_ms()})

    # -- accounts ----------------------------------------------------------------------------

    async def _user(self, request: Request) -> Response:
        user_id = self._world.accounts.user((await json_body(request))["user"])
        return self._changed({"user_id": user_id})

    def _credentials(self, bot: Bot) -> Body:
        return asdict(Credentials(bot.bot_id, self._world.base_url, bot.token, bot.user_id))

    async def _new_bot(self, request: Request) -> Response:
        user_id = self._world.accounts.user((await json_body(request))["user"])
        return self._changed(self._credentials(self._world.accounts.bind(user_id)))

    async def _stale(self, request: Request) -> Response:
        body = await json_body(request)
        user_id = self._world.accounts.user(body["user"])
        bot = self._world.accounts.bot_for(user_id, body.get("bot", ""))
        bot.live = False
        return self._changed({"bot_id": bot.bot_id})

    async def _scan(self, request: Request) -> Response:
        body = await json_body(request)
        user_id = self._world.accounts.user(body["user"])
        login = self._world.logins.scan(body["qrcode"], user_id)
        return self._changed(asdict(self._world.login_state(login)))

    async def _confirm(self, request: Request) -> Response:
        login = self._world.logins.confirm((await json_body(request))["qrcode"])
        assert login.bot is not None  # noqa: S101  (confirm has made it)
        return self._changed(self._credentials(login.bot))

    async def _end(self, request: Request) -> Response:
        login = self._world.logins.end((await json_body(request))["qrcode"])
        return self._changed(asdict(self._world.login_state(login)))

    # -- journal and faults ------------------------------------------------------------------

    async def _requests(self, request: Request) -> Response:
        found = [asdict(one) for one in self._world.journal.requests]
        return reply({"requests": found})

    async def _notes(self, request: Request) -> Response:
        journal = self._world.journal
        return reply(
            {
                "violations": [asdict(note) for note in journal.violations],
                "refusals": [asdict(note) for note in journal.refusals],
            }
        )

    async def _clear(self, request: Request) -> Response:
        journal = self._world.journal
        for kept in (journal.requests, journal.violations, journal.refusals):
            kept.clear()
        return self._changed({})

    async def _faults(self, request: Request) -> Response:
        return reply({"faults": [rule.to_json() for rule in self._world.faults.rules]})

    async def _add_fault(self, request: Request) -> Response:
        rule = self._world.faults.add(Rule(**await json_body(request)))
        return self._changed(rule.to_json())

    async def _remove_faults(self, request: Request) -> Response:
        asked = request.query_params.get("id")
        self._world.faults.remove(int(asked) if asked else None)
        return self._changed({})
