"""One module per coding agent: its files, what to put in them, how its hooks speak."""
