"""What the pages share: their files, their look, and the headers that keep a browser strict.

It knows nothing of the rest of WeiLink, so that the sandbox can use it too.
"""

from __future__ import annotations

from weilink.server.web.ending import EndingApp
from weilink.server.web.files import Files
from weilink.server.web.headers import StrictHeaders
from weilink.server.web.media import media_answer, safe_type

__all__ = ["EndingApp", "Files", "StrictHeaders", "media_answer", "safe_type"]
