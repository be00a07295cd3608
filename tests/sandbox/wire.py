"""A bare client of the protocol: what it sends is in the tests' hands, right or wrong."""

from __future__ import annotations

import base64
import itertools
import json
import ssl
from typing import Any

import httpx

from weilink.sandbox.phone import Phone
from weilink.sandbox.records import Credentials

BASE_INFO = {"channel_version": "1.0", "bot_agent": "Tests/1.0 (wire)"}
_numbers = itertools.count(1)


def headers(token: str = "", **changes: str) -> dict[str, str]:
    uin = base64.b64encode(str(next(_numbers)).encode()).decode()
    found = {
        "AuthorizationType": "ilink_bot_token",
        "X-WECHAT-UIN": uin,
        "iLink-App-Id": "bot",
        "iLink-App-ClientVersion": "65536",
    }
    if token:
        found["Authorization"] = f"Bearer {token}"
    return {name: value for name, value in {**found, **changes}.items() if value}


class Wire:
    def __init__(self, phone: Phone, credentials: Credentials | None = None) -> None:
        self.phone = phone
        self.token = credentials.token if credentials else ""
        plain = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # made in no time: it loads nothing
        self.http = httpx.Client(base_url=phone.base_url, trust_env=False, timeout=10, verify=plain)

    def post(self, name: str, body: Any = None, **changes: str) -> httpx.Response:
        # Escaped to ASCII, as a lone surrogate could not be sent otherwise.
        return self.http.post(
            f"/ilink/bot/{name}",
            content=json.dumps({"base_info": BASE_INFO, **(body or {})}),
            headers=headers(self.token, **{"Content-Type": "application/json", **changes}),
        )

    def qrcode(self, *tokens: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.http.post(
            "/ilink/bot/get_bot_qrcode?bot_type=3",
            json={"local_token_list": tokens},
            headers=headers(),
        ).json()
        return answer

    def status(self, qrcode: str, code: str = "", base_url: str = "") -> dict[str, Any]:
        params = {"qrcode": qrcode, **({"verify_code": code} if code else {})}
        answer: dict[str, Any] = self.http.get(
            f"{base_url}/ilink/bot/get_qrcode_status", params=params, headers=headers()
        ).json()
        return answer

    def updates(self, cursor: str = "") -> dict[str, Any]:
        answer: dict[str, Any] = self.post("getupdates", {"get_updates_buf": cursor}).json()
        return answer

    def context(self) -> str:
        """The context token of the newest message."""
        token: str = self.updates()["msgs"][-1]["context_token"]
        return token

    def send(
        self, text: str, context: str, client_id: str, changes: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        msg = {
            "from_user_id": "",
            "to_user_id": self.phone.user_id(),
            "client_id": client_id,
            "message_type": 2,
            "message_state": 2,
            "item_list": [{"type": 1, "text_item": {"text": text}}],
            "context_token": context,
            **(changes or {}),
        }
        answer: dict[str, Any] = self.post("sendmessage", {"msg": msg}).json()
        return answer
