"""Checks that a client keeps to the protocol [ilink.md, Requests]."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from typing import Any

from starlette.requests import Request

_PRODUCT = r"[^\s/()]+/[^\s/()]+( \([^()]*\))?"
_NUMBER = re.compile(r"0|[1-9][0-9]{0,9}")
_AGENT = re.compile(rf"{_PRODUCT}( {_PRODUCT})*")


class Checks:
    """Finds deviations. It remembers the last `X-WECHAT-UIN`, which must be fresh each time."""

    def __init__(self) -> None:
        self._last_uin = ""

    def headers(self, request: Request) -> Iterator[str]:
        """Name what is wrong with the headers of a request, the bearer aside."""
        headers = request.headers
        if headers.get("ilink-app-id") != "bot":
            yield "iLink-App-Id is not 'bot'"
        version = headers.get("ilink-app-clientversion", "")
        if not _NUMBER.fullmatch(version) or int(version) > 0xFFFFFF:
            yield "iLink-App-ClientVersion is not the decimal of 0x00MMNNPP"
        if request.method != "POST":
            return
        if headers.get("content-type", "").split(";")[0] != "application/json":
            yield "Content-Type is not application/json"
        if headers.get("authorizationtype") != "ilink_bot_token":
            yield "AuthorizationType is not 'ilink_bot_token'"
        yield from self._uin(headers.get("x-wechat-uin", ""))

    def _uin(self, value: str) -> Iterator[str]:
        try:
            text = base64.b64decode(value, validate=True).decode("ascii")
        except (binascii.Error, UnicodeDecodeError):
            text = ""
        if not _NUMBER.fullmatch(text) or int(text) >= 2**32:
            yield "X-WECHAT-UIN is not the base64 of a decimal uint32"
        elif value == self._last_uin:
            yield "X-WECHAT-UIN is the same as in the request before"
        self._last_uin = value

    def base_info(self, body: dict[str, Any]) -> Iterator[str]:
        """Name what is wrong with the `base_info` of a body."""
        info = body.get("base_info")
        if not isinstance(info, dict):
            yield "base_info is missing"
            return
        if not isinstance(info.get("channel_version"), str) or not info["channel_version"]:
            yield "base_info.channel_version is missing"
        agent = info.get("bot_agent")
        if not isinstance(agent, str) or not agent:
            yield "base_info.bot_agent is missing"
        elif not agent.isascii() or len(agent) > 256 or not _AGENT.fullmatch(agent):
            yield "base_info.bot_agent is not 'Name/Version (comment) ...' of 256 ASCII bytes"
