"""Calls to the iLink service: one method for each endpoint, one place for headers and errors."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Sequence
from types import TracebackType
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx
from pydantic import ValidationError

import weilink
from weilink.ilink.cipher import ciphertext_size
from weilink.ilink.errors import (
    REFUSED,
    STALE_TOKEN,
    AnswerError,
    NetworkError,
    RefusedError,
    ServiceError,
    StaleTokenError,
)
from weilink.ilink.models import (
    MessageState,
    MessageType,
    QRCode,
    QRStatus,
    SendAnswer,
    Updates,
    UploadRequest,
    UploadUrl,
    Wire,
)

# Time-outs in seconds, those of the official client 2.4.9.
LONG_POLL = 35.0
CALL = 15.0
LIGHT_CALL = 10.0
# The service holds a long poll for its full time, then answers: leave the answer time to arrive.
GRACE = 5.0
MAX_LOCAL_TOKENS = 10

_W = TypeVar("_W", bound=Wire)


def client_version_number(version: str) -> int:
    """Return `version` ("1.2.3") as 0x00MMNNPP, what `iLink-App-ClientVersion` carries."""
    major, minor, patch = (min(int(part), 255) for part in version.split(".")[:3])
    return major << 16 | minor << 8 | patch


def uin() -> str:
    """Return a fresh `X-WECHAT-UIN`: base64 of the decimal text of a random uint32."""
    return base64.b64encode(str(secrets.randbits(32)).encode()).decode()


class ILinkClient:
    """Speaks to one iLink service, before login or as one bot.

    Every method raises `NetworkError`, `AnswerError` or `ServiceError` (`StaleTokenError` and
    `RefusedError` among them). Use it as an async context manager, or call `aclose`.
    """

    def __init__(self, base_url: str, token: str = "", *, http: httpx.AsyncClient | None = None):
        self.base_url = base_url.rstrip("/")
        self._token = token
        self._http = http or httpx.AsyncClient(follow_redirects=False)

    async def __aenter__(self) -> ILinkClient:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def get_bot_qrcode(self, local_tokens: Sequence[str] = ()) -> QRCode:
        """Ask for a login QR code.

        `local_tokens` are the bot tokens of this computer, newest first; the service then
        answers `binded_redirect` for a bot that is already bound here. The official client
        sets no time-out of its own on this call.
        """
        body = {"local_token_list": list(local_tokens)[:MAX_LOCAL_TOKENS]}
        raw = await self._post("get_bot_qrcode?bot_type=3", body, timeout=None, base_info=False)
        return _parsed(QRCode, raw, "get_bot_qrcode")

    async def get_qrcode_status(
        self, qrcode: str, verify_code: str = "", *, base_url: str = ""
    ) -> QRStatus:
        """Wait for the state of a QR code to change (long poll).

        A time-out or a gateway error means "go on waiting" to the official client, so both
        come back as `wait`. `base_url` is set after `scaned_but_redirect`.
        """
        query = {"qrcode": qrcode}
        if verify_code:
            query["verify_code"] = verify_code
        url = f"{base_url.rstrip('/') or self.base_url}/ilink/bot/get_qrcode_status"
        try:
            answer = await self._http.get(
                url, params=query, headers=self._headers(post=False), timeout=LONG_POLL + GRACE
            )
        except httpx.TimeoutException:
            return QRStatus(status="wait")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise _network("get_qrcode_status", url, error) from error
        if answer.status_code in (502, 503, 504):
            return QRStatus(status="wait")
        return _parsed(QRStatus, _object("get_qrcode_status", answer), "get_qrcode_status")

    async def get_updates(self, cursor: str, *, timeout: float = LONG_POLL) -> Updates:
        """Wait up to `timeout` seconds for messages after `cursor` (long poll, "" at first).

        Our own time-out is normal and comes back as no messages and no new cursor.
        """
        try:
            raw = await self._post(
                "getupdates", {"get_updates_buf": cursor}, timeout=timeout + GRACE
            )
        except NetworkError as error:
            if isinstance(error.__cause__, httpx.ReadTimeout):
                return Updates()
            raise
        return _parsed(Updates, raw, "getupdates")

    async def send_message(
        self,
        *,
        to_user_id: str,
        item: dict[str, Any],
        client_id: str,
        context_token: str,
        run_id: str = "",
    ) -> SendAnswer:
        """Send one item to a user.

        A message holds exactly one item (client 2.4.9). `client_id` must be the same on every
        try of the same message.
        """
        message: dict[str, Any] = {
            "from_user_id": "",
            "to_user_id": to_user_id,
            "client_id": client_id,
            "message_type": int(MessageType.BOT),
            "message_state": int(MessageState.FINISHED),
            "item_list": [item],
            "context_token": context_token,
        }
        if run_id:
            message["run_id"] = run_id
        raw = await self._post("sendmessage", {"msg": message}, timeout=CALL)
        return _parsed(SendAnswer, raw, "sendmessage")

    async def get_upload_url(self, upload: UploadRequest) -> UploadUrl:
        """Announce a file; the answer says where to upload its ciphertext."""
        body = {
            "filekey": upload.filekey,
            "media_type": int(upload.media_type),
            "to_user_id": upload.to_user_id,
            "rawsize": upload.size,
            "rawfilemd5": upload.md5,
            "filesize": ciphertext_size(upload.size),
            "aeskey": upload.key.hex(),
            "no_need_thumb": True,
        }
        raw = await self._post("getuploadurl", body, timeout=CALL)
        answer = _parsed(UploadUrl, raw, "getuploadurl")
        if not (answer.upload_full_url or answer.upload_param):
            raise AnswerError("getuploadurl: the answer does not say where to upload to")
        return answer

    async def get_typing_ticket(self, user_id: str, context_token: str) -> str:
        """Return the ticket that `send_typing` needs ("" when the service gives none)."""
        body = {"ilink_user_id": user_id, "context_token": context_token}
        raw = await self._post("getconfig", body, timeout=LIGHT_CALL)
        ticket = raw.get("typing_ticket")
        return ticket if isinstance(ticket, str) else ""

    async def send_typing(self, user_id: str, ticket: str, *, typing: bool) -> None:
        """Show or end the typing indicator in the user's chat."""
        body = {"ilink_user_id": user_id, "typing_ticket": ticket, "status": 1 if typing else 2}
        await self._post("sendtyping", body, timeout=LIGHT_CALL)

    async def notify_start(self) -> None:
        """Tell the service that this client listens now."""
        await self._post("msg/notifystart", {}, timeout=LIGHT_CALL)

    async def notify_stop(self) -> None:
        """Tell the service that this client stops listening."""
        await self._post("msg/notifystop", {}, timeout=LIGHT_CALL)

    def _headers(self, *, post: bool = True) -> dict[str, str]:
        headers = {
            "iLink-App-Id": "bot",
            "iLink-App-ClientVersion": str(client_version_number(weilink.__version__)),
        }
        if post:
            headers |= {
                "Content-Type": "application/json",
                "AuthorizationType": "ilink_bot_token",
                "X-WECHAT-UIN": uin(),
            }
            if self._token:
                headers["Authorization"] = f"Bearer {self._token}"
        return headers

    async def _post(
        self,
        endpoint: str,
        body: dict[str, Any],
        *,
        timeout: float | None,
        base_info: bool = True,
    ) -> dict[str, Any]:
        if base_info:
            version = weilink.__version__
            body = body | {
                "base_info": {"channel_version": version, "bot_agent": f"WeiLink/{version}"}
            }
        url = f"{self.base_url}/ilink/bot/{endpoint}"
        # Connecting is never slow on a service that works: a dead one is noticed early.
        limits = httpx.Timeout(timeout, connect=LIGHT_CALL)
        try:
            answer = await self._http.post(
                url, content=json.dumps(body), headers=self._headers(), timeout=limits
            )
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise _network(endpoint, url, error) from error
        return _object(endpoint.partition("?")[0], answer)


_NEVER_LEFT = (
    *(httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout),
    *(httpx.InvalidURL, httpx.UnsupportedProtocol),
)


def _network(endpoint: str, url: str, error: httpx.HTTPError | httpx.InvalidURL) -> NetworkError:
    host = urlsplit(url).netloc.rpartition("@")[2] or "the service"
    never_left = isinstance(error, _NEVER_LEFT)
    what = f"{host} cannot be reached" if never_left else f"no answer from {host}"
    reason = str(error) or type(error).__name__
    return NetworkError(
        f"{endpoint.partition('?')[0]}: {what} ({reason})", maybe_done=not never_left
    )


def _object(endpoint: str, answer: httpx.Response) -> dict[str, Any]:
    """Return the JSON object of an answer that reports no error."""
    try:
        raw = json.loads(answer.content)
    except (ValueError, RecursionError):
        # Not JSON, a number of thousands of digits, or brackets without end.
        raw = None
    if isinstance(raw, dict):
        message = str(raw.get("errmsg") or "")
        for code in (raw.get("errcode"), raw.get("ret")):
            if isinstance(code, int) and code != 0:
                raise _refusal(endpoint, code, message)
    if answer.status_code >= 400:
        raise ServiceError(endpoint, answer.status_code, f"HTTP {answer.status_code}")
    if not isinstance(raw, dict):
        raise AnswerError(f"{endpoint}: the service did not answer with a JSON object")
    return raw


def _refusal(endpoint: str, code: int, message: str) -> ServiceError:
    kinds: dict[int, type[ServiceError]] = {STALE_TOKEN: StaleTokenError, REFUSED: RefusedError}
    return kinds.get(code, ServiceError)(endpoint, code, message)


def _parsed(model: type[_W], raw: dict[str, Any], endpoint: str) -> _W:
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise AnswerError(f"{endpoint}: '{where}' is not what the protocol says") from None
