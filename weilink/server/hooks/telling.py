"""Telling whoever sits in front of an agent what only they can mend."""

from __future__ import annotations

import dataclasses

from weilink.agents.speech import SPEECHES, shown
from weilink.i18n import t, told
from weilink.server.hooks.given import HookCall
from weilink.server.hooks.turns import Answer
from weilink.service import Service


class Telling:
    """Tells each agent session once of a bot whose login has ended.

    Such a bot cannot tell the phone, and nobody looks at a status while messages only seem to be
    few. The agent shows the text to the user; its model does not get it.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._told: set[tuple[str, str]] = set()

    async def beside(self, call: HookCall, answer: Answer | None) -> Answer | None:
        """Return the answer to a hook with what there is to tell its user."""
        if call.event == "SessionEnd":
            self._told = {(session, bot) for session, bot in self._told if session != call.session}
        if call.purpose or not call.typed or call.in_subagent or call.agent not in SPEECHES:
            return answer
        if not (call.interactive and self._service.presence.attended(call.session)):
            return answer
        news = await self._news(call.session)
        if not news:
            return answer
        answer = answer or Answer("")
        return dataclasses.replace(answer, text=shown(news, answer.text))

    async def _news(self, session: str) -> str:
        lines = []
        for bot in self._service.logins.sessions():
            key = (session, bot.bot_id)
            if not await self._service.logins.ended(bot):
                self._told.discard(key)
            elif key not in self._told:
                self._told.add(key)
                problem = told((await self._service.store.bots.get(bot.bot_id)).problem)
                lines.append(t("WeiLink: bot '{name}' gets no messages: {problem}",
                               name=bot.name, problem=problem))  # fmt: skip
        return "\n".join(lines)
