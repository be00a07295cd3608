"""The errors a user can meet, each with the exit code of the command line.

Every message is one sentence or two: what is wrong, and what to do about it.
"""

from __future__ import annotations


class WeiLinkError(Exception):
    """Something failed in a way that the user can understand. Exit code 1."""

    exit_code = 1


class UsageError(WeiLinkError):
    """The command, tool or setting was used in a way that cannot work. Exit code 2."""

    exit_code = 2


class NotLoggedInError(WeiLinkError):
    """No bot session can do what was asked. Exit code 3."""

    exit_code = 3


class ConfigFileError(WeiLinkError):
    """A configuration file could not be read or is not valid; nothing was written. Exit code 4."""

    exit_code = 4
