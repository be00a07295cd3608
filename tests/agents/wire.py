"""What a fake model is asked and answers, in the two wire formats the agents speak."""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Json = dict[str, Any]


@dataclass(frozen=True)
class Say:
    """The model says a text and ends its turn."""

    text: str = "ok"


@dataclass(frozen=True)
class Call:
    """The model calls a tool; the agent runs it and asks again with the result.

    The name is Claude Code's, e.g. ``mcp__weilink__send``; Codex is asked in the way that it
    offers the tool.
    """

    tool: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Fail:
    """The endpoint answers with an HTTP error."""

    status: int = 500
    message: str = "scripted failure"


Reply: TypeAlias = "Say | Call | Fail"


@dataclass
class Request:
    """One request of an agent to the model."""

    path: str
    headers: Mapping[str, str]
    body: Json
    time: float
    """``time.monotonic()`` at which the whole body was there."""
    former: Request | None = field(default=None, repr=False)
    """The request before this one in the same conversation."""

    @property
    def session(self) -> str:
        """The agent's session id; empty when it names none."""
        names = ("x-claude-code-session-id", "session-id", "session_id")
        for name in names:
            if self.headers.get(name):
                return self.headers[name]
        return str(self.body.get("prompt_cache_key", ""))

    @property
    def tools(self) -> list[str]:
        """The names of the tools the model is offered (Codex: ``namespace.name``)."""
        tools = list(self.body.get("tools") or [])
        for item in self.body.get("input") or []:
            tools += item.get("tools") or []
        return list(_tool_names(tools, ""))

    @property
    def main(self) -> bool:
        """True for a turn of the agent, false for helpers such as the one that finds a title."""
        turn = json.loads(self.headers.get("x-codex-turn-metadata", "{}"))
        return bool(self.tools) and turn.get("thread_source", "user") == "user"

    @property
    def parts(self) -> list[str]:
        """Every text of the conversation that is not the model's own, in order.

        Prompts and what the agent put beside them, whatever role it gave that; results of tools
        are in ``results``, the fixed system prompt in neither.
        """
        if "messages" in self.body:
            return list(_messages_texts(self.body["messages"]))
        return list(_responses_texts(self.body.get("input") or []))

    @property
    def text(self) -> str:
        """All ``parts``."""
        return "\n".join(self.parts)

    @property
    def new_text(self) -> str:
        """The parts that the former request of the conversation did not have."""
        seen = Counter(self.former.parts if self.former else ())
        new: list[str] = []
        for part in self.parts:
            if seen[part]:
                seen[part] -= 1
            else:
                new.append(part)
        return "\n".join(new)

    @property
    def results(self) -> list[str]:
        """The results of tool calls as texts, in order."""
        if "messages" in self.body:
            return [
                "\n".join(_texts(block.get("content")))
                for message in self.body["messages"]
                for block in _blocks(message.get("content"))
                if block.get("type") == "tool_result"
            ]
        return [
            "\n".join(_texts(item.get("output")))
            for item in self.body.get("input") or []
            if str(item.get("type", "")).endswith("_output")
        ]


def _blocks(content: Any) -> list[Json]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return [block for block in content or [] if isinstance(block, dict)]


def _texts(content: Any) -> list[str]:
    return [block["text"] for block in _blocks(content) if isinstance(block.get("text"), str)]


def _messages_texts(messages: list[Json]) -> Iterator[str]:
    for message in messages:
        if message.get("role") != "assistant":
            yield from _texts(message.get("content"))


def _responses_texts(items: list[Json]) -> Iterator[str]:
    for item in items:
        if item.get("type", "message") == "message" and item.get("role") != "assistant":
            yield from _texts(item.get("content"))


def _tool_names(tools: list[Json], prefix: str) -> Iterator[str]:
    for tool in tools:
        name = prefix + str(tool.get("name") or tool.get("type"))
        if tool.get("type") == "namespace":
            yield from _tool_names(tool.get("tools") or [], f"{name}.")
        else:
            yield name


def _event(kind: str, **data: Any) -> str:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **data})}\n\n"


def _id(prefix: str) -> str:
    return f"{prefix}_{uuid.uuid4().hex[:24]}"


def anthropic_message(reply: Say | Call, model: str) -> Json:
    """The answer of ``POST /v1/messages`` that is not streamed."""
    if isinstance(reply, Say):
        block: Json = {"type": "text", "text": reply.text}
    else:
        block = {
            "type": "tool_use",
            "id": _id("toolu"),
            "name": reply.tool,
            "input": dict(reply.arguments),
        }
    return {
        "id": _id("msg"),
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [block],
        "stop_reason": "end_turn" if isinstance(reply, Say) else "tool_use",
        "stop_sequence": None,
        "usage": {"input_tokens": 10, "output_tokens": 5},
    }


def anthropic_events(reply: Say | Call, model: str) -> Iterator[str]:
    """The same answer as server-sent events."""
    message = anthropic_message(reply, model)
    block = message["content"][0]
    start: Json
    if block["type"] == "text":
        start, delta = {**block, "text": ""}, {"type": "text_delta", "text": block["text"]}
    else:
        start = {**block, "input": {}}
        delta = {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
    yield _event("message_start", message={**message, "content": [], "stop_reason": None})
    yield _event("content_block_start", index=0, content_block=start)
    yield _event("content_block_delta", index=0, delta=delta)
    yield _event("content_block_stop", index=0)
    stop = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    yield _event("message_delta", delta=stop, usage={"output_tokens": 5})
    yield _event("message_stop")


def responses_events(reply: Say | Call, request: Request) -> Iterator[str]:
    """The answer of ``POST /v1/responses`` as server-sent events."""
    item: Json
    if isinstance(reply, Say):
        content = [{"type": "output_text", "text": reply.text, "annotations": []}]
        item = {"type": "message", "id": _id("msg"), "role": "assistant", "content": content}
    else:
        item = _responses_call(reply, request.tools)
    response = {"id": _id("resp"), "object": "response", "status": "in_progress", "output": []}
    yield _event("response.created", response=response)
    yield _event("response.output_item.added", output_index=0, item=item)
    yield _event("response.output_item.done", output_index=0, item=item)
    usage = {
        "input_tokens": 10,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": 5,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 15,
    }
    done = {**response, "status": "completed", "output": [item], "usage": usage}
    yield _event("response.completed", response=done)


def _responses_call(call: Call, tools: list[str]) -> Json:
    """A call in the way the tool is offered: by itself, in a namespace, or as code."""
    arguments = json.dumps(dict(call.arguments))
    ids = {"id": _id("fc"), "call_id": _id("call")}
    split = [] if call.tool in tools else [offered.rpartition(".") for offered in tools]
    for namespace, _, name in split:
        if call.tool in (name, f"{namespace}__{name}"):
            named = {"name": name, "namespace": namespace}
            return {**ids, "type": "function_call", **named, "arguments": arguments}
    for namespace, _, name in split:
        if name == "exec":
            code = f"text(await tools.{call.tool}({arguments}))"
            named = {"name": name, **({"namespace": namespace} if namespace else {})}
            return {**ids, "type": "custom_tool_call", **named, "input": code}
    return {**ids, "type": "function_call", "name": call.tool, "arguments": arguments}
