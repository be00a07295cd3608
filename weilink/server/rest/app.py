"""The REST application: made from the same tools, with the same models, as the MCP server."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from mcp.server.mcpserver.exceptions import ToolError, UnexpectedToolError
from mcp.server.mcpserver.tools import Tool
from mcp.types import CallToolResult
from pydantic import BaseModel, ConfigDict, Field, create_model
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

import weilink
from weilink.errors import NotLoggedInError, UsageError, WeiLinkError
from weilink.server.guard import Guard
from weilink.server.host import Host
from weilink.server.mcp import WeiLinkServer
from weilink.server.rest.context import RestContext
from weilink.server.rest.delivering import DeliveringApp
from weilink.web import Files, StrictHeaders

PREFIX = "/tools/default"
OPEN = ("/docs", "/assets/", "/openapi.json", "/favicon.ico")
"""What needs no token: it says what this program can do, and nothing of anybody's messages."""


class ErrorOut(BaseModel):
    """The call was not carried out."""

    error: str = Field(description="what is wrong, and what to do about it")


class ToolOut(BaseModel):
    """One tool."""

    name: str
    toolkit: str = "default"
    path: str = Field(description="where to POST its parameters as a JSON object")
    title: str
    description: str
    input_schema: dict[str, Any]
    output_schema: dict[str, Any]


class ToolsOut(BaseModel):
    """Every tool."""

    tools: list[ToolOut]


_ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"model": ErrorOut, "description": "the call cannot work as it is"},
    401: {"description": "the bearer token is missing or wrong", "content": {"text/plain": {}}},
    409: {"model": ErrorOut, "description": "no bot is logged in, or not this one"},
    413: {"model": ErrorOut, "description": "the request is too large"},
    422: {"model": ErrorOut, "description": "the parameters do not fit the schema"},
    502: {"model": ErrorOut, "description": "WeChat cannot be reached or refuses"},
}


def app(host: Host, address: str, token: str | None) -> ASGIApp:
    """Return the guarded application for a listener on `address`.

    `/tools` needs the bearer `token` if there is one; `Host` and `Origin` are checked everywhere.
    """
    made = StrictHeaders(DeliveringApp(_api(WeiLinkServer(host), bool(token))))
    closed = Guard(made, address, token)

    async def split(scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope.get("path", "")
        free = any(path == one or (one[-1] == "/" and path.startswith(one)) for one in OPEN)
        await (made if free else closed)(scope, receive, send)

    return Guard(split, address, None)


def _api(server: WeiLinkServer, locked: bool) -> FastAPI:
    api = FastAPI(
        title="WeiLink",
        version=weilink.__version__,
        description="Read and answer WeChat messages: the tools of the MCP server over HTTP.",
        docs_url=None,
        redoc_url=None,
        responses={401: _ERRORS[401]} if locked else {},
    )
    tools = server.registered_tools
    files = Files(Path(__file__).parent / "page")

    async def list_tools() -> ToolsOut:
        """List the tools."""
        return ToolsOut(tools=[_tool_out(tool) for tool in tools])

    async def docs(request: Request) -> Response:
        return files.page("docs.html")

    api.add_api_route("/tools", list_tools, methods=["GET"], tags=["tools"])
    for tool in tools:
        api.add_api_route(
            f"{PREFIX}/{tool.name}",
            _endpoint(server, tool),
            methods=["POST"],
            response_model=tool.fn_metadata.output_model,
            responses={code: _ERRORS[code] for code in _ERRORS if code != 401},
            name=tool.name,
            operation_id=tool.name,
            summary=tool.title,
            description=tool.description,
            tags=["tools"],
        )
    api.add_route("/docs", docs, include_in_schema=False)
    api.router.routes.extend(files.routes())
    api.add_exception_handler(RequestValidationError, _wrong_parameters)
    api.add_exception_handler(HTTPException, _no_such_thing)
    return api


def _tool_out(tool: Tool) -> ToolOut:
    return ToolOut(
        name=tool.name,
        path=f"{PREFIX}/{tool.name}",
        title=tool.title or tool.name,
        description=tool.description,
        input_schema=tool.parameters,
        output_schema=tool.output_schema or {},
    )


def _endpoint(server: WeiLinkServer, tool: Tool) -> Callable[..., Any]:
    """Return the function that FastAPI calls; its signature is what it reads the schema from."""
    words = "".join(part.capitalize() for part in tool.name.split("_"))
    parameters = create_model(
        f"{words}Request",
        __base__=tool.fn_metadata.arg_model,
        __doc__=f"Parameters of `{tool.name}`.",
    )
    # A misspelt parameter must not be dropped in silence: nobody would read a note about it.
    parameters.model_config = ConfigDict(**{**parameters.model_config, "extra": "forbid"})
    parameters.model_rebuild(force=True)
    required = any(field.is_required() for field in parameters.model_fields.values())

    async def call(body: Any) -> Any:
        arguments = body.model_dump(exclude_unset=True) if body is not None else {}
        try:
            result = await server.call_tool(tool.name, arguments, RestContext())
        except ToolError as error:
            return JSONResponse({"error": _plain(str(error))}, _status(error))
        if not isinstance(result, CallToolResult) or result.structured_content is None:
            return JSONResponse({"error": "the tool wants an answer that REST cannot give"}, 409)
        return result.structured_content

    body = inspect.Parameter(
        "body",
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
        annotation=parameters if required else parameters | None,
        default=inspect.Parameter.empty if required else None,
    )
    call.__signature__ = inspect.Signature([body])  # type: ignore[attr-defined]
    call.__annotations__ = {"body": body.annotation}
    return call


def _status(error: ToolError) -> int:
    cause = error.__cause__
    if isinstance(cause, NotLoggedInError):
        return 409
    # What the SDK itself refused, such as a name it does not know, is the caller's to mend.
    if isinstance(cause, UsageError) or cause is None:
        return 400
    if isinstance(cause, WeiLinkError):
        return 502
    return 500 if isinstance(error, UnexpectedToolError) else 400


def _plain(text: str) -> str:
    """Return text that UTF-8 can hold: an argument may have brought half a surrogate pair."""
    return text.encode("utf-8", "replace").decode()


async def _wrong_parameters(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    problems = []
    for one in error.errors():
        where = ".".join(str(part) for part in one["loc"][1:])
        problems.append(f"`{where}`: {one['msg']}" if where else str(one["msg"]))
    return JSONResponse({"error": _plain("; ".join(problems))}, 422)


async def _no_such_thing(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101
    headers = error.headers
    text = f"{error.detail}: GET /tools lists what there is"
    return JSONResponse({"error": text}, error.status_code, headers=dict(headers or {}))
