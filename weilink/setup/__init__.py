"""Editing other people's configuration files safely: plan, diff, apply, undo."""
