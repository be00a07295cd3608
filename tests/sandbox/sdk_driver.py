"""A bot on the PyPI package `wechatbot-sdk`: run by test_sdk.py in an environment of its own.

It prints one line of JSON for each thing that happens, answers "hello" with a text and a file,
sends media back as a file, and ends at "stop".
"""

from __future__ import annotations

import asyncio
import json
import sys

import wechatbot.auth  # type: ignore[import-not-found]
import wechatbot.client  # type: ignore[import-not-found]


def tell(**event: object) -> None:
    print(json.dumps(event), flush=True)


async def main(base_url: str, credentials: str) -> None:
    wechatbot.auth.FIXED_QR_BASE_URL = base_url
    wechatbot.client.CDN_BASE_URL = f"{base_url}/c2c"
    bot = wechatbot.client.WeChatBot(
        base_url=base_url,
        cred_path=credentials,
        on_qr_url=lambda url: tell(event="qr", url=url),
        on_error=lambda error: tell(event="error", error=repr(error)),
    )
    logged_in = await bot.login()
    tell(event="login", bot_id=logged_in.account_id, user_id=logged_in.user_id)

    @bot.on_message  # type: ignore[untyped-decorator]
    async def answer(message: wechatbot.client.IncomingMessage) -> None:
        tell(event="message", text=message.text, type=message.type, id=message.raw["message_id"])
        if message.text == "stop":
            bot.stop()
        elif message.text == "hello":
            await bot.send_typing(message.user_id)
            await bot.reply(message, "你好")
            await bot.reply_media(message, {"file": b"%PDF-1.7 \x00\xff", "file_name": "报告.pdf"})
        elif media := await bot.download(message):
            content = {"file": media.data[::-1], "file_name": "back.bin"}
            await bot.reply_media(message, content)

    await bot.start()


asyncio.run(main(sys.argv[1], sys.argv[2]))
