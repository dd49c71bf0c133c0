"""Texts for people use the field's words: catalogues, help, README and docs have none that only insiders know.

``test_words`` holds the names in the code; here are the sentences.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from babel.messages.pofile import read_po

ROOT: Final = Path(__file__).resolve().parents[1]
CATALOGUES: Final = ROOT / "bluezone_agent" / "locale"
DOCUMENTS: Final = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "tests" / "MUTANTS.md"])
ENGLISH: Final = {
    r"anew": "again",
    r"beside": "next to, besides",
    r"(?<!there )(?:is|are|was|were) none": "is not a …, there is no …",
    r"hand(?:s|ed|ing)? (?:\w+ )?in": "submit",
    r"pro(?:ve|ves|ved|ven) (?:to be )?ill": "test positive",
    r"falls? ill": "test positive",
    r"mend(?:s|ed|ing)?": "fix",
    r"(?:set|sets|put) aside": "quarantine, keep as",
    r"of (?:ours|its own making)": "our, its",
    r"believ(?:e|es|ed|ing)": "accept, verify, trust",
    r"hear(?:s|d|ing)?": "receive",
    r"unheard": "not received",
    r"overheard": "received",
    r"case files?": "diagnosis key file",
    r"day keys?|keys? of a day": "daily key",
    r"(?:un)?seal(?:s|ed|ing)?": "encrypt",
    r"goes on": "continues",
    r"witness(?:es)?": "monitor adapter, peer report",
    r"told and untold|untold": "pending",
    r"dexiben": "decibel",
}
"""Word (a regular expression) → what people say."""
VIETNAMESE: Final = {
    r"mã định danh": "mã Bluezone",
    r"lắng nghe": "quét",
    r"lên sóng": "phát sóng",
    r"bản báo(?! cáo)": "bản báo cáo",
    r"niêm phong": "khóa bằng mật khẩu",
    r"dexiben": "đêxiben",
    r"suất quảng bá": "phiên quảng bá",
    r"bộ thu phát": "bộ Bluetooth",
    r"phút có trọng số": "phút quy đổi",
    r"chứng minh": "kiểm chứng",
}
QUOTED: Final = re.compile(r"^```.*?^```|`[^`\n]*`|\]\([^)]*\)|<!--.*?-->", re.MULTILINE | re.DOTALL)
"""Code, output and addresses: their words are held elsewhere."""


def private(text: str, words: dict[str, str]) -> list[str]:
    """Return the private words of a text, each with what people say."""
    return [
        f"{match[0]!r} (say {people_say})"
        for pattern, people_say in words.items()
        for match in re.finditer(rf"(?<![\w-])(?:{pattern})(?![\w-])", text, re.IGNORECASE)
    ]


def texts(language: str) -> Iterator[str]:
    """Yield every text of a catalogue."""
    with (CATALOGUES / language / "LC_MESSAGES" / "bluezone_agent.po").open("rb") as file:
        for message in read_po(file):
            if message.id:
                yield from [message.string] if isinstance(message.string, str) else message.string or []


@pytest.mark.parametrize(("language", "words"), [("en", ENGLISH), ("vi", VIETNAMESE)])
def test_no_private_word_is_in_a_text(language: str, words: dict[str, str]) -> None:
    found = {f"{text}: {', '.join(its)}" for text in texts(language) if (its := private(text, words))}
    assert sorted(found) == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_private_word_is_in_a_document(document: Path) -> None:
    words = VIETNAMESE if "vi" in document.parts else ENGLISH
    found = [
        f"{number}: {its}"
        for number, line in enumerate(without_code(document.read_text("utf-8")).split("\n"), start=1)
        if (its := private(line, words))
    ]
    assert found == []


def without_code(text: str) -> str:
    """Return a document without what it quotes, line for line."""
    return QUOTED.sub(lambda match: "\n" * match[0].count("\n"), text)


def test_a_private_word_is_noticed() -> None:
    assert private("the files are read anew", ENGLISH)
    assert private("who hands keys in", ENGLISH)
    assert not private("the besides, unmended rehearsal", ENGLISH)
    assert private("thiết bị lắng nghe", VIETNAMESE)
    assert not private(without_code("read `anew` and\n```\nheard\n```\n"), ENGLISH)
