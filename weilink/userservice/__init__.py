"""A service of the user's own that keeps `weilink mcp -t http` running: systemd or launchd."""
