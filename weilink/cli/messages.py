"""`weilink recv` and `history`: messages on the shell."""

from __future__ import annotations

import dataclasses
import math
from datetime import datetime, timezone
from typing import Any

import anyio
import click

from weilink.cli.common import echo_json, json_option, run_async, settings_of
from weilink.errors import NotLoggedInError
from weilink.i18n import t, told
from weilink.server.node import open_node
from weilink.server.results import HistoryResult, MessageOut, QuoteOut, RecvResult
from weilink.server.showing import message_out, problems
from weilink.service import Service, open_service
from weilink.service.times import moment
from weilink.service.visible import visible
from weilink.store.history import Query
from weilink.store.models import Claim, Direction

FINISH = 30.0
"""Seconds that `recv` takes at most to send what waited for the message it received."""
TYPES = ["TEXT", "IMAGE", "VOICE", "FILE", "VIDEO"]
QUOTED = 300
"""Characters of a quoted message that are shown; --json has the rest."""


class Seconds(click.FloatRange):
    """A time to wait. `nan` is a number to Python, and neither more nor less than any other."""

    def convert(  # noqa: D102
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        seconds: float = super().convert(value, param, ctx)
        if math.isnan(seconds):
            self.fail(f"{value!r} is not a valid float range.", param, ctx)
        return seconds


@click.command("recv")
@click.option("-t", "--timeout", type=Seconds(min=0), default=5.0, show_default=True, metavar="S")
@json_option
@click.pass_context
def recv_command(ctx: click.Context, timeout: float, as_json: bool) -> None:
    """Take the new messages, oldest first; wait up to S seconds for one to come.

    What is taken here is not handed to an agent any more. Queued answers that
    a message of theirs lets out are sent before the command ends, within 30 s.
    """
    settings = settings_of(ctx)

    async def body() -> None:
        async with open_node(settings) as service:
            _must_be_logged_in(service)
            claim = await service.claims.receive("shell", timeout)
            try:
                await _show(service, claim, as_json=as_json)
            except BaseException:
                if claim:
                    # Not all was seen: the next reader gets them now, not after the lease.
                    with anyio.CancelScope(shield=True):
                        await service.claims.release(claim.id)
                raise
            if claim:
                await service.claims.acknowledge(claim.id)
            if service.leader.polled():
                await service.sender.drain(FINISH)

    run_async(body)


@click.command("history")
@click.option("--user", default="", help="Only with this user.")
@click.option("--bot", default="", help="Only of this bot: its name or its id.")
@click.option("--type", "msg_type", type=click.Choice(TYPES, case_sensitive=False), default=None)
@click.option("--direction", type=click.Choice(["received", "sent"]), default=None)
@click.option("--since", default="", help="ISO 8601 or milliseconds since 1970.")
@click.option("--until", default="", help="ISO 8601 or milliseconds since 1970.")
@click.option("--text", default="", help="Only with this text in it.")
@click.option("--limit", type=click.IntRange(1, 200), default=50, show_default=True)
@click.option("--offset", type=click.IntRange(min=0), default=0, show_default=True)
@json_option
@click.pass_context
def history_command(
    ctx: click.Context,
    user: str,
    bot: str,
    msg_type: str | None,
    direction: str | None,
    since: str,
    until: str,
    text: str,
    limit: int,
    offset: int,
    as_json: bool,
) -> None:
    """Search all messages, received and sent, newest first."""
    settings = settings_of(ctx)
    query = Query(
        user_id=user,
        bot_id=bot,
        msg_type=msg_type or "",
        direction=Direction(direction) if direction else None,
        since=moment("--since", since),
        until=moment("--until", until),
        text_contains=text,
        limit=limit,
        offset=offset,
    )

    async def body() -> None:
        async with open_service(settings) as service:
            named = service.logins.find(bot)
            wanted = dataclasses.replace(query, bot_id=named.bot_id) if named else query
            page = await service.store.history.find(wanted)
        messages = [message_out(message) for message in page.messages]
        if as_json:
            echo_json(
                HistoryResult(messages=messages, total=page.total, limit=limit, offset=offset)
            )
            return
        for message in messages:
            _print(message)
        click.echo(t("{count} of {total}", count=len(messages), total=page.total), err=True)

    run_async(body)


async def _show(service: Service, claim: Claim | None, *, as_json: bool) -> None:
    messages = [message_out(message) for message in claim.messages] if claim else []
    waiting = claim.waiting if claim else 0
    troubles = await problems(service)
    if as_json:
        echo_json(RecvResult(messages=messages, waiting=waiting, problems=troubles))
        return
    for message in messages:
        _print(message)
    if not messages:
        click.echo(t("No new messages."), err=True)
    if waiting:
        click.echo(t("{count} more wait: run it again.", count=waiting), err=True)
    for trouble in troubles:
        click.echo(told(trouble), err=True)


def _must_be_logged_in(service: Service) -> None:
    if not service.logins.sessions():
        raise NotLoggedInError(t("no bot is logged in: run 'weilink login'"))


def _print(message: MessageOut) -> None:
    when = datetime.fromtimestamp(message.timestamp / 1000, timezone.utc).astimezone()
    arrow = "<-" if message.direction == "received" else "->"
    place = f" ({message.group_id})" if message.group_id else ""
    # What `weilink download` wants to know.
    number = f"  ({visible(message.message_id)})" if message.media else ""
    head = f"{when:%Y-%m-%d %H:%M:%S} {arrow} {message.from_user}{place}".replace("\n", " ")
    # Further lines stand back: what somebody writes must not look like another message.
    text = message.text.replace("\n", "\n    ")
    click.echo(f"{head}  {text}{number}")
    if message.ref_msg is not None:
        click.echo(f"  | {_quoted(message.ref_msg)}")


def _quoted(quote: QuoteOut) -> str:
    """Return what a message quotes in one line, and by what number `download` knows a file."""
    text = " ".join((quote.part or quote.text).split())
    text = text or t("[a message that this computer never saw]")
    short = text if len(text) <= QUOTED else text[: QUOTED - 1] + "…"
    who = {"": "", "you": t("you") + ": "}.get(quote.from_user, f"{quote.from_user}: ")
    file = quote.msg_type in TYPES[1:] and quote.message_id
    return f"{who}{short}" + (f"  ({visible(quote.message_id)})" if file else "")
