"""Logins that are under way in the panel: a QR code on the page, polled while it is open."""

from __future__ import annotations

import base64
import secrets
import time
from typing import Any

import anyio

from weilink.errors import UsageError
from weilink.ilink.login import Login, LoginState
from weilink.qr import qr_png
from weilink.service import Service

POLL_SECONDS = 20.0
KEPT = 10
FINAL = (LoginState.CONFIRMED, LoginState.ALREADY_BOUND, LoginState.EXPIRED)


class _Attempt:
    def __init__(self, name: str, login: Login) -> None:
        self.name = name
        self.login = login
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
        login = service.logins.begin(service.client_for_login())
        await login.start()
        number = secrets.token_urlsafe(12)
        self._attempts[number] = _Attempt(wanted, login)
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
                await login.start()
            if login.credentials is not None and not attempt.saved:
                await service.logins.complete(attempt.name, login.credentials)
                attempt.saved = True
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
            "wrong_code": login.code_was_wrong,
            "url": login.qr_url,
            "png": base64.b64encode(qr_png(login.qr_url)).decode(),
        }
