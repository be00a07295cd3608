"""WeiLink: WeChat messages for coding agents, and their answers back in the chat."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from weilink.library import WeiLink as WeiLink

__version__ = "0.1.0"
__all__ = ["WeiLink", "__version__"]


def __getattr__(name: str) -> Any:
    # Imported on use: `weilink --help` needs none of it.
    if name == "WeiLink":
        from weilink.library import WeiLink

        return WeiLink
    raise AttributeError(f"module 'weilink' has no attribute '{name}'")
