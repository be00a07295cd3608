"""Everything the sandbox knows, in one place: made once per process, lost with it."""

from __future__ import annotations

import secrets
from dataclasses import asdict

from weilink.sandbox.accounts import Accounts, Bot
from weilink.sandbox.cdn import Cdn
from weilink.sandbox.changes import Changes, Clock
from weilink.sandbox.chat import Chat
from weilink.sandbox.faults import Faults
from weilink.sandbox.journal import Journal
from weilink.sandbox.logins import Login, Logins
from weilink.sandbox.options import Options
from weilink.sandbox.pollers import Pollers
from weilink.sandbox.records import BotState, Conversation, LoginState, State
from weilink.sandbox.tokens import Tokens


class World:
    """The sandbox's state; single process, single thread, so nothing is locked."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self.cdn_base_url = f"{base_url}/c2c"
        self.options = Options()
        self.changes = Changes()
        self.clock = Clock()
        self.journal = Journal(self.clock)
        self.faults = Faults()
        self.accounts = Accounts()
        self.logins = Logins(self.accounts, self.options, self.clock)
        self.tokens = Tokens(self.options, self.clock)
        self.cdn = Cdn(self.journal)
        self.chat = Chat(
            self.options,
            self.clock,
            self.tokens,
            lambda why: self.journal.refusal("/ilink/bot/sendmessage", why),
            self.cdn.has,
        )
        self.pollers = Pollers()
        self._tickets: dict[tuple[str, str], str] = {}
        self.typing: dict[tuple[str, str], list[int]] = {}

    def login_url(self, login: Login) -> str:
        """Return what the QR code shows: a page of the sandbox itself."""
        return f"{self.base_url}/q/{login.qrcode}"

    def ticket(self, user_id: str, bot: Bot) -> str:
        """Return the typing ticket of a user and a bot, the same one each time."""
        return self._tickets.setdefault((user_id, bot.bot_id), secrets.token_urlsafe(18))

    def login_state(self, login: Login) -> LoginState:
        """Describe a login as the phone sees it."""
        return LoginState(
            qrcode=login.qrcode,
            url=self.login_url(login),
            status=self.logins.status(login),
            user_id=login.user_id,
            pair_code=login.pair_code,
            expires_ms=self.logins.expires_ms(login),
            polls=login.polls,
        )

    def bot_state(self, bot: Bot) -> BotState:
        """Describe a bot."""
        return BotState(
            bot_id=bot.bot_id,
            user_id=bot.user_id,
            live=bot.live,
            online=bot.online,
            polling=self.pollers.now(bot.bot_id),
            most_pollers=self.pollers.most(bot.bot_id),
            polls=bot.polls,
            waiting=self.chat.waiting(bot),
        )

    def conversation(self, user_id: str, bot_id: str) -> Conversation:
        """Describe what stands between a user and a bot."""
        live = self.tokens.live(user_id, bot_id)
        events = self.typing.get((user_id, bot_id), [])
        return Conversation(
            user_id=user_id,
            bot_id=bot_id,
            typing=bool(events) and events[-1] == 1,
            typing_events=list(events),
            tokens=self.tokens.count(user_id, bot_id),
            live_tokens=len(live),
            replies_left=live[-1].replies_left if live else 0,
            window_ends_ms=live[-1].expires_ms if live else 0,
        )

    def state(self) -> State:
        """Describe the whole sandbox, without messages."""
        return State(
            version=self.changes.version,
            base_url=self.base_url,
            cdn_base_url=self.cdn_base_url,
            now_ms=self.clock.now_ms(),
            users=list(self.accounts.users),
            bots=[self.bot_state(bot) for bot in self.accounts.bots.values()],
            logins=[self.login_state(login) for login in self.logins.all.values()],
            conversations=[self.conversation(*pair) for pair in self.tokens.pairs()],
            messages=len(self.chat.entries),
            violations=len(self.journal.violations),
            options=asdict(self.options),
        )
