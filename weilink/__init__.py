"""WeiLink: WeChat messages for coding agents, and their answers back in the chat."""

from __future__ import annotations

__version__ = "0.1.0"
