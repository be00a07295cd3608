"""Sending: every part through the outbox, every outcome told as what it is."""

from __future__ import annotations

import dataclasses
import logging
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import anyio
import anyio.to_thread

from weilink.errors import NotLoggedInError, UsageError
from weilink.ilink.client import ILinkClient
from weilink.ilink.errors import (
    AnswerError,
    ILinkError,
    NetworkError,
)
from weilink.service.changes import Changes, wait
from weilink.service.meter import Meter
from weilink.service.outcomes import (
    CANCELLED,
    EXPIRED,
    NEVER,
    NO_WINDOW,
    RETRIES,
    WINDOW_CLOSED,
    Outcomes,
    stale,
)
from weilink.service.parts import AnyPart, Preparer, TextPart, text_item
from weilink.service.splitting import fewest, split
from weilink.service.spool import Progress, Spool
from weilink.service.tasks import beside
from weilink.service.uploading import LostFileError, Uploader
from weilink.service.windows import REPLIES
from weilink.service.windows import WINDOW_MS as WINDOW_MS
from weilink.service.windows import replies_left as replies_left
from weilink.store import Store
from weilink.store.clock import now_ms
from weilink.store.credentials import BotSession
from weilink.store.models import NewPart, Part, PartState, ReplyWindow

logger = logging.getLogger(__name__)

LEASE_MS = 15_000
"""A part still `sending` after this has lost its sender, which renews it while it lives."""
RENEW = 4.0
"""Seconds between two renewals."""
RESERVED_MS = 2_000
"""How long new parts are left to the caller that sends them at once."""
SETTLE = 45.0
"""Seconds without progress after which a caller is told that its parts are queued."""
NOW = 2
"""Tries made at once when an answer got lost: with the same `client_id` they do not double."""

AFTER_A_FAULT = 5.0
"""Seconds before a conversation that met a bug is tried again."""
ClientFor = Callable[[BotSession], ILinkClient]


@dataclass(frozen=True)
class SendResult:
    """What became of each part, and how many replies the user's window still takes."""

    user_id: str
    bot: BotSession
    parts: list[Part]
    replies_left: int


class Sender:
    """Sends through whichever bot the user wrote to last."""

    def __init__(
        self,
        store: Store,
        changes: Changes,
        client_for: ClientFor,
        uploader: Uploader,
        preparer: Preparer,
        spool: Spool,
    ) -> None:
        self._store = store
        self._changes = changes
        self._client_for = client_for
        self._uploader = uploader
        self._preparer = preparer
        self._spool = spool
        self._outcomes = Outcomes(store, spool)

    async def send_text(self, user_id: str, text: str) -> SendResult:
        """Send `text`; see `send`."""
        return await self.send(user_id, [TextPart(text)])

    async def send(
        self,
        user_id: str,
        parts: Sequence[AnyPart],
        progress: Progress | None = None,
        keep: Callable[[], bool] = lambda: True,
    ) -> SendResult:
        """Send texts and files to a user, in this order.

        A long text is split; when its pieces are more than the replies left, it goes as one
        file. `progress` is told of the bytes of all files together, uploaded and in all.
        `keep` is asked when the caller is cancelled: whether what was not sent goes out later
        all the same. It does when a caller just ended, not when somebody changed their mind.

        Raises:
            NotLoggedInError: no bot session is there.
            UsageError: there is nothing to send, nobody of that id ever wrote, or a file is not
                there, may not be sent, is too large or of another kind. Nothing was sent.
        """
        wanted = [p for p in parts if not isinstance(p, TextPart) or p.text.strip()]
        if not wanted:
            raise UsageError("there is nothing to send: the text is empty")
        bot = await self.bot_for(user_id)
        # A command with nothing else running goes past `run`, which gives up what is too old.
        await self._expire()
        new = await self._prepared(bot, user_id, wanted)
        try:
            rows = await self._store.outbox.add(bot.bot_id, user_id, new, RESERVED_MS)
        except BaseException:
            self._drop(new)
            raise
        meter = Meter(new, progress)
        try:
            settled = await self._settled(bot, user_id, rows, meter, keep)
        except anyio.get_cancelled_exc_class():
            if not keep():
                with anyio.CancelScope(shield=True):
                    await self._withdraw(rows)
            raise
        window = await self._store.windows.get(bot.bot_id, user_id)
        return SendResult(user_id, bot, settled, replies_left(window))

    async def _withdraw(self, rows: list[int]) -> None:
        for part in await self._store.outbox.get(rows):
            # What somebody else is sending right now cannot be taken back.
            await self._outcomes.give_up(part, CANCELLED, only_queued=True)

    async def _prepared(
        self, bot: BotSession, user_id: str, wanted: Sequence[AnyPart]
    ) -> list[NewPart]:
        files = await anyio.to_thread.run_sync(self._preparer.files, wanted)
        window = await self._store.windows.get(bot.bot_id, user_id)
        ahead = await self._store.outbox.waiting(bot.bot_id, user_id)
        room = replies_left(window) - ahead
        # With no room now it goes out on the next window that has some, behind what waits.
        while room <= 0:
            room += REPLIES
        room -= len(files)
        new: list[NewPart] = []
        left = iter(files)
        try:
            for part in wanted:
                if not isinstance(part, TextPart):
                    new.append(next(left))
                    continue
                # Counted first: to cut megabytes into pieces takes minutes.
                pieces = split(part.text) if fewest(part.text) <= max(room, 1) else []
                if not pieces or len(pieces) > max(room, 1):
                    new.append(await anyio.to_thread.run_sync(self._preparer.text_file, part.text))
                    room -= 1
                    continue
                room -= len(pieces)
                new += [NewPart(secrets.token_hex(16), text_item(text), text) for text in pieces]
        except BaseException:
            self._drop([*files, *new])
            raise
        return new

    def _drop(self, parts: Sequence[NewPart]) -> None:
        for part in parts:
            if part.upload is not None:
                self._spool.drop(part.client_id)

    async def bot_for(self, user_id: str) -> BotSession:
        """Return the bot that the user wrote to last: through it they can be answered.

        Raises:
            NotLoggedInError: no bot session is there.
            UsageError: nobody of that id ever wrote.
        """
        sessions = {session.bot_id: session for session in self._store.credentials.load()}
        if not sessions:
            raise NotLoggedInError("no bot is logged in: run 'weilink login' (or the login tool)")
        for window in await self._store.windows.of_user(user_id):
            if window.bot_id in sessions:
                return sessions[window.bot_id]
        known = sorted({window.user_id for window in await self._store.windows.all()})
        people = ", ".join(known[:5]) + (", …" if len(known) > 5 else "") if known else "nobody yet"
        raise UsageError(
            f"'{user_id}' never wrote to a bot of this computer, and WeChat lets a bot only "
            f"answer. People who wrote: {people}"
        )

    async def _settled(
        self,
        bot: BotSession,
        user_id: str,
        rows: list[int],
        meter: Meter,
        keep: Callable[[], bool],
    ) -> list[Part]:
        """Send, and wait while another process is sending in the same conversation."""

        def taken_back(part: Part) -> bool:
            return part.row in rows and not scope.cancel_called and not keep()

        with anyio.move_on_after(SETTLE) as scope:
            meter.alive = lambda: setattr(scope, "deadline", anyio.current_time() + SETTLE)
            while True:
                changed = self._changes.next
                await self.flush(bot, user_id, meter, taken_back)
                parts = await self._store.outbox.get(rows)
                if not any(_under_way(part) for part in parts):
                    return parts
                await wait(changed, 1)
        return await self._store.outbox.get(rows)

    async def flush(
        self,
        bot: BotSession,
        user_id: str,
        meter: Meter | None = None,
        taken_back: Callable[[Part], bool] = lambda _: False,
    ) -> None:
        """Send what is queued for a conversation, oldest first, until something is in the way.

        `taken_back` is asked about the part that is under way when this is cancelled: whether it
        is not to go out any more.
        """
        meter = meter or Meter([], None)
        while True:
            window = await self._store.windows.get(bot.bot_id, user_id)
            if window is None or replies_left(window) == 0:
                reason = WINDOW_CLOSED if window else NO_WINDOW
                if (await self._store.bots.get(bot.bot_id)).problem == stale(bot):
                    # Until then the user's next message does not come in either.
                    reason = f"bot {bot.name}: {stale(bot)}"
                await self._store.outbox.hold(bot.bot_id, user_id, reason, NEVER)
                return
            part = await self._store.outbox.next(bot.bot_id, user_id, LEASE_MS)
            if part is None:
                return
            try:
                settled = await self._send(bot, part, window, meter)
            except anyio.get_cancelled_exc_class():
                with anyio.CancelScope(shield=True):
                    if taken_back(part):
                        # At once: queued for a moment it would be sent by somebody else.
                        await self._outcomes.give_up(part, CANCELLED)
                    else:
                        await self._interrupted(part)
                raise
            except BaseException:
                with anyio.CancelScope(shield=True):
                    await self._interrupted(part)
                raise
            self._changes.notify()
            if not settled:
                return

    async def _interrupted(self, part: Part) -> None:
        # Whether it arrived is not known. The same client_id again.
        await self._outcomes.again(part, "sending was interrupted; it will be tried again")

    async def _send(self, bot: BotSession, part: Part, window: ReplyWindow, meter: Meter) -> bool:
        """Send one part and record what became of it; whether the next one may follow."""
        problem: ILinkError | LostFileError | None = None
        sent, message_id = part, ""
        try:
            sent, message_id = await beside(
                lambda: self._call(bot, part, window, meter), lambda: self._keep(part)
            )
        except (ILinkError, LostFileError) as error:
            problem = error
        settled = False
        # What iLink said must be written down whoever stops us now.
        with anyio.CancelScope(shield=True):
            if problem is not None:
                settled = await self._outcomes.not_sent(bot, part, window, problem)
            else:
                settled = await self._outcomes.accepted(sent, window, message_id)
        return settled

    async def _keep(self, part: Part) -> None:
        while True:
            await anyio.sleep(RENEW)
            await self._store.outbox.renew(part.row, LEASE_MS)

    async def _call(
        self, bot: BotSession, part: Part, window: ReplyWindow, meter: Meter
    ) -> tuple[Part, str]:
        client = self._client_for(bot)
        item = await self._uploader.item(client, part, meter.of(part.client_id))
        for attempt in range(1, NOW + 1):
            try:
                answer = await client.send_message(
                    to_user_id=part.user_id,
                    item=item,
                    client_id=part.client_id,
                    context_token=window.token,
                    run_id=part.run_id,
                )
            except (NetworkError, AnswerError) as error:
                if attempt == NOW:
                    raise
                logger.info("%s; trying again with the same client_id", error)
            else:
                return dataclasses.replace(part, item=item), answer.message_id
        raise AssertionError("unreachable")

    async def run(self) -> None:
        """Send everything that can go out, as soon as it can, until cancelled.

        Conversations do not wait for each other: a large file to one person holds up nobody else.
        """
        await self.tidy()
        busy: set[tuple[str, str]] = set()
        async with anyio.create_task_group() as tasks:
            while True:
                changed = self._changes.next
                ready, seconds = await self._due()
                for bot, user_id in ready:
                    if (bot.bot_id, user_id) not in busy:
                        busy.add((bot.bot_id, user_id))
                        tasks.start_soon(self._flush_alone, bot, user_id, busy)
                await wait(changed, seconds)

    async def drain(self, seconds: float) -> None:
        """Let what can go out now go out, for at most `seconds`.

        For a process that leads only for a moment: the message it received may have opened the
        window that queued parts wait for, and nobody would send them when it is gone.
        """
        with anyio.move_on_after(seconds):
            # Pauses after errors are over: the service has just answered, and when they end there
            # is nobody to go on.
            at_once = True
            while True:
                changed = self._changes.next
                ready, _ = await self._due(at_once=at_once)
                at_once = False
                for bot, user_id in ready:
                    await self.flush(bot, user_id)
                sending = (await self._store.outbox.counts()).get(PartState.SENDING, 0)
                if not ready and not sending:
                    return
                await wait(changed, 1)

    async def _due(self, *, at_once: bool = False) -> tuple[list[tuple[BotSession, str]], float]:
        """Return the conversations that can go on now, and the seconds until more can.

        One whose window opened again, or whose bot is logged in again, is due at once; with
        `at_once` also one that pauses after an error.
        """
        await self._expire()
        sessions = {session.bot_id: session for session in self._store.credentials.load()}
        soonest = 600.0
        ready: list[tuple[BotSession, str]] = []
        for bot_id, user_id, due_at in await self._store.outbox.due():
            bot = sessions.get(bot_id)
            if bot is None:
                continue
            now = now_ms()
            if due_at == NEVER:
                window = await self._store.windows.get(bot_id, user_id)
                problem = (await self._store.bots.get(bot_id)).problem
                if replies_left(window) == 0 or problem:
                    continue
            # Later than any pause of ours: the clock was set back meanwhile.
            elif not at_once and now < due_at <= now + RETRIES[-1] + LEASE_MS:
                soonest = min(soonest, (due_at - now) / 1000)
                continue
            ready.append((bot, user_id))
        return ready, soonest

    async def _flush_alone(self, bot: BotSession, user_id: str, busy: set[tuple[str, str]]) -> None:
        try:
            await self.flush(bot, user_id)
        except Exception:
            # One conversation that meets a bug of ours must not stop the others.
            logger.exception("sending to %s failed", user_id)
            await anyio.sleep(AFTER_A_FAULT)
        finally:
            busy.discard((bot.bot_id, user_id))
        # What came while this one was busy is looked at now.
        self._changes.notify()

    async def tidy(self) -> None:
        """Put right what killed processes left: files in the spool, parts of bots that are gone."""
        sessions = self._store.credentials.load()
        for bot_id, user_id, _ in await self._store.outbox.due():
            if bot_id not in {session.bot_id for session in sessions}:
                for session in sessions:
                    # Logged in anew by the same person, and killed before these were moved.
                    if session.user_id == user_id:
                        await self._store.outbox.move(bot_id, session.bot_id)
        wanted = await self._store.outbox.open_client_ids()
        await anyio.to_thread.run_sync(self._spool.sweep, wanted)

    async def _expire(self) -> None:
        for part in await self._store.outbox.expire(EXPIRED):
            logger.warning("a message to %s was given up: %s", part.user_id, EXPIRED)
            if part.upload is not None:
                self._spool.drop(part.client_id)
            self._changes.notify()


def _under_way(part: Part) -> bool:
    return part.state is PartState.SENDING or (part.state is PartState.QUEUED and not part.reason)
