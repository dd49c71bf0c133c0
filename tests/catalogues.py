"""Collecting and compiling the catalogues: ``scripts/catalogues`` runs it, ``test_catalogues`` holds it.

The texts are those of this program, in its modules and in the templates of its pages, and the sentences of click that
its commands show.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Final

import click
from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from jinja2 import Environment
from jinja2.ext import extract_from_ast

PACKAGE: Final = Path(__file__).resolve().parents[1] / "bluezone_agent"
LOCALES: Final = PACKAGE / "locale"
LANGUAGES: Final = ("en", "vi")
KEYWORDS: Final = {"_": 1, "N_": 1, "ngettext": 2}
"""The functions that mark a text, and how many of their arguments are texts."""
CLICK_FILES: Final = (
    "core.py",
    "decorators.py",
    "exceptions.py",
    "formatting.py",
    "parser.py",
    "shell_completion.py",
    "termui.py",
    "types.py",
)
"""Where click keeps the sentences that a person of ours may see."""
CLICK_WORDS: Final = ("required",)
"""What click translates where it shows it, not where it is written."""
COMMENT: Final = """\
# Texts of bluezone-agent.
# This file is distributed under the same license as bluezone-agent.
#"""


class TextCatalog(Catalog):
    """A catalogue whose header names no person, date or tool: it changes with the texts alone."""

    def __init__(self, language: str | None = None) -> None:
        super().__init__(language, header_comment=COMMENT, charset="utf-8", fuzzy=False)

    @property
    def mime_headers(self) -> list[tuple[str, str]]:
        """The header's lines."""
        return [
            ("Project-Id-Version", "bluezone-agent"),
            ("Language", str(self.locale_identifier)),
            ("Plural-Forms", self.plural_forms),
            ("MIME-Version", "1.0"),
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Transfer-Encoding", "8bit\n"),
        ]


@cache
def template() -> Catalog:
    """Return every text in the code, without a translation."""
    catalog = TextCatalog()
    for path in sorted([*PACKAGE.rglob("*.py"), *PACKAGE.rglob("*.j2")]):
        found = texts if path.suffix == ".py" else page_texts
        for text in found(path.read_text("utf-8"), path.name):
            message = catalog.add(text, locations=[(path.relative_to(PACKAGE).as_posix(), 0)])
            message.flags.discard("python-format")  # a % of ours is a date's
    for name in CLICK_FILES:
        for text in texts(Path(click.__file__).with_name(name).read_text("utf-8"), name):
            catalog.add(text, locations=[(f"click/{name}", 0)])
    for word in CLICK_WORDS:
        catalog.add(word, locations=[("click/core.py", 0)])
    return catalog


def texts(source: str, name: str) -> Iterator[str | tuple[str, str]]:
    """Yield the marked texts of a module, those inside of f-strings too; raises ValueError for one that varies."""
    for node in ast.walk(ast.parse(source)):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in KEYWORDS):
            continue
        arguments = node.args[: KEYWORDS[node.func.id]]
        if any(isinstance(argument, ast.JoinedStr | ast.BinOp) for argument in arguments):
            raise ValueError(f"{name}:{node.lineno}: put the text together after translating it: {ast.unparse(node)}")
        found = [a.value for a in arguments if isinstance(a, ast.Constant) and isinstance(a.value, str)]
        if len(found) == KEYWORDS[node.func.id]:
            yield found[0] if len(found) == 1 else (found[0], found[1])


def page_texts(source: str, name: str) -> Iterator[str | tuple[str, str]]:
    """Yield the marked texts of a page's template; raises ValueError for one that varies."""
    for line, function, found in extract_from_ast(Environment().parse(source), tuple(KEYWORDS)):
        arguments = [found] if isinstance(found, str | None) else list(found)[: KEYWORDS[function]]
        if len(arguments) != KEYWORDS[function] or None in arguments:
            raise ValueError(f"{name}:{line}: put the text together after translating it: {function}(…)")
        first, *plural = map(str, arguments)
        yield (first, plural[0]) if plural else first


def po_path(language: str) -> Path:
    """Return where a language's catalogue is."""
    return LOCALES / language / "LC_MESSAGES" / "bluezone_agent.po"


def read(language: str) -> Catalog:
    """Read a language's catalogue as it is in the tree; one that is not there yet has no texts."""
    catalog = TextCatalog(language)
    if po_path(language).exists():
        with po_path(language).open("rb") as file:
            for message in messages(read_po(file, locale=language)):
                catalog[message.id] = message
    return catalog


def messages(catalog: Catalog) -> list[Message]:
    """Return the messages of a catalogue without its header."""
    return [message for message in catalog if message.id]


def forms(message: Message) -> list[str]:
    """Return what a message is translated to: one text, or one a plural form; empty where there is none yet."""
    return list(message.string) if isinstance(message.string, list | tuple) else [message.string or ""]


def updated(language: str) -> Catalog:
    """Return a language's catalogue with the texts that the code has now; English says what the code says."""
    known = {message.id: message for message in messages(read(language))}
    catalog = TextCatalog(language)
    for message in messages(template()):
        old = known.get(message.id)
        string = message.id if language == "en" else old.string if old else ""
        new = catalog.add(message.id, string, message.locations, user_comments=old.user_comments if old else ())
        new.flags = set(message.flags)
    return catalog


def po_bytes(catalog: Catalog) -> bytes:
    """Return a catalogue's text: sorted, without line numbers, so that a diff shows texts only."""
    out = BytesIO()
    write_po(out, catalog, width=110, sort_output=True, include_lineno=False)
    return out.getvalue()


def mo_bytes(catalog: Catalog) -> bytes:
    """Return the compiled catalogue."""
    out = BytesIO()
    write_mo(out, catalog)
    return out.getvalue()


def main() -> None:
    """Update and compile every catalogue; say what is not translated yet."""
    for language in LANGUAGES:
        catalog = updated(language)
        path = po_path(language)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(po_bytes(catalog))
        path.with_suffix(".mo").write_bytes(mo_bytes(catalog))
        missing = [message.id for message in messages(catalog) if not all(forms(message))]
        print(f"{language}: {len(catalog)} texts, {len(missing)} not translated")
        for text in missing:
            print(f"  {text!r}")


if __name__ == "__main__":
    main()
