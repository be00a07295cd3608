"""Asking the person for the number that WeChat shows on the phone during a login.

Clients that can put a question to their user (MCP elicitation) are asked: before protocol
2026-07-28 in the middle of the call, since then by a result that the client answers with the
same call again.
"""

from __future__ import annotations

from typing import Any

from mcp.server.elicitation import AcceptedElicitation, render_elicitation_schema
from mcp.server.mcpserver import Context
from mcp.types import ElicitRequest, ElicitRequestFormParams, ElicitResult, InputRequiredResult
from mcp.types.version import is_version_at_least
from pydantic import BaseModel, Field

_ANSWERED_BY_CALLING_AGAIN = "2026-07-28"
_KEY = "pair_code"
_ASK = "WeChat shows a number on your phone. Type it in to log the bot in."
_ASK_AGAIN = "That number was not right. Type in the number that WeChat shows on your phone now."


class PairCode(BaseModel):
    """What the person types."""

    code: str = Field(title="Number on the phone", min_length=1, max_length=16)


def can_ask(ctx: Context[Any, Any]) -> bool:
    """Whether the client can put a form to its user."""
    capabilities = ctx.client_capabilities
    elicitation = capabilities.elicitation if capabilities is not None else None
    if elicitation is None or (elicitation.form is None and elicitation.url is not None):
        return False
    return asks_by_result(ctx) or ctx.session.can_send_request


def asks_by_result(ctx: Context[Any, Any]) -> bool:
    """Whether the question is a result, which the client answers with the same call again."""
    version = ctx.protocol_version
    return version is not None and is_version_at_least(version, _ANSWERED_BY_CALLING_AGAIN)


async def ask(ctx: Context[Any, Any], was_wrong: bool) -> str:
    """Ask in the middle of the call and return the number, "" when the person gives none."""
    answer = await ctx.elicit(_ASK_AGAIN if was_wrong else _ASK, PairCode)
    return answer.data.code.strip() if isinstance(answer, AcceptedElicitation) else ""


def question(was_wrong: bool) -> InputRequiredResult:
    """Return the result that asks."""
    form = ElicitRequestFormParams(
        message=_ASK_AGAIN if was_wrong else _ASK,
        requested_schema=render_elicitation_schema(PairCode),
    )
    return InputRequiredResult(input_requests={_KEY: ElicitRequest(params=form)})


def refused(ctx: Context[Any, Any]) -> bool:
    """Return whether the person was asked with this call, and gave no number."""
    return _KEY in (ctx.input_responses or {}) and not answer(ctx)


def answer(ctx: Context[Any, Any]) -> str:
    """Return the number that came with this call, "" when none did."""
    given = (ctx.input_responses or {}).get(_KEY)
    if isinstance(given, ElicitResult) and given.action == "accept":
        return str((given.content or {}).get("code", "")).strip()
    return ""
