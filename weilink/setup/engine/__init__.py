"""A small library that edits configuration files of other programs: plan, diff, apply, undo.

It knows formats, files and crashes, but no coding agent and nothing of WeiLink's service.
"""
