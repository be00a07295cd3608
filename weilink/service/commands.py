"""Answering what the owner writes to WeiLink itself: `/agents`, `/use N`, `/status`, approvals."""

from __future__ import annotations

import logging

from weilink.errors import WeiLinkError
from weilink.i18n import t
from weilink.service.approving import Approving
from weilink.service.changes import Changes
from weilink.service.phonewords import Command, Verdict, parse
from weilink.service.presence import Presence
from weilink.service.routing import binding_of, target
from weilink.service.sending import Sender, replies_left
from weilink.service.visible import visible
from weilink.store import Store
from weilink.store.agentsessions import AgentSession, AgentState, Binding, BindingKind
from weilink.store.models import Delivery, PartState, StoredMessage

logger = logging.getLogger(__name__)


class Commands:
    """Runs in the leader."""

    def __init__(
        self,
        store: Store,
        changes: Changes,
        sender: Sender,
        presence: Presence,
        approving: Approving,
    ) -> None:
        self._store = store
        self._changes = changes
        self._sender = sender
        self._presence = presence
        self._approving = approving

    async def run(self) -> None:
        """Answer until cancelled."""
        while True:
            changed = self._changes.next
            for message in await self._store.inbox.commands():
                text = await self._answer(message)
                try:
                    await self._sender.send_text(message.user_id, text)
                except WeiLinkError as error:
                    logger.warning("a command could not be answered: %s", error)
                await self._store.inbox.command_done(message.row)
            await changed.wait()

    async def _answer(self, message: StoredMessage) -> str:
        await self._presence.refresh()
        said = parse(message.text)
        if isinstance(said, Verdict):
            return await self._approving.answer(message.user_id, said)
        if not isinstance(said, Command):
            return t("WeiLink does not know this command.")
        logger.info("the owner asked /%s from the phone", said.name)
        if said.name == "agents":
            return self._agents(message)
        if said.name == "use":
            return await self._use(message, said.argument)
        return await self._status(message)

    def _agents(self, message: StoredMessage) -> str:
        live = self._presence.live()
        if not live:
            return t("No agent session is open. Messages wait until one is.")
        bindings = self._presence.bindings
        mine = target(live, bindings, message.bot_id, message.user_id)
        lines = [_line(session, session == mine) for session in live]
        if mine is not None or binding_of(bindings, message.bot_id, message.user_id) is None:
            lines.append(t("→ gets your messages. /use N chooses, /use 0: the last active one."))
        else:
            lines.append(
                t(
                    "Your messages are bound to a session that is not open, and wait for it "
                    "or for a prompt. /use N chooses another, /use 0: the last active one."
                )
            )
        return "\n".join(lines)

    async def _use(self, message: StoredMessage, argument: str) -> str:
        if argument == "0":
            await self._store.bindings.remove(message.user_id)
            self._changes.notify()
            if self._presence.bindings.get(message.bot_id) is not None:
                return t(
                    "You are not bound any more; this bot is: weilink unbind, at the computer."
                )
            return t("Your messages go to the session where you were last active.")
        for session in self._presence.live():
            if argument == str(session.number):
                await self._store.bindings.set(
                    Binding(message.user_id, BindingKind.SESSION, session.id)
                )
                self._changes.notify()
                return t("Your messages go to: {session}", session=_line(session, False).strip())
        return t("There is no session {name}. /agents lists them.", name=visible(argument[:20]))

    async def _status(self, message: StoredMessage) -> str:
        live = self._presence.live()
        waiting = (await self._store.inbox.counts()).get(Delivery.PENDING, 0)
        outbox = await self._store.outbox.counts()
        window = await self._store.windows.get(message.bot_id, message.user_id)
        working = sum(session.state is AgentState.WORKING for session in live)
        lines = [
            t("{count} agent sessions, {working} at work", count=len(live), working=working),
            t("{count} messages wait for an agent", count=waiting),
            t("{count} answers are queued", count=outbox.get(PartState.QUEUED, 0)),
            t("{count} replies are left after this one", count=max(replies_left(window) - 1, 0)),
        ]
        return "\n".join(lines)


def _line(session: AgentSession, mine: bool) -> str:
    state = t("at work") if session.state is AgentState.WORKING else t("waits")
    return f"{'→' if mine else '  '} {session.number}. {session.agent} · {visible(session.cwd)} · {state}"  # noqa: E501
