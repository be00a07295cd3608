"""`weilink doctor`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from weilink.cli.common import echo_json, json_option, settings_of
from weilink.cli.output import Looked, Looks
from weilink.errors import ConfigFileError
from weilink.i18n import set_language, t


@click.command("doctor")
@json_option
# Not the setting: setup writes settings into the files that are examined.
@click.option("--lang", type=click.Choice(["en", "zh"]), hidden=True)
@click.pass_context
def doctor_command(ctx: click.Context, as_json: bool, lang: str | None) -> None:
    """Check everything that could be wrong, and say how to cure it.

    Ends with 1 when something is broken, with 0 when there is nothing worse than a warning.
    """
    if lang:
        set_language(lang)
    config_error = ""
    try:
        settings = settings_of(ctx)
    except ConfigFileError as error:
        # One finding among the others: whoever asks the doctor wants to know all of them.
        config_error = str(error)
        settings = settings_of(ctx, config_file=False)
    if lang:
        set_language(lang)
    from weilink.doctor import examine, screen

    try:
        folder = Path.cwd()
    except FileNotFoundError:
        folder = Path.home()
    findings = examine(settings, folder, config_error)
    if as_json:
        found = list(findings)
        echo_json(Looks(findings=[Looked(**asdict(finding)) for finding in found]))
    else:
        found = screen.show(findings)
    if any(finding.level.value == "error" for finding in found):
        if not as_json:
            click.echo(t("Something is broken; the cures are above."), err=True)
        raise click.exceptions.Exit(1)
