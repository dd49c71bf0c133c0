"""One word for one thing, and the field's: private words of the past are in no name, table, column or JSON key.

Sentences (texts, comments, the names of tests) are not names: they are read by people, not looked up.
"""

from __future__ import annotations

import ast
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from bluezone_agent.stores.store import Store
from tests.json_docs import page

ROOT: Final = Path(__file__).resolve().parents[1]
WORDS: Final = {
    "course": "clock timeline",
    "rival": "candidate timeline",
    "belief": "clock state",
    "believe": "accept, verify",
    "believed": "accepted, verified",
    "believes": "accepts",
    "doubt": "distrust reason",
    "settled": "stable; final; first scan done",
    "alone": "co-presence, other devices",
    "ears": "receiver selector",
    "mixing": "contact summary",
    "beacon": "observed identifier, sighting",
    "beacons": "observed identifiers",
    "frame": "advertising data",
    "frames": "advertisements",
    "cut": "end a key early",
    "aside": "quarantine",
    "begun": "recovery",
    "anew": "again",
    "witness": "monitor adapter, peer report",
    "witnesses": "monitor adapters",
    "promise": "expect",
    "excuse": "clear",
    "signs": "journal",
    "mark": "journal record, heartbeat",
    "told": "notified",
    "untold": "pending",
    "deadman": "outage notice",
    "beside": "background jobs",
    "patient": "wait for radio",
    "anyway": "allow linkable",
    "standing": "stand-in",
    "around": "windowed mean",
    "reach": "half-width",
    "reaches": "half-widths",
    "seal": "encrypt",
    "sealed": "encrypted",
    "unseal": "decrypt",
    "vault": "key encryption",
    "plain": "plaintext, readable",
    "feed": "source",
    "feeds": "sources",
    "mend": "fix",
    "mended": "fixed",
    "heard": "received",
    "hear": "receive",
    "hears": "receives",
}
"""Word → what stands in its place. *Part*, *place* and the like are words of their own as well and not looked for."""
PHRASES: Final = ("sign_of_life", "case_file", "casefile", "hand_in", "day_key", "is_none", "on_the_side")
EXCEPTIONS: Final = {
    "plain_traceback": "structlog's own: structlog.dev.plain_traceback",
    "PLAIN_WORDS": "words of plain English that a translation may leave as they are",
    "mark": "pytest's own: pytest.mark",
    "PlainTextResponse": "Starlette's own",
    "TrialMark": "a mark of a trial: what somebody noted in it",
    "parse_mark": "the same",
    "trial mark": "the command",
    "MarkLine": "a mark of a trial, as trial live shows it",
    "mark_text": "the same",
    "ParsedMark": "the same",
    "SPACE_MARK": "the same",
    "feed": "the standard library's: HTMLParser.feed",
    "live_feed": "the live feed, a stream of who is near now; a source of keys is no feed",
    "LiveFeed": "the same",
    "NoLiveFeedError": "the same",
    "around": "the command: who is around",
    "around_text": "its module",
    "m004_signs_of_life": "a step of the schema: its name is in every store, and never changes",
    "m011_seal": "a step of the schema: its name is in every store, and never changes",
    "SIGN_OF_LIFE": "the table as the first steps of the schema made it",
    "CASE_FILE": "the table as the first steps of the schema made it",
}
DUPLICATES: Final = (
    "Place",
    "OnAir",
    "Part",
    "Adapter",
    "Reading",
    "Published",
    "Verdict",
    "Heard",
    "Agent",
    "Bluezone",
)


def parts(name: str) -> list[str]:
    """Return the words of a name: ``lastHeard_at`` → last, heard, at."""
    return [part.lower() for part in re.findall(r"[A-Z]+(?=[A-Z][a-z]|\b|_|\d)|[A-Z]?[a-z]+", name)]


def private_words(name: str) -> set[str]:
    """Return the private words in a name."""
    return {word for word in parts(name) if word in WORDS} | {p for p in PHRASES if p in name.lower()}


def names(source: Path) -> Iterator[str]:
    """Yield every name in a module, but those of tests, which are sentences."""
    with tokenize.open(source) as file:
        for token in tokenize.generate_tokens(file.readline):
            if token.type == tokenize.NAME and not token.string.startswith("test_"):
                yield token.string


def sources(folder: str) -> list[Path]:
    return [path for path in sorted((ROOT / folder).rglob("*.py")) if not path.name.endswith("_pb2.py")]


@pytest.mark.parametrize("folder", ["bluezone_agent", "benchmarks", "tests"])
def test_no_private_word_is_in_a_name(folder: str) -> None:
    found = {
        f"{source.relative_to(ROOT)}: {name} ({', '.join(WORDS.get(word, word) for word in words)})"
        for source in sources(folder)
        for name in names(source)
        if (words := private_words(name)) and name not in EXCEPTIONS
    }
    assert sorted(found) == []


def test_no_private_word_is_in_a_table(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        rows = store._db.execute(
            "SELECT t.name, c.name FROM sqlite_schema AS t, pragma_table_info(t.name) AS c WHERE t.type = 'table'"
        ).fetchall()
    assert len(rows) > 50
    assert sorted({f"{table}.{column}" for table, column in rows if private_words(f"{table}_{column}")}) == []


def test_no_private_word_is_in_a_json_key() -> None:
    keys = set(re.findall(r"^\| `([^`]+)` \|", page(), re.MULTILINE))
    assert len(keys) > 100
    assert sorted(key for key in keys - EXCEPTIONS.keys() if private_words(key)) == []


def test_one_name_is_one_class() -> None:
    classes: dict[str, list[str]] = {}
    for source in sources("bluezone_agent"):
        for node in ast.walk(ast.parse(source.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef):
                classes.setdefault(node.name, []).append(str(source.relative_to(ROOT)))
    assert {name: files for name, files in classes.items() if len(files) > 1} == {}


def test_a_private_word_is_noticed() -> None:
    assert private_words("last_heard_s") == {"heard"}
    assert private_words("BeaconRow") == {"beacon"}
    assert private_words("case_files") == {"case_file"}
    assert private_words("shortcut_marked_company_id") == set()
