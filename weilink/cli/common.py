"""What the commands share: settings of the run, output, asynchronous bodies."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import anyio
import click
from pydantic import BaseModel

from weilink import i18n, logs
from weilink.settings import Settings, load, load_without_file

_T = TypeVar("_T")

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")


def settings_of(ctx: click.Context, *, config_file: bool = True, **options: object) -> Settings:
    """Load the settings of this run and set up its log and language.

    Options of the command go before those of `weilink` itself. Without `config_file` that is
    not read.
    """
    given: dict[str, object] = dict(ctx.find_root().obj or {})
    given |= {name: value for name, value in options.items() if value is not None}
    settings = load(**given) if config_file else load_without_file(**given)
    # A command's own output is for a person: its log speaks up only when something is wrong,
    # unless the person asked for more.
    chosen = "log_level" in settings.model_fields_set
    configure_logs(ctx, settings, settings.log_level if chosen else "WARNING")
    i18n.set_language(settings.lang)
    return settings


def configure_logs(ctx: click.Context, settings: Settings, level: str) -> None:
    """Send the log to stderr at `level`, and to that of the base path as the settings say."""
    name = ctx.info_name or ""
    logs.configure(level, base_path=settings.base_path, kept=settings.log_level, name=name)


def run_async(body: Callable[[], Coroutine[Any, Any, _T]]) -> _T:
    """Run `body` to its end; Ctrl-C ends it in good order."""
    return anyio.run(body)


def echo_json(value: BaseModel) -> None:
    """Print `value` as JSON, in the form that docs/json.md describes."""
    escaped = not (sys.stdout.encoding or "").lower().startswith("utf")
    click.echo(json.dumps(value.model_dump(mode="json"), indent=2, ensure_ascii=escaped))
