"""A text from the air, a server, a file or the configuration is text on every page, and never part of it."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from datetime import UTC, date, datetime
from enum import Enum
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from bluezone_agent.app import page_files
from bluezone_agent.app.page_parts import PARTS
from bluezone_agent.i18n import LANGUAGES
from bluezone_agent.web.pages import PAGES
from tests.web.site import served_folder

HOSTILE: Final = (
    """</pre></title></style><script>alert("x")</script>" onload='y' &amp; {{ 7 * 7 }} {% raw %} <!-- \u202e\x1b[2J"""
)
SCRIPTS: Final = {"/static/nearby.js", "/static/door.js"}
WITHOUT_END: Final = {"meta", "link", "input", "br"}
TAGS: Final = WITHOUT_END | {
    *("html", "head", "title", "script", "noscript", "body", "header", "nav", "main", "footer", "section", "form"),
    *("h1", "h2", "h3", "p", "a", "b", "i", "span", "div", "pre", "code", "ul", "ol", "li", "dl", "dt", "dd"),
    *("table", "thead", "tbody", "tr", "th", "td", "details", "summary", "fieldset", "legend", "label", "select"),
    *("option", "button", "kbd", "svg", "line", "rect", "text"),
}


class Reader(HTMLParser):
    """What a browser makes of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in TAGS
        given = dict(attrs)
        assert not any(name.startswith("on") or name == "style" for name in given)
        if tag == "script":
            assert given["src"] in SCRIPTS
        if (link := given.get("href")) is not None:
            assert link.startswith(("/", "#main", "tel:", "data:,"))
            assert not link.startswith("//")
        if tag not in WITHOUT_END:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in WITHOUT_END:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")


def hostile(kind: Any) -> Any:
    """Return a value of a type with a hostile text wherever there may be any text."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    fixed: dict[Any, Any] = {
        str: HOSTILE,
        bool: True,
        int: 3,
        float: 0.5,
        datetime: datetime.now(UTC).replace(microsecond=0),
        date: datetime.now(UTC).date(),
    }
    if kind in fixed:
        return fixed[kind]
    if origin in (types.UnionType, typing.Union):
        return hostile(next(a for a in arguments if a is not type(None)))
    if isinstance(kind, type) and issubclass(kind, Enum):
        return next(iter(kind))
    if origin is tuple:
        return (hostile(arguments[0]),) * 2
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {language: hostile(arguments[1]) for language in LANGUAGES}
    hints = typing.get_type_hints(kind)
    return kind(**{name: hostile(hints[name]) for name in hints})


def clocks(part: Any) -> Any:
    """Return a part whose pictures have the clocks of a whole day."""
    if not hasattr(part, "explained"):
        return part
    days = [
        msgspec.structs.replace(day, picture=msgspec.structs.replace(day.picture, clocks=(HOSTILE,) * 25))
        for day in part.explained
    ]
    return msgspec.structs.replace(part, explained=tuple(days))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, kind in PARTS.items():
        page_files.write(tmp_path, name, clocks(hostile(kind)))
    return tmp_path


@pytest.mark.parametrize("language", LANGUAGES)
def test_texts_from_outside_are_text_on_every_page(folder: Path, language: str) -> None:
    with served_folder(folder) as site:
        for shown in PAGES:
            answer = site.get(shown.path, language)
            assert answer.status == 200, answer.text
            read = Reader(answer.text)
            if shown.path in {"/", "/exposures", "/doctor", "/positive"}:
                assert any("alert(" in text for text in read.texts), "it is shown"
            assert "<script>" not in answer.text


def test_texts_in_an_address_are_text_too(folder: Path) -> None:
    with served_folder(folder) as site:
        for query in ("way=file&onset=%3Cscript%3Ealert(1)", "way=code&days=%22%3E%3Cb%3E", "way=%3Cscript%3E"):
            Reader(site.get(f"/positive?{query}").text)
        Reader(site.get("/%3Cscript%3E").text)


def test_the_reader_sees_a_script_in_a_page() -> None:
    for text in ("<p><script>x</script></p>", "<p onload=y></p>", "<!-- x -->", '<a href="javascript:x"></a>', "<p>"):
        with pytest.raises((AssertionError, KeyError)):
            Reader(text)
