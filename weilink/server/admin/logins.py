"""Logins that are under way in the panel: a QR code on the page, polled while it is open."""

from __future__ import annotations

import base64
import secrets
import time
from typing import Any

import anyio

from weilink.errors import UsageError, WeiLinkError
from weilink.i18n import t
from weilink.ilink.login import Login, LoginState
from weilink.qr import qr_png
from weilink.service import Service

POLL_SECONDS = 20.0
START_SECONDS = 30.0
KEPT = 10
FINAL = (LoginState.CONFIRMED, LoginState.ALREADY_BOUND, LoginState.EXPIRED)


class _Attempt:
    def __init__(self, name: str, login: Login, *, replace: bool) -> None:
        self.wanted = self.name = name
        self.login = login
        self.replace = replace
        self.blocked = False
        self.bound: list[str] = []
        self.turn = anyio.Lock()
        self.saved = False
        self.started = time.monotonic()


class PanelLogins:
    """The attempts of one process."""

    def __init__(self) -> None:
        self._attempts: dict[str, _Attempt] = {}

    async def start(self, service: Service, name: str) -> dict[str, Any]:
        """Begin a login as the session `name` ("": the default one).

        Raises:
            WeiLinkError: the name cannot be used, or the service cannot be reached.
        """
        wanted = await service.logins.name_for_login(name)
        login = await service.logins.begin(wanted, service.client_for_login())
        with anyio.move_on_after(START_SECONDS) as limit:
            await login.start()
        if limit.cancelled_caught:
            raise WeiLinkError(t("WeChat gave no QR code in time; try again in a minute"))
        number = secrets.token_urlsafe(12)
        # Who names no session does not mean to lose the default one to another account.
        self._attempts[number] = _Attempt(wanted, login, replace=bool(name))
        while len(self._attempts) > KEPT:
            del self._attempts[next(iter(self._attempts))]
        return self._shown(number)

    async def poll(self, service: Service, number: str, code: str) -> dict[str, Any]:
        """Wait for news of a login, and save it when it is confirmed.

        Raises:
            UsageError: there is no such login.
            WeiLinkError: the service cannot be reached, or it cannot be saved.
        """
        attempt = self._attempts.get(number)
        if attempt is None:
            raise UsageError("this login is over; start a new one")
        async with attempt.turn:
            login = attempt.login
            if login.state not in FINAL:
                with anyio.move_on_after(POLL_SECONDS):
                    await login.poll(code)
            if login.state is LoginState.EXPIRED and login.can_refresh:
                blocked = login.blocked
                with anyio.move_on_after(POLL_SECONDS):
                    await login.start()
                    attempt.blocked = blocked
            if login.credentials is not None and not attempt.saved:
                session = await service.logins.complete(
                    attempt.wanted, login.credentials, replace=attempt.replace
                )
                attempt.name, attempt.saved = session.name, True
            if login.state is LoginState.ALREADY_BOUND:
                attempt.bound = [session.name for session in service.logins.bound(login)]
        return self._shown(number)

    def cancel(self, number: str) -> None:
        """Forget a login."""
        self._attempts.pop(number, None)

    def _shown(self, number: str) -> dict[str, Any]:
        attempt = self._attempts[number]
        login = attempt.login
        return {
            "id": number,
            "name": attempt.name,
            "state": login.state.value,
            "kept": attempt.wanted if attempt.name != attempt.wanted else "",
            "wrong_code": login.code_was_wrong,
            "blocked": attempt.blocked,
            "bound": attempt.bound,
            "url": login.qr_url,
            "png": base64.b64encode(qr_png(login.qr_url)).decode(),
        }
