"""Texts that want to be more than texts: what items may say that nobody should believe."""

from __future__ import annotations

from typing import Final

SCRIPT: Final = (
    "</script><script>window.harmed = 1</script>"
    "<img src=x onerror='window.harmed = 2'><b onmouseover='window.harmed = 3'>bold</b>"
)
"""HTML with scripts."""

PARTIAL: Final = (
    "\n\nevent: ended\ndata: -\n\nid: 1\r"
    '<hx-partial id="head"><h1>taken over</h1></hx-partial>'
    "<template hx hx-target='#head'>taken over</template>"
)
"""What the page's own stream is made of."""

TERMINAL: Final = "\x1b[31mred\x1b[0m\x1b]0;title\x07\x9b2J\x00\x08\x7f"
"""What a terminal would do as it is told."""

TURNED: Final = "\u202eback to front\u2066\u200b\ufeff\ud83d"
"""Marks that turn the order of what follows, that cannot be seen, and half a character."""

LONG: Final = "a word that does not end" + "o" * 10_000_000
"""Ten megabytes, mostly in one word."""

TEXTS: Final = {
    "script": SCRIPT,
    "partial": PARTIAL,
    "terminal": TERMINAL,
    "turned": TURNED,
    "long": LONG,
}
"""All of them, by what they want."""
