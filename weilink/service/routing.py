"""Which agent session gets the messages of a conversation.

The one that the user bound the contact to; else, for wake-ups and during turns, the one where the
user was last active, and for a prompt that the user types, the one it is typed in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from weilink.store.agentsessions import AgentSession, Binding, BindingKind

Bindings = Mapping[str, Binding]


def binding_of(bindings: Bindings, bot_id: str, user_id: str) -> Binding | None:
    """Return what a conversation is bound to; the user's own binding goes before the bot's."""
    return bindings.get(user_id) or bindings.get(bot_id)


def names(binding: Binding, session: AgentSession) -> bool:
    """Return whether the binding means this session."""
    if binding.kind is BindingKind.SESSION:
        return session.id == binding.value
    if binding.kind is BindingKind.AGENT:
        return session.agent == binding.value
    folder = Path(binding.value)
    return folder == Path(session.cwd) or folder in Path(session.cwd).parents


def target(
    live: Iterable[AgentSession], bindings: Bindings, bot_id: str, user_id: str
) -> AgentSession | None:
    """Return the session that is to be woken for a conversation; `None`: nobody is there."""
    binding = binding_of(bindings, bot_id, user_id)
    attended = [session for session in live if session.interactive]
    if binding is not None:
        attended = [session for session in attended if names(binding, session)]
    return max(attended, key=lambda session: session.activity, default=None)


def may_take(
    session: AgentSession | None,
    live: Iterable[AgentSession],
    bindings: Bindings,
    bot_id: str,
    user_id: str,
) -> bool:
    """Return whether a conversation may be handed to the session in which the user acts now.

    `None` is a reader that is no session we know. What is bound to another live session is not
    for this one; and a run that nobody attends takes nothing unbound from those that somebody
    attends.
    """
    binding = binding_of(bindings, bot_id, user_id)
    if binding is not None:
        mine = session is not None and names(binding, session)
        return mine or not any(names(binding, other) for other in live)
    if session is not None and not session.interactive:
        return not any(other.interactive for other in live)
    return True
