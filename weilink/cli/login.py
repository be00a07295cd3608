"""`weilink login` and `weilink logout`."""

from __future__ import annotations

import math

import anyio
import click

from weilink.cli.common import run_async, settings_of
from weilink.cli.typed import TypedLines
from weilink.errors import NotLoggedInError, WeiLinkError
from weilink.i18n import t
from weilink.ilink.errors import ILinkError
from weilink.ilink.login import Credentials, Login, LoginState
from weilink.qr import qr_text
from weilink.service import Service, open_service
from weilink.store.credentials import BotSession, as_typed

POLL_EVERY = 1.0
"""Seconds between two questions for the state (client 2.4.9)."""


def _a_number(ctx: click.Context, parameter: click.Parameter, value: float) -> float:
    # It is neither more nor less than any limit.
    if math.isnan(value):
        raise click.BadParameter("nan", ctx, parameter)
    return value


@click.command("login")
@click.argument("name", default="")
@click.option("--force", is_flag=True, help="Log in anew although NAME is logged in.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=1, max=86400),
    callback=_a_number,
    default=900.0,
    show_default=True,
    metavar="S",
    help="Seconds to wait for the confirmation. A QR code lives 300, and three are shown.",
)
@click.pass_context
def login_command(ctx: click.Context, name: str, force: bool, timeout: float) -> None:
    """Log a WeChat bot in: scan the QR code with WeChat and confirm.

    NAME is what to call the bot session; without it, the default one.
    """
    settings = settings_of(ctx)

    async def body() -> None:
        async with open_service(settings) as service:
            session_name = await service.logins.name_for_login(name)
            existing = service.logins.find(session_name)
            if existing is not None and not force:
                if not await service.logins.ended(existing):
                    click.echo(
                        t(
                            "'{name}' is logged in already as {bot}. --force logs in anew.",
                            name=session_name,
                            bot=existing.bot_id,
                        )
                    )
                    return
                click.echo(t("The login of '{name}' is no longer valid.", name=session_name))
            attempt = await service.logins.begin(session_name, service.client_for_login())
            await _Screen(attempt).follow(timeout)
            if attempt.credentials is None:
                _tell_bound(service.logins.bound(attempt), existing, session_name)
            else:
                await _keep(service, session_name, attempt.credentials, force=force)

    run_async(body)


async def _keep(service: Service, name: str, credentials: Credentials, *, force: bool) -> None:
    before = {session.name for session in service.logins.sessions()}
    session = await service.logins.complete(name, credentials, replace=force)
    for gone in sorted(before - {one.name for one in service.logins.sessions()}):
        click.echo(
            t("'{name}' was the older bot of this WeChat account; it is replaced.", name=gone)
        )
    if session.name != name:
        click.echo(t("'{name}' is the bot of another WeChat account, and stays.", name=name))
    click.echo(
        t(
            "Logged in: '{name}' is {bot}. Write to it in WeChat; 'weilink setup' connects your "
            "agents.",
            name=session.name,
            bot=session.bot_id,
        )
    )


def _tell_bound(told: list[BotSession], existing: BotSession | None, name: str) -> None:
    """Say what it means that the account is bound already: a success when the login is here."""
    if told:
        click.echo(t("This WeChat account is bound to a bot of this computer already."))
        # The service does not say to which.
        for session in told:
            click.echo(
                t("Its login stays good: '{name}' is {bot}. To get a new one, run: {command}",
                  name=session.name, bot=session.bot_id,
                  command=f"weilink login {as_typed(session.name)} --force")
            )  # fmt: skip
    elif existing is not None:
        raise NotLoggedInError(
            t("WeChat gives '{name}' no new login, since the account is bound already; the old one "
              "is kept. If it does not work, remove the bot in WeChat, then run 'weilink login' "
              "again", name=name)
        )  # fmt: skip
    else:
        raise NotLoggedInError(
            t("WeChat says that this account is bound to a bot already, and this computer does not "
              "have its login: remove that bot in WeChat, then run 'weilink login' again")
        )  # fmt: skip


class _Screen:
    """A login on the terminal."""

    def __init__(self, attempt: Login) -> None:
        self._attempt = attempt
        self._typed = TypedLines()

    async def follow(self, timeout: float) -> None:
        """Show the login until it is confirmed, or the account turns out to be bound already.

        Raises:
            NotLoggedInError: nobody confirmed in time.
            WeiLinkError: it cannot go on.
        """
        with anyio.move_on_after(timeout) as limit:
            await self._show()
            try:
                await self._poll()
            except ILinkError as error:
                raise WeiLinkError(
                    t("the login broke off ({error}); run 'weilink login' again", error=error)
                ) from error
        if limit.cancelled_caught:
            if self._attempt.state is LoginState.NEED_CODE:
                click.echo()  # the question stands on this line
            raise NotLoggedInError(
                t(
                    "nobody confirmed within {seconds:.0f} seconds; run 'weilink login' again",
                    seconds=timeout,
                )
            )

    async def _show(self) -> None:
        try:
            url = await self._attempt.start()
        except ILinkError as error:
            raise WeiLinkError(
                t(
                    "WeChat cannot be asked for a code: {error}. Check the network, and the "
                    "setting ilink_base_url if you changed it",
                    error=error,
                )
            ) from error
        click.echo(qr_text(url))
        click.echo(url)
        click.echo(t("Scan the code with WeChat on your phone."))

    async def _poll(self) -> None:
        attempt = self._attempt
        code = ""
        seen = attempt.state
        while True:
            state = await attempt.poll(code)
            code = ""
            if state in (LoginState.CONFIRMED, LoginState.ALREADY_BOUND):
                return
            if state is LoginState.EXPIRED:
                if not attempt.can_refresh:
                    raise WeiLinkError(
                        t("the QR code expired three times; run 'weilink login' again when ready")
                    )
                if attempt.blocked:
                    click.echo(t("Too many wrong numbers. Here is a new code."))
                else:
                    click.echo(t("The code has expired. Here is a new one."))
                await self._show()
            elif state is LoginState.NEED_CODE:
                code = await self._ask_code()
                seen = state
                continue
            elif state is LoginState.SCANNED and state is not seen:
                click.echo(t("Scanned. Confirm on your phone."))
            seen = attempt.state
            await anyio.sleep(POLL_EVERY)

    async def _ask_code(self) -> str:
        """Return the number that the person types, "" when the QR code ends before."""
        if self._attempt.code_was_wrong:
            click.echo(t("That number was not right."))
        question = t("The number that WeChat shows on your phone")
        with anyio.move_on_after(self._attempt.seconds_left):
            while True:
                click.echo(f"{question}: ", nl=False)
                line = await self._typed.next()
                if line is None:
                    click.echo()
                    raise WeiLinkError(
                        t("WeChat asks for a number that the phone shows, and nothing can be typed "
                          "in here: run 'weilink login' in a terminal")
                    )  # fmt: skip
                if code := line.strip():
                    return code
        click.echo()
        return ""


@click.command("logout")
@click.argument("name", default="")
@click.pass_context
def logout_command(ctx: click.Context, name: str) -> None:
    """Log a bot out and remove its credentials from this computer. Its history stays."""
    settings = settings_of(ctx)

    async def body() -> None:
        async with open_service(settings) as service:
            session = await service.logins.logout(name)
            click.echo(t("Bot session '{name}' is logged out.", name=session.name))

    run_async(body)
