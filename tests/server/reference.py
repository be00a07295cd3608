"""Our HTTP server with tools and prompts that the conformance suite calls by name.

Many of its scenarios look at a feature through a tool of a fixed name. Here those of the features
that WeiLink has are added to the real server, so that the suite sees our transports, our guard
and our error handling: `python -m tests.server.reference -p PORT` runs it.
"""

from __future__ import annotations

import base64
import sys
from typing import Any

import anyio
from mcp.server.elicitation import AcceptedElicitation, render_elicitation_schema
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import (
    AudioContent,
    CallToolResult,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    ImageContent,
    InputRequiredResult,
    TextContent,
)
from pydantic import BaseModel, Field

from weilink.cli.main import run
from weilink.qr import qr_png
from weilink.server import prompts, tools
from weilink.server.host import Host


class Person(BaseModel):
    username: str = Field(description="User's response")
    email: str = Field(description="User's email address")


class Named(BaseModel):
    name: str


def _result(*content: Any) -> CallToolResult:
    return CallToolResult(content=list(content))


async def test_simple_text() -> CallToolResult:
    return _result(TextContent(type="text", text="This is a simple text response for testing."))


async def test_image_content() -> CallToolResult:
    data = base64.b64encode(qr_png("test")).decode()
    return _result(ImageContent(type="image", data=data, mime_type="image/png"))


async def test_audio_content() -> CallToolResult:
    header = b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0"
    data = base64.b64encode(header + b"data\0\0\0\0").decode()
    return _result(AudioContent(type="audio", data=data, mime_type="audio/wav"))


async def test_error_handling() -> CallToolResult:
    raise ToolError("This tool intentionally returns an error for testing")


async def test_tool_with_progress(ctx: Context[Any, Any]) -> CallToolResult:
    for progress in (0, 50, 100):
        await ctx.report_progress(progress, 100)
        await anyio.sleep(0.05)
    return _result(TextContent(type="text", text="done"))


async def test_elicitation(ctx: Context[Any, Any], message: str) -> CallToolResult:
    answer = await ctx.elicit(message, Person)
    said = answer.data.model_dump_json() if isinstance(answer, AcceptedElicitation) else ""
    return _result(TextContent(type="text", text=f"User response: {answer.action} {said}"))


async def test_input_required_result_elicitation(
    ctx: Context[Any, Any],
) -> CallToolResult | InputRequiredResult:
    given = (ctx.input_responses or {}).get("user_name")
    if isinstance(given, ElicitResult) and given.content:
        return _result(TextContent(type="text", text=f"Hello, {given.content.get('name')}!"))
    form = ElicitRequestFormParams(
        message="What is your name?", requested_schema=render_elicitation_schema(Named)
    )
    return InputRequiredResult(input_requests={"user_name": ElicitRequest(params=form)})


def test_simple_prompt() -> str:
    return "This is a simple prompt for testing."


def test_prompt_with_arguments(arg1: str, arg2: str) -> str:
    return f"Prompt with arguments: arg1='{arg1}', arg2='{arg2}'"


def main() -> int:
    """Run the server; the arguments are those of `weilink mcp`."""
    own_tools, own_prompts = tools.register, prompts.register

    def more_tools(server: MCPServer[Any], host: Host) -> None:
        own_tools(server, host)
        for tool in (
            test_simple_text,
            test_image_content,
            test_audio_content,
            test_error_handling,
            test_tool_with_progress,
            test_elicitation,
            test_input_required_result_elicitation,
        ):
            server.add_tool(tool, description="A tool of the conformance suite.")

    def more_prompts(server: MCPServer[Any]) -> None:
        own_prompts(server)
        for prompt in (test_simple_prompt, test_prompt_with_arguments):
            server.prompt(description="A prompt of the conformance suite.")(prompt)

    tools.register = more_tools
    prompts.register = more_prompts
    return run(["mcp", "-t", "http", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
