"""The rules: receiving, claiming, sending, routing, access."""
