"""`weilink send` and `weilink download`: with a progress bar on a terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from weilink.cli.common import echo_json, json_option, run_async, settings_of
from weilink.cli.parts import one_line, outcome
from weilink.errors import UsageError, WeiLinkError
from weilink.i18n import t
from weilink.server.node import open_node
from weilink.server.results import DownloadResult
from weilink.server.showing import sent
from weilink.service import open_service
from weilink.service.leading import is_led
from weilink.service.parts import AnyPart, FilePart, ImagePart, TextPart, VideoPart, VoicePart
from weilink.service.spool import Progress


class _File(click.Path):
    """The path of a file to send."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        # What a shell makes of "$FILE" when that is not set. As a path it is the current folder.
        if value == "" and param is not None:
            raise UsageError(t("--{option} is empty: give the path of a file", option=param.name))
        return Path(os.fsdecode(super().convert(value, param, ctx)))


_file = _File(path_type=Path)


@click.command("send")
@click.argument("user")
@click.option("--text", help="What to send; '-' reads it from standard input.")
@click.option("--image", type=_file, metavar="P", help="A picture.")
@click.option("--file", "file", type=_file, metavar="P", help="Any file.")
@click.option("--file-name", default="", metavar="N", help="What to call the file.")
@click.option("--video", type=_file, metavar="P", help="A video.")
@click.option("--voice", type=_file, metavar="P", help="A voice message (SILK, or WAV).")
@json_option
@click.pass_context
def send_command(
    ctx: click.Context,
    user: str,
    text: str | None,
    image: Path | None,
    file: Path | None,
    file_name: str,
    video: Path | None,
    voice: Path | None,
    as_json: bool,
) -> None:
    """Send text and files to USER, who must have written to one of your bots before."""
    settings = settings_of(ctx)
    parts: list[AnyPart] = []
    if text is not None:
        parts.append(TextPart(_stdin() if text == "-" else text))
    if image is not None:
        parts.append(ImagePart(image))
    if file is not None:
        parts.append(FilePart(file, file_name))
    elif file_name:
        raise UsageError(t("--file-name needs --file"))
    if video is not None:
        parts.append(VideoPart(video))
    if voice is not None:
        parts.append(VoicePart(voice))
    if not parts:
        raise UsageError(t("nothing to send: give --text, --image, --file, --video or --voice"))

    async def body() -> None:
        looked_after = is_led(settings.base_path)
        async with open_node(settings) as service:
            with _bar(t("Sending")) as progress:
                # Ctrl-C takes back what has not gone out: a person changed their mind.
                done = await service.sender.send(user, parts, progress, keep=lambda: False)
            result = sent(done)
        if as_json:
            echo_json(result)
        else:
            for part in result.parts:
                until = datetime.fromisoformat(part.until) if part.until else None
                state, why = outcome(part.state, part.reason, until)
                click.echo(f"{state}: {one_line(part.part)}{why}")
            click.echo(
                t("replies left until the user writes again: {count}", count=result.replies_left),
                err=True,
            )
            if not looked_after and any(part.state == "queued" for part in result.parts):
                click.echo(
                    t(
                        "Nothing runs that would send what is queued: start your agent or "
                        "'weilink mcp', or run 'weilink recv' later."
                    ),
                    err=True,
                )
        failed = sum(part.state == "failed" for part in result.parts)
        if failed:
            raise WeiLinkError(
                t("not sent: {count} of {total} parts", count=failed, total=len(result.parts))
            )

    run_async(body)


def _stdin() -> str:
    try:
        return sys.stdin.buffer.read().decode()
    except UnicodeDecodeError:
        raise UsageError(t("standard input is not UTF-8 text; send it with --file")) from None


@click.command("download")
@click.argument("message_id", metavar="ID")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder to save in.  [default: downloads/ under the base path]",
)
@json_option
@click.pass_context
def download_command(
    ctx: click.Context, message_id: str, output: Path | None, as_json: bool
) -> None:
    """Save the file of message ID. "ID#2" is its second file. Nothing is overwritten."""
    settings = settings_of(ctx)

    async def body() -> None:
        async with open_service(settings) as service:
            with _bar(t("Fetching")) as progress:
                done = await service.media.download(message_id, output, progress)
        if as_json:
            echo_json(DownloadResult(path=str(done.path), size=done.size, mime_type=done.mime))
        else:
            click.echo(str(done.path))
            click.echo(t("{size} bytes, {mime}", size=done.size, mime=done.mime), err=True)

    run_async(body)


@contextmanager
def _bar(what: str) -> Iterator[Progress | None]:
    """Give a progress callback that draws a bar on a terminal; `None` elsewhere."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(binary_units=True))
    with Progress(
        *columns, TransferSpeedColumn(), console=Console(stderr=True), transient=True
    ) as bar:
        task = bar.add_task(what, total=None, visible=False)

        def progress(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total, visible=True)

        yield progress
