"""What the pages share: their files, their look, and the headers that keep a browser strict.

It knows nothing of the rest of WeiLink, so that the sandbox can use it too.
"""

from __future__ import annotations

from weilink.web.ending import EndingApp
from weilink.web.files import Files
from weilink.web.headers import StrictHeaders
from weilink.web.media import media_answer, safe_type

__all__ = ["EndingApp", "Files", "StrictHeaders", "media_answer", "safe_type"]
