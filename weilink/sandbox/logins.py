"""The QR login, as the service's side of it [ilink.md, Login]."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from weilink.sandbox.accounts import Accounts, Bot, SandboxError
from weilink.sandbox.changes import Clock
from weilink.sandbox.options import Options

# Statuses after which nothing can happen to a login any more.
FINAL = frozenset({"confirmed", "expired", "verify_code_blocked", "binded_redirect"})


@dataclass
class Login:
    """One QR code. `told` is the last status a client got, so that a poll can hold on it."""

    qrcode: str
    local_tokens: list[str] = field(repr=False)
    created_ms: int
    status: str = "wait"
    told: str = "wait"
    user_id: str = ""
    pair_code: str = ""
    wrong_codes: int = 0
    redirect: bool = False
    bot: Bot | None = None
    polls: int = 0


class Logins:
    """All logins, and what phone and client do to them."""

    def __init__(self, accounts: Accounts, options: Options, clock: Clock) -> None:
        self._accounts = accounts
        self._options = options
        self._clock = clock
        self.all: dict[str, Login] = {}

    def start(self, local_tokens: list[str]) -> Login:
        """Make a new QR code for a client that holds `local_tokens`."""
        login = Login(secrets.token_urlsafe(12), local_tokens, self._clock.now_ms())
        self.all[login.qrcode] = login
        return login

    def expires_ms(self, login: Login) -> int:
        """Return when the life of a login ends."""
        return login.created_ms + int(self._options.login_life_seconds * 1000)

    def status(self, login: Login) -> str:
        """Return the status at this moment; time may have ended the login."""
        over = self._clock.now_ms() >= self.expires_ms(login)
        if over and login.status not in ("binded_redirect", "verify_code_blocked"):
            login.status = "expired"
        return login.status

    def enter_code(self, login: Login, code: str) -> None:
        """Take the pair code that the person typed into the client."""
        if self.status(login) != "need_verifycode":
            return
        if secrets.compare_digest(code.encode(), login.pair_code.encode()):
            login.status = "scaned"
        else:
            login.wrong_codes += 1
            if login.wrong_codes >= self._options.pair_code_attempts:
                login.status = "verify_code_blocked"

    # -- the phone ---------------------------------------------------------------------------

    def find(self, qrcode: str) -> Login:
        """Return the login of a QR code, or of the URL that the QR code shows.

        Raises:
            SandboxError: no client has asked for this one.
        """
        name = qrcode.split("?")[0].rstrip("/").rsplit("/", 1)[-1]
        if name not in self.all:
            raise SandboxError("no client has asked for this QR code")
        return self.all[name]

    def scan(self, qrcode: str, user_id: str) -> Login:
        """Let the phone of a user read the QR code.

        Raises:
            SandboxError: the code is unknown, scanned already or expired.
        """
        login = self.find(qrcode)
        if self.status(login) != "wait":
            raise SandboxError(f"this QR code cannot be scanned: it is {login.status}")
        login.user_id = user_id
        login.redirect = self._options.redirect
        known = [self._accounts.by_token(token) for token in login.local_tokens]
        if any(bot is not None and bot.user_id == user_id for bot in known):
            login.status = "binded_redirect"
        elif self._options.pair_code:
            login.pair_code = f"{secrets.randbelow(10**6):06}"
            login.status = "need_verifycode"
        else:
            login.status = "scaned"
        return login

    def confirm(self, qrcode: str) -> Login:
        """Let the phone agree to the login: the user is bound to a new bot.

        Raises:
            SandboxError: it was not scanned, or a pair code is still missing.
        """
        login = self.find(qrcode)
        if self.status(login) != "scaned":
            raise SandboxError(f"this login cannot be confirmed: it is {login.status}")
        login.bot = self._accounts.bind(login.user_id)
        login.status = "confirmed"
        return login

    def end(self, qrcode: str) -> Login:
        """Decline the login or let it expire: the client is told the same, `expired`."""
        login = self.find(qrcode)
        if self.status(login) not in FINAL:
            login.status = "expired"
        return login
