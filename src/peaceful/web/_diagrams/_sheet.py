"""The style sheet of diagrams in pages: how an item looks, by the one attribute that changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from peaceful.web._diagrams._statuses import SIGN, STATUSES

_DARK: Final[Mapping[str, tuple[str, str]]] = {
    "pending": ("#7b858f", "#1f2428"),
    "queued": ("#8f99a3", "#23282d"),
    "running": ("#7eb3ee", "#1b2c40"),
    "finishing": ("#7eb3ee", "#1b2c40"),
    "done": ("#6fc3a8", "#17302a"),
    "unchanged": ("#5c9c88", "#17241f"),
    "failed": ("#ff8a80", "#3c1c1a"),
    "interrupted": ("#f0b860", "#3a2c12"),
    "not_started": ("#f0b860", "#1b1f23"),
}
_LIGHT_PARTS: Final = {"ink": "#1d2126", "soft": "#5d6670", "line": "#8b949e", "edge": "#d5d9dd",
                       "ground": "#ffffff"}  # fmt: skip
_DARK_PARTS: Final = {"ink": "#e6e8ea", "soft": "#a3acb5", "line": "#7b858f", "edge": "#3a4148",
                      "ground": "#1b1f23"}  # fmt: skip


def style_sheet() -> str:
    """The style sheet, light and dark; a page may set its variables otherwise.

    The variables are `--diagram-ink`, `-soft`, `-line`, `-edge` and `-ground`, and for each status
    `--diagram-STATUS` and `--diagram-STATUS-ground`.
    """
    return "\n".join(_rules()) + "\n"


def _rules() -> Iterator[str]:
    light = {word: (look.ink, look.ground) for word, look in STATUSES.items()}
    yield f":root {{ {_variables(_LIGHT_PARTS, light)} }}"
    dark = _variables(_DARK_PARTS, _DARK)
    yield f"@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}"
    yield ".diagram { max-width: 100%; height: auto; }"
    yield ".diagram text { fill: var(--diagram-soft); stroke: none; }"
    yield ".diagram [data-item] > text { fill: var(--diagram-ink); }"
    yield ".diagram .edges { stroke: var(--diagram-line); }"
    yield ".diagram .frames { stroke: var(--diagram-edge); }"
    yield ".diagram .node > rect { fill: var(--diagram-ground); stroke: var(--diagram-edge); }"
    yield ".diagram a:focus-visible { outline: none; }"
    yield ".diagram a:focus-visible .node > rect { stroke-width: 3; }"
    for number, (word, look) in enumerate(STATUSES.items()):
        node = f'.diagram .node[data-status="{word}"]'
        ground = f"fill: var(--diagram-{word}-ground); stroke: var(--diagram-{word});"
        dashes = f" stroke-dasharray: {look.dashes};" if look.dashes else ""
        yield f"{node} {{ color: var(--diagram-{word}); }}"
        yield f"{node} > rect {{ {ground}{dashes} }}"
        yield f"{node} .sign > use {{ transform: translateX({-number * SIGN}px); }}"


def _variables(parts: Mapping[str, str], statuses: Mapping[str, tuple[str, str]]) -> str:
    pairs = list(parts.items())
    for word, (ink, ground) in statuses.items():
        pairs += [(word, ink), (f"{word}-ground", ground)]
    return " ".join(f"--diagram-{name}: {value};" for name, value in pairs)
