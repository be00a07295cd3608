"""`weilink status`."""

from __future__ import annotations

import click

from weilink.cli.agents import state_name
from weilink.cli.common import echo_json, json_option, run_async, settings_of
from weilink.i18n import t
from weilink.service import open_service
from weilink.service.assignments import assignments
from weilink.service.leading import is_led
from weilink.service.sending import replies_left
from weilink.service.visible import visible
from weilink.store.models import Delivery, PartState

UNSENT = 10
"""The newest parts that were not sent, told one by one."""


@click.command("status")
@json_option
@click.pass_context
def status_command(ctx: click.Context, as_json: bool) -> None:
    """Show the bots, who can be answered, what waits, and whether a server runs."""
    settings = settings_of(ctx)

    async def body() -> dict[str, object]:
        async with open_service(settings) as service:
            inbox = await service.store.inbox.counts()
            claims = await service.store.inbox.claim_states()
            outbox = await service.store.outbox.counts()
            return {
                "base_path": str(settings.base_path),
                "server_running": is_led(settings.base_path),
                "bots": [
                    {
                        "name": session.name,
                        "bot_id": session.bot_id,
                        "problem": (await service.store.bots.get(session.bot_id)).problem,
                    }
                    for session in service.logins.sessions()
                ],
                "reply_windows": [
                    {
                        "user_id": window.user_id,
                        "bot_id": window.bot_id,
                        "replies_left": replies_left(window),
                    }
                    for window in await service.store.windows.all()
                ],
                "messages": {
                    kind.value: inbox.get(kind, 0)
                    for kind in Delivery
                    if kind not in (Delivery.NONE, Delivery.COMMAND)
                },
                "claims": {
                    state: claims.get(state, 0)
                    for state in ("open", "written", "acknowledged", "released")
                },
                "agents": (await assignments(service.store, service.presence))["agents"],
                "outbox": {state.value: outbox.get(state, 0) for state in PartState},
                "unsent": [
                    {
                        "user_id": part.user_id,
                        "state": part.state.value,
                        "reason": part.reason,
                        "text": part.text[:60],
                        "given_up_at": part.expires_at,
                    }
                    for part in await service.store.outbox.unsettled(UNSENT)
                ],
            }

    found = run_async(body)
    if as_json:
        echo_json(found)
    else:
        _print(found)


def _print(found: dict[str, object]) -> None:
    bots, windows = found["bots"], found["reply_windows"]
    messages, outbox = found["messages"], found["outbox"]
    assert isinstance(bots, list) and isinstance(windows, list)  # noqa: S101
    assert isinstance(messages, dict) and isinstance(outbox, dict)  # noqa: S101
    click.echo(
        t("Server: running")
        if found["server_running"]
        else t("Server: not running (your agent starts it, or run 'weilink mcp')")
    )
    if not bots:
        click.echo(t("Bots: none; run 'weilink login'"))
    for bot in bots:
        click.echo(
            t("Bot '{name}' ({bot}): {state}", name=bot["name"], bot=bot["bot_id"],
              state=bot["problem"] or t("connected"))
        )  # fmt: skip
    for window in windows:
        click.echo(
            t("{user}: {count} replies left", user=window["user_id"], count=window["replies_left"])
        )
    click.echo(
        t(
            "Messages: {pending} wait for an agent, {claimed} are being handed over, "
            "{delivered} delivered, {held} kept back",
            **messages,
        )
    )
    click.echo(t("Outbox: {queued} queued, {failed} failed", **outbox))
    unsent = found["unsent"]
    assert isinstance(unsent, list)  # noqa: S101
    for part in unsent:
        text = visible(part["text"]).replace("\n", " ")
        click.echo(f"  {part['state']} -> {part['user_id']}: {text}  ({part['reason']})")
    agents = found["agents"]
    assert isinstance(agents, list)  # noqa: S101
    for one in agents:
        click.echo(
            t("{number}  {agent}, {state}, in {cwd}", number=one["number"], agent=one["agent"],
              state=state_name(one["state"]), cwd=one["cwd"])
        )  # fmt: skip
    if not agents:
        click.echo(t("No agent session is open."))
