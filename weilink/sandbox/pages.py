"""The phone page: its files, and the few answers it needs beside the control API."""

from __future__ import annotations

import secrets
from dataclasses import asdict
from pathlib import Path

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from weilink.sandbox import codes, media, voices
from weilink.sandbox.accounts import SandboxError, user_id_of
from weilink.sandbox.chat import Entry
from weilink.sandbox.control import Body, guarded, wait_seconds
from weilink.sandbox.ilink import reply
from weilink.sandbox.journal import without_secrets
from weilink.sandbox.polling import while_connected
from weilink.sandbox.world import World
from weilink.web import Files, media_answer

_FOLDER = Path(__file__).parent / "page"
_USER = "alice"
_REQUESTS = 300
"""Requests of clients that the page is told about at a time; it shows no more."""
_MESSAGES = 25
"""Messages in one answer: more than a screen full, and drawn within a frame."""


class PhonePage:
    """The page at `/` and at the URL that a QR code shows."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._files = Files(_FOLDER)
        self._files.join("phone.html", "main.js", ["web/look.css", "page/phone.css"])
        self._world_id = secrets.token_hex(8)

    def routes(self) -> list[Route]:
        """Return the routes."""
        base = "/_sandbox/page"
        return [
            Route("/", self._page, methods=["GET"]),
            Route("/q/{qrcode}", self._scan_page, methods=["GET"]),
            Route("/favicon.ico", _no_icon, methods=["GET"]),
            *self._files.routes(),
            Route(f"{base}/live", guarded(self._live), methods=["GET"]),
            Route(f"{base}/chat", guarded(self._chat), methods=["GET"]),
            Route(f"{base}/media/{{message_id}}", guarded(self._media), methods=["GET"]),
            Route(f"{base}/qr/{{qrcode}}", guarded(self._qr), methods=["GET"]),
            Route(f"{base}/voice", guarded(self._voice), methods=["POST"]),
            Route(f"{base}/camera", guarded(self._camera), methods=["POST"]),
        ]

    async def _page(self, request: Request) -> Response:
        return self._with_first(request, 200)

    async def _scan_page(self, request: Request) -> Response:
        """The page again: it reads the code from its address and offers to scan it."""
        known = request.path_params["qrcode"] in self._world.logins.all
        return self._with_first(request, 200 if known else 404)

    def _with_first(self, request: Request, status: int) -> Response:
        """Answer with the page and what it shows first: it has nothing to ask before it draws."""
        try:
            user_id = user_id_of(request.query_params.get("user") or _USER)
        except SandboxError:
            return self._files.page("phone.html", status)  # it asks, and shows why not
        # Requests come with the first news: hundreds of them would hold the page up.
        first = self._news(user_id, "", -1, None)
        bot_id = first["bot"]
        first["chat"] = self._messages(user_id, bot_id) if bot_id else None
        return self._files.page("phone.html", status, first=first)

    async def _live(self, request: Request) -> Response:
        """Hold until something has changed since `version`; tell everything new at once.

        `log` is a place in the list of what happened to messages, `requests` the number of the
        last request that the page has. Whatever happens meanwhile is in one later answer: a page
        that is slow gets fewer and larger ones.
        """
        query, world = request.query_params, self._world
        version, seconds = int(query.get("version", "0")), wait_seconds(request)
        await request.body()
        changes = world.changes
        at = int(query.get("log", "-1"))
        if query.get("world", self._world_id) != self._world_id:
            # The page has outlived another sandbox on this port: it must begin anew.
            seconds = 0
        await while_connected(
            request, lambda: changes.until(lambda: changes.version > version, lambda: seconds)
        )
        asked_requests = int(query.get("requests", "0"))
        user_id = user_id_of(query.get("user", _USER))
        return reply(self._news(user_id, query.get("bot", ""), at, asked_requests))

    def _news(self, user_id: str, bot_id: str, at: int, seen: int | None) -> Body:
        """Return what has happened since `at` in the log, and the requests after `seen`."""
        world = self._world
        log, journal = world.chat.log, world.journal
        touched = sorted(set(log[at:])) if at >= 0 else []
        entries = [world.chat.entries[n - 1] for n in touched]
        requests = [] if seen is None else list(journal.requests)[-_REQUESTS:]
        return {
            "world": self._world_id,
            "state": asdict(world.state()),
            "user": user_id,
            "bot": self._bot_for(user_id, bot_id),
            "log": len(log),
            "messages": [_shown(one) for one in entries if one.user_id == user_id],
            "requests": [asdict(one) for one in requests if one.n > (seen or 0)],
            "notes": {
                "violations": [asdict(note) for note in list(journal.violations)[-50:]],
                "refusals": [asdict(note) for note in list(journal.refusals)[-50:]],
            },
            "faults": [rule.to_json() for rule in world.faults.rules],
            "voices": voices.can_convert(),
            "camera": codes.can_read(),
        }

    def _bot_for(self, user_id: str, chosen: str) -> str:
        """Return the bot whose chat is shown: the chosen one, the user's own, any other.

        One that lives comes before one that has ended.
        """
        bots = list(self._world.accounts.bots.values())
        live = [bot for bot in bots if bot.live]
        found = [
            *(bot for bot in live if bot.bot_id == chosen),
            *(bot for bot in live[::-1] if bot.user_id == user_id),
            *live[::-1],
            *(bot for bot in bots[::-1] if bot.user_id == user_id),
        ]
        return found[0].bot_id if found else ""

    async def _chat(self, request: Request) -> Response:
        """Return messages of a user and a bot: those before or after a number, or the last."""
        query = request.query_params
        user_id = user_id_of(query["user"])
        bot_id = query.get("bot") or self._bot_for(user_id, "")
        before, after = int(query.get("before", "0")), int(query.get("after", "0"))
        return reply(self._messages(user_id, bot_id, before, after))

    def _messages(self, user_id: str, bot_id: str, before: int = 0, after: int = 0) -> Body:
        entries = self._world.chat.entries
        found: list[Entry] = []
        more = False
        numbers = (
            range(after, len(entries)) if after else range((before or len(entries) + 1) - 2, -1, -1)
        )
        for index in numbers:
            entry = entries[index]
            if entry.user_id == user_id and entry.bot_id == bot_id:
                if len(found) == _MESSAGES:
                    more = True
                    break
                found.append(entry)
        found.sort(key=lambda one: one.n)
        return {"bot": bot_id, "messages": [_shown(one) for one in found], "more": more}

    def _plain(self, message_id: str) -> bytes:
        entry = self._world.chat.by_id(message_id)
        if entry is None:
            raise SandboxError(f"there is no message {message_id}")
        return media.content(entry.wire["item_list"][0], self._world.cdn.download)

    async def _media(self, request: Request) -> Response:
        """Return a message's file so that the browser shows it, or saves it as `name`."""
        data = self._plain(request.path_params["message_id"])
        name = request.query_params.get("name", "")
        if not name and voices.is_silk(data) and voices.can_convert():
            data = await voices.wav_of(data)
        return media_answer(request, data, name)

    async def _qr(self, request: Request) -> Response:
        from weilink.qr import qr_png

        login = self._world.logins.find(request.path_params["qrcode"])
        return Response(qr_png(self._world.login_url(login)), media_type="image/png")

    async def _voice(self, request: Request) -> Response:
        """Turn a recording (WAV) into what phones send (SILK), where the library for it is."""
        return Response(
            await voices.silk_of(await request.body()), media_type="application/octet-stream"
        )

    async def _camera(self, request: Request) -> Response:
        """Read the QR code in a picture of the camera, one byte of grey for each pixel."""
        width = int(request.query_params["width"])
        return reply({"text": await codes.text_in(await request.body(), width)})


def _shown(entry: Entry) -> Body:
    shown: Body = {**vars(entry.record())}
    del shown["context_token"]
    shown["items"] = without_secrets(shown["items"])
    return shown


async def _no_icon(request: Request) -> Response:
    return PlainTextResponse("", 404)
