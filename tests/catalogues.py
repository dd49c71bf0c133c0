"""Collecting and compiling the catalogues: ``scripts/catalogues`` runs it, ``test_catalogues`` holds it.

The texts are those of this program and the sentences of click that its commands show.
"""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Final

import click
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir, extract_from_file
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

PACKAGE: Final = Path(__file__).resolve().parents[1] / "bluezone_agent"
LOCALES: Final = PACKAGE / "locale"
KEYWORDS: Final[dict[str, tuple[int, ...] | None]] = {"_": None, "N_": None, "ngettext": (1, 2)}
CLICK_FILES: Final = ("core.py", "exceptions.py", "formatting.py", "parser.py", "termui.py", "types.py")
"""Where click keeps the sentences that a person of ours may see."""


def template() -> Catalog:
    """Return every text in the code, without a translation."""
    catalog = Catalog(project="bluezone-agent", charset="utf-8")
    for name, _line, message, comments, _context in extract_from_dir(
        PACKAGE, method_map=[("**.py", "python")], keywords=KEYWORDS, comment_tags=()
    ):
        catalog.add(message, locations=[(name, 0)], auto_comments=comments)
    for name in CLICK_FILES:
        for _line, message, _comments, _context in extract_from_file(
            "python", Path(click.__file__).parent / name, keywords=KEYWORDS
        ):
            catalog.add(message, locations=[(f"click/{name}", 0)])
    return catalog


def po_path(language: str) -> Path:
    """Return where a language's catalogue is."""
    return LOCALES / language / "LC_MESSAGES" / "bluezone_agent.po"


def read(language: str) -> Catalog:
    """Read a language's catalogue as it is in the tree."""
    with po_path(language).open("rb") as file:
        return read_po(file, locale=language)


def updated(language: str) -> Catalog:
    """Return a language's catalogue with the texts that the code has now."""
    catalog = read(language) if po_path(language).exists() else Catalog(locale=language)
    catalog.update(template(), no_fuzzy_matching=True)
    catalog.obsolete.clear()
    if language == "en":
        for message in catalog:
            if message.id and not any(message.string if isinstance(message.string, tuple) else [message.string]):
                message.string = message.id
    return catalog


def po_bytes(catalog: Catalog) -> bytes:
    """Return a catalogue's text: sorted, without line numbers, so that a diff shows texts only."""
    out = BytesIO()
    write_po(out, catalog, width=110, sort_output=True, omit_header=False, include_lineno=False, include_previous=False)
    kept = (line for line in out.getvalue().splitlines(keepends=True) if b"-Date: " not in line)
    return b"".join(kept)


def mo_bytes(catalog: Catalog) -> bytes:
    """Return the compiled catalogue."""
    out = BytesIO()
    write_mo(out, catalog)
    return out.getvalue()


def main() -> None:
    """Update and compile every catalogue; say what is not translated yet."""
    for language in ("en", "vi"):
        catalog = updated(language)
        path = po_path(language)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(po_bytes(catalog))
        path.with_suffix(".mo").write_bytes(mo_bytes(catalog))
        missing = [m.id for m in catalog if m.id and not any(m.string if isinstance(m.string, tuple) else [m.string])]
        print(f"{language}: {len(catalog)} texts, {len(missing)} not translated")
        for text in missing:
            print(f"  {text!r}")


if __name__ == "__main__":
    main()
