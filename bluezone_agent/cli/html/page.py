"""What every page shares: one file that loads nothing from anywhere, readable by day and by night."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Final

from bluezone_agent.files import write_over
from bluezone_agent.i18n import _

STYLE: Final = """
:root{--ink:#1d2733;--soft:#5b6b7b;--line:#dfe5ec;--paper:#fff;--near:#c2410c;--middle:#fb923c;--far:#fdba74;--good:#166534;--bad:#b91c1c}
@media (prefers-color-scheme:dark){:root{--ink:#e6edf3;--soft:#9fb0c0;--line:#2c3947;--paper:#111820;--near:#fb923c;
--middle:#b45309;--far:#7c4a21;--good:#4ade80;--bad:#f87171}}
body{font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);margin:2rem auto;max-width:1240px;
padding:0 1rem}
h1{font-size:1.6rem;margin:0 0 .2rem}h2{font-size:1.15rem;margin:2rem 0 .4rem}p{max-width:75ch;margin:.3rem 0}
svg{width:100%;height:auto;display:block}svg text{fill:var(--ink);font-size:13px}
svg .soft{fill:var(--soft);font-size:12px}
svg .in{fill:#1d2733;font-size:11px}svg line{stroke:var(--line)}
.near{fill:var(--near)}.middle{fill:var(--middle)}.far{fill:var(--far)}
.cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(350px,1fr));gap:1rem}
.card{border:1px solid var(--line);border-radius:8px;padding:.8rem 1rem}.card h3{margin:0;font-size:1.05rem}
.soft{color:var(--soft)}.good{color:var(--good)}.bad{color:var(--bad)}
pre{white-space:pre-wrap;font:inherit;margin:.5rem 0 0}
.key{display:inline-block;width:1.1em;height:.8em;border-radius:2px;margin:0 .3em 0 1em;vertical-align:baseline}
"""


def page(title: str, body: Iterable[str]) -> str:
    """Return a whole page; ``body`` is HTML."""
    return "\n".join(
        (
            "<!doctype html>",
            f'<html lang="{escape(_("en"))}"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>",
            f"<h1>{escape(title)}</h1>",
            *body,
            "</body></html>",
            "",
        )
    )


def write_page(path: Path, text: str) -> None:
    """Write a page that its owner alone may read, in place of an older one; raises NewFileError."""
    write_over(path, text.encode())


def paragraphs(texts: Iterable[str]) -> Iterator[str]:
    """Yield texts as paragraphs."""
    return (f"<p>{escape(text)}</p>" for text in texts)


def legend(colours: Mapping[str, str]) -> str:
    """Return what the colours of the style mean: name → text."""
    keys = (f'<span class="key" style="background:var(--{name})"></span>{escape(t)}' for name, t in colours.items())
    return f'<p class="soft">{"".join(keys)}</p>'
