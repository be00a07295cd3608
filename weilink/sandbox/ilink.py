"""The endpoints of the iLink service, `/ilink/bot/...` [ilink.md, Requests]."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from weilink.sandbox import media
from weilink.sandbox.accounts import Bot
from weilink.sandbox.checks import Checks
from weilink.sandbox.logins import Login
from weilink.sandbox.polling import updates, while_connected
from weilink.sandbox.tokens import RefusedError
from weilink.sandbox.world import World

Body = dict[str, Any]
Handler = Callable[[Bot, Body, Request], Awaitable[Body] | Body]

STALE = -14
REFUSED = -2


def reply(data: Body, status: int = 200) -> Response:
    """Return a JSON answer; ASCII only, so that a lone surrogate in a text cannot break it."""
    return Response(json.dumps(data), status, media_type="application/json")


class ILink:
    """All endpoints, on one world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._checks = Checks()

    def routes(self) -> list[Route]:
        """Return the routes."""
        handlers: dict[str, Handler] = {
            "getupdates": self._getupdates,
            "sendmessage": self._sendmessage,
            "getuploadurl": self._getuploadurl,
            "getconfig": self._getconfig,
            "sendtyping": self._sendtyping,
            "msg/notifystart": lambda bot, body, request: self._online(bot, True),
            "msg/notifystop": lambda bot, body, request: self._online(bot, False),
        }
        base = "/ilink/bot"
        return [
            Route(f"{base}/get_bot_qrcode", self._qrcode, methods=["POST"]),
            Route(f"{base}/get_qrcode_status", self._qrcode_status, methods=["GET"]),
            *(
                Route(f"{base}/{name}", self._with_bot(handler), methods=["POST"])
                for name, handler in handlers.items()
            ),
        ]

    # -- what all endpoints share ------------------------------------------------------------

    def _violation(self, request: Request, what: str) -> None:
        self._world.journal.violation(request.url.path, what)

    async def _body(self, request: Request) -> Body | None:
        for what in self._checks.headers(request):
            self._violation(request, what)
        try:
            body = json.loads(await request.body())
        except ValueError:
            body = None
        if not isinstance(body, dict):
            self._violation(request, "the body is not a JSON object")
            return None
        return body

    def _with_bot(self, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            body = await self._body(request)
            if body is None:
                return reply({"ret": -1, "errmsg": "invalid request body"}, 400)
            for what in self._checks.base_info(body):
                self._violation(request, what)
            scheme, _, token = request.headers.get("authorization", "").partition(" ")
            if scheme != "Bearer" or not token:
                self._violation(request, "the Authorization header holds no bearer token")
            bot = self._world.accounts.by_token(token)
            if bot is None:
                return reply(self._stale(request))
            try:
                answer = handler(bot, body, request)
                return reply(answer if isinstance(answer, dict) else await answer)
            except RefusedError as refused:
                self._world.journal.refusal(request.url.path, str(refused))
                return reply({"ret": REFUSED, "errmsg": "invalid request"})

        return endpoint

    def _stale(self, request: Request) -> Body:
        # getupdates says it in `errcode` alone, so a client that looks at `ret` only is found out.
        code = {} if request.url.path.endswith("/getupdates") else {"ret": STALE}
        return {**code, "errcode": STALE, "errmsg": "session timeout"}

    # -- login -------------------------------------------------------------------------------

    async def _qrcode(self, request: Request) -> Response:
        body = await self._body(request)
        if request.query_params.get("bot_type") != "3":
            self._violation(request, "bot_type is not 3")
        if "authorization" in request.headers:
            self._violation(request, "a bearer token where none belongs")
        tokens = (body or {}).get("local_token_list")
        if not isinstance(tokens, list) or len(tokens) > 10:
            self._violation(request, "local_token_list is not a list of at most 10 tokens")
            tokens = []
        login = self._world.logins.start([token for token in tokens if isinstance(token, str)])
        self._world.changes.notify()
        url = self._world.login_url(login)
        return reply({"ret": 0, "qrcode": login.qrcode, "qrcode_img_content": url})

    async def _qrcode_status(self, request: Request) -> Response:
        for what in self._checks.headers(request):
            self._violation(request, what)
        login = self._world.logins.all.get(request.query_params.get("qrcode", ""))
        if login is None:
            return reply({"ret": 0, "status": "expired"})
        login.polls += 1
        self._world.changes.notify()
        if code := request.query_params.get("verify_code"):
            self._world.logins.enter_code(login, code)
            self._world.changes.notify()

        def news() -> bool:
            status = self._world.logins.status(login)
            return status != login.told or status not in ("wait", "scaned")

        options = self._world.options
        await while_connected(
            request, lambda: self._world.changes.until(news, lambda: options.login_poll_seconds)
        )
        return reply(self._told(login, request))

    def _told(self, login: Login, request: Request) -> Body:
        status = self._world.logins.status(login)
        answer: Body = {"ret": 0, "status": status}
        if status == "scaned" and login.redirect:
            # The other name of loopback plays the other data centre.
            port = self._world.base_url.rsplit(":", 1)[-1]
            if request.headers["host"] != f"localhost:{port}":
                return {
                    "ret": 0,
                    "status": "scaned_but_redirect",
                    "redirect_host": f"localhost:{port}",
                }
        login.told = status
        if status == "confirmed" and login.bot is not None:
            answer |= {
                "bot_token": login.bot.token,
                "ilink_bot_id": login.bot.bot_id,
                "ilink_user_id": login.user_id,
                "baseurl": self._world.base_url,
            }
        return answer

    # -- messages ----------------------------------------------------------------------------

    async def _getupdates(self, bot: Bot, body: Body, request: Request) -> Body:
        answer = await updates(self._world, bot, body.get("get_updates_buf"), request)
        return answer if bot.live else self._stale(request)

    def _sendmessage(self, bot: Bot, body: Body, request: Request) -> Body:
        msg = body.get("msg")
        if not isinstance(msg, dict):
            raise RefusedError("msg is missing")
        for key, value in (("from_user_id", ""), ("message_type", 2)):
            if msg.get(key) != value:
                self._violation(request, f"msg.{key} is not {value!r}")
        if msg.get("message_state") not in (0, 1, 2):
            self._violation(request, "msg.message_state is not 0, 1 or 2")
        entry = self._world.chat.send(bot, msg)
        self._world.changes.notify()
        if entry is None:
            return {"ret": 0}
        item = entry.wire["item_list"][0]
        if item["type"] in media.PARTS:
            self._check_media(request, item)
        return {"ret": 0, "message_id": entry.wire["message_id"]}

    def _check_media(self, request: Request, item: Body) -> None:
        # [ilink.md, Media]: the base64 of 32 hex characters is 44 long
        if len(str(media.carrier_of(item).get("aes_key"))) != 44:
            self._violation(request, "media.aes_key is not the base64 of the key's hex string")
        try:
            key = media.key_of(item)
        except ValueError:
            key = None
        reference = media.carrier_of(item)["encrypt_query_param"]
        if not self._world.cdn.encrypted_with(reference, key):
            self._violation(request, "media.aes_key is not the key announced to getuploadurl")

    def _getuploadurl(self, bot: Bot, body: Body, request: Request) -> Body:
        sizes = [body.get("rawsize"), body.get("filesize"), body.get("media_type")]
        if not all(isinstance(size, int) for size in sizes) or sizes[2] not in (1, 2, 3, 4):
            raise RefusedError("rawsize, filesize or media_type is missing or wrong")
        texts = [body.get(name) for name in ("filekey", "to_user_id", "rawfilemd5", "aeskey")]
        if not all(isinstance(text, str) and text for text in texts):
            raise RefusedError("filekey, to_user_id, rawfilemd5 or aeskey is missing")
        try:
            filekey, key = bytes.fromhex(body["filekey"]), bytes.fromhex(body["aeskey"])
        except ValueError:
            filekey = key = b""
        if len(filekey) != 16 or len(key) != 16:
            raise RefusedError("filekey and aeskey are not 32 hex digits")
        if body["filesize"] != media.padded_size(body["rawsize"]):
            self._violation(request, "filesize is not the size of the ciphertext")
        upload = self._world.cdn.announce(
            body["filekey"], body["filesize"], body["rawsize"], body["rawfilemd5"].lower(), key
        )
        if not self._world.options.upload_full_url:
            return {"ret": 0, "upload_param": upload.param}
        query = f"encrypted_query_param={upload.param}&filekey={upload.filekey}"
        return {"ret": 0, "upload_full_url": f"{self._world.cdn_base_url}/upload?{query}"}

    # -- presence ----------------------------------------------------------------------------

    def _getconfig(self, bot: Bot, body: Body, request: Request) -> Body:
        user_id = body.get("ilink_user_id")
        token = self._world.tokens.known(body.get("context_token"), str(user_id), bot.bot_id)
        return {"ret": 0, "typing_ticket": self._world.ticket(token.user_id, bot)}

    def _sendtyping(self, bot: Bot, body: Body, request: Request) -> Body:
        user_id, status = str(body.get("ilink_user_id")), body.get("status")
        if body.get("typing_ticket") != self._world.ticket(user_id, bot):
            raise RefusedError("the typing ticket is missing or of another user")
        if status not in (1, 2):
            raise RefusedError("status is not 1 or 2")
        live = self._world.tokens.live(user_id, bot.bot_id)
        if self._world.options.typing_spends_reply and live:
            live[-1].replies_left -= 1
        self._world.typing.setdefault((user_id, bot.bot_id), []).append(status)
        self._world.changes.notify()
        return {"ret": 0}

    def _online(self, bot: Bot, online: bool) -> Body:
        bot.online = online
        self._world.changes.notify()
        return {"ret": 0}
