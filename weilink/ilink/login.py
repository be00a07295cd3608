"""A QR login from the first code to the confirmation, one long poll at a time."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

from weilink.ilink.client import ILinkClient
from weilink.ilink.errors import AnswerError, ILinkError

LIFETIME = 300.0
"""Seconds that one QR code can be used (client 2.4.9)."""
MAX_QR_CODES = 3
"""QR codes in one login before the official client gives up."""
PATIENCE = 5
"""Polls in a row that may fail before the login does."""
_HOST = re.compile(r"[A-Za-z0-9.-]{1,253}(?::\d{1,5})?")


class LoginState(str, Enum):
    """Where a login stands."""

    PENDING = "pending"
    SCANNED = "scanned"
    NEED_CODE = "need_code"
    EXPIRED = "expired"
    CONFIRMED = "confirmed"
    ALREADY_BOUND = "already_bound"


@dataclass(frozen=True)
class Credentials:
    """What a confirmed login gives: enough to act as the bot. `token` is a secret."""

    bot_id: str
    user_id: str
    base_url: str
    token: str = field(repr=False)


class Login:
    """One login. Call `start`, show `qr_url`, then `poll` until the state is final.

    Attributes:
        local_tokens: the bots of this computer that the service is told of.
        qr_url: what to show as a QR code.
        state: the state of the last poll.
        code_was_wrong: the pair code given with the last poll was not accepted.
        blocked: the QR code ended because too many wrong pair codes were given.
        credentials: set once `state` is `CONFIRMED`.
    """

    def __init__(self, client: ILinkClient, local_tokens: Sequence[str] = ()) -> None:
        self._client = client
        self.local_tokens = tuple(local_tokens)
        self._poll_base = ""
        self._qrcode = ""
        self._deadline = 0.0
        self._codes_shown = 0
        self.qr_url = ""
        self.state = LoginState.PENDING
        self.code_was_wrong = False
        self.blocked = False
        self._failures = 0
        self._code = ""
        self.credentials: Credentials | None = None

    @property
    def can_refresh(self) -> bool:
        """Whether one more QR code may be asked for."""
        return self._codes_shown < MAX_QR_CODES

    @property
    def seconds_left(self) -> float:
        """How long the QR code can still be used."""
        return max(self._deadline - time.monotonic(), 0.0)

    async def start(self) -> str:
        """Get a QR code, the first or a fresh one, and return its URL.

        Raises:
            ILinkError: the service cannot be reached or refused.
        """
        answer = await self._client.get_bot_qrcode(self.local_tokens)
        if not answer.qrcode or not answer.qrcode_img_content:
            raise AnswerError("get_bot_qrcode: the answer holds no QR code")
        self._qrcode = answer.qrcode
        self._poll_base = ""
        self._codes_shown += 1
        self._code = ""
        self._deadline = time.monotonic() + LIFETIME
        self.qr_url = answer.qrcode_img_content
        self.blocked = False
        self.state = LoginState.PENDING
        return self.qr_url

    async def poll(self, verify_code: str = "") -> LoginState:
        """Wait once for news (up to 35 seconds) and return the state.

        Pass the number that the phone shows as `verify_code` after `NEED_CODE`, once: it is
        asked for again only when the service does.

        Raises:
            ILinkError: the service cannot be reached or refused.
        """
        if time.monotonic() > self._deadline:
            self.state = LoginState.EXPIRED
            return self.state
        if verify_code:
            self._code, self.code_was_wrong = verify_code, False
            if self.state is LoginState.NEED_CODE:
                self.state = LoginState.SCANNED
        code = self._code
        try:
            answer = await self._client.get_qrcode_status(
                self._qrcode, code, base_url=self._poll_base
            )
        except ILinkError:
            # The person holds the phone already: a moment without network must not begin anew.
            self._failures += 1
            if self._failures > PATIENCE:
                raise
            return self.state
        # A number that may not have arrived is sent again, any other only once.
        self._failures, self._code = 0, ""
        status = answer.status
        self.code_was_wrong = status == "need_verifycode" and bool(code)
        if status == "wait":
            return self.state
        if status == "scaned_but_redirect":
            if answer.redirect_host:
                self._poll_base = self._redirected(answer.redirect_host)
            self.state = LoginState.SCANNED
        elif status == "confirmed":
            if not (answer.bot_token and answer.ilink_bot_id):
                raise AnswerError("get_qrcode_status: confirmed, but without credentials")
            self.credentials = Credentials(
                bot_id=answer.ilink_bot_id,
                user_id=answer.ilink_user_id,
                base_url=self._checked(answer.baseurl or self._client.base_url),
                token=answer.bot_token,
            )
            self.state = LoginState.CONFIRMED
        else:
            self.blocked = status == "verify_code_blocked"
            self.state = {
                "scaned": LoginState.SCANNED,
                "need_verifycode": LoginState.NEED_CODE,
                "verify_code_blocked": LoginState.EXPIRED,
                "expired": LoginState.EXPIRED,
                "binded_redirect": LoginState.ALREADY_BOUND,
            }.get(status, LoginState.PENDING)
        return self.state

    def _redirected(self, host: str) -> str:
        if not _HOST.fullmatch(host):
            raise AnswerError("get_qrcode_status: redirected to what is no host")
        # https on the real service; a sandbox on loopback stays on http.
        scheme = self._client.base_url.partition("://")[0]
        return f"{scheme}://{host}"

    def _checked(self, base_url: str) -> str:
        """Return the bot's base URL: the token goes there with every call, never in the clear."""
        scheme = base_url.partition("://")[0].lower()
        if scheme not in ("https", self._client.base_url.partition("://")[0].lower()):
            raise AnswerError("get_qrcode_status: the bot's address is not https")
        return base_url
