"""`weilink login` and `weilink logout`."""

from __future__ import annotations

import anyio
import click

from weilink.cli.common import run_async, settings_of
from weilink.errors import NotLoggedInError, WeiLinkError
from weilink.i18n import t
from weilink.ilink.errors import NetworkError
from weilink.ilink.login import Login, LoginState
from weilink.qr import qr_text
from weilink.service import Service, open_service

POLL_EVERY = 1.0
"""Seconds between two questions for the state (client 2.4.9)."""


@click.command("login")
@click.argument("name", default="")
@click.option("--force", is_flag=True, help="Log in anew although NAME is logged in.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=1),
    default=300.0,
    show_default=True,
    metavar="S",
    help="Seconds to wait for the scan and the confirmation.",
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
                click.echo(
                    t(
                        "'{name}' is logged in already as {bot}. --force logs in anew.",
                        name=session_name,
                        bot=existing.bot_id,
                    )
                )
                return
            await _log_in(service, session_name, timeout)

    run_async(body)


async def _log_in(service: Service, name: str, timeout: float) -> None:
    attempt = service.logins.begin(service.client_for_login())
    with anyio.move_on_after(timeout):
        await _show(attempt)
        await _follow(attempt)
    if attempt.state is LoginState.ALREADY_BOUND:
        # A success to the service: the credentials that are here stay good.
        click.echo(t("This WeChat account is bound to a bot of this computer already."))
        return
    if attempt.credentials is None:
        raise NotLoggedInError(
            t(
                "nobody confirmed within {seconds:.0f} seconds; run 'weilink login' again",
                seconds=timeout,
            )
        )
    session = await service.logins.complete(name, attempt.credentials)
    click.echo(
        t(
            "Logged in: '{name}' is {bot}. Write to it in WeChat; 'weilink setup' connects your "
            "agents.",
            name=session.name,
            bot=session.bot_id,
        )
    )


async def _show(attempt: Login) -> None:
    try:
        url = await attempt.start()
    except NetworkError as error:
        raise WeiLinkError(
            t(
                "WeChat cannot be asked for a code: {error}. Check the network, and the setting "
                "ilink_base_url if you changed it",
                error=error,
            )
        ) from error
    click.echo(qr_text(url))
    click.echo(url)
    click.echo(t("Scan the code with WeChat on your phone."))


async def _follow(attempt: Login) -> None:
    """Poll until the login is confirmed; returns on a final state."""
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
            await _show(attempt)
        elif state is LoginState.NEED_CODE:
            code = await _ask_code(attempt.code_was_wrong)
            seen = state
            continue
        elif state is LoginState.SCANNED and state is not seen:
            click.echo(t("Scanned. Confirm on your phone."))
        seen = attempt.state
        await anyio.sleep(POLL_EVERY)


async def _ask_code(was_wrong: bool) -> str:
    if was_wrong:
        click.echo(t("That number was not right."))
    answer: str = await anyio.to_thread.run_sync(
        lambda: click.prompt(t("The number that WeChat shows on your phone"), type=str)
    )
    return answer.strip()


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
