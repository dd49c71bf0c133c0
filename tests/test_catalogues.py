"""The catalogues hold the texts that the code has, and a translation keeps what the text is about."""

from __future__ import annotations

import gettext
import re
from datetime import datetime
from pathlib import Path
from string import Formatter

import click
import pytest
from babel.messages.catalog import Message

from bluezone_agent.cli import root
from bluezone_agent.cli.base import VALUES
from tests.catalogues import (
    LANGUAGES,
    forms,
    messages,
    mo_bytes,
    page_texts,
    po_bytes,
    po_path,
    read,
    template,
    texts,
    updated,
)

OUT_OF_STEP = "run scripts/catalogues"
LITERAL = re.compile(
    r"""
    "[^"]*"                                       # "bluezone-agent demo", "apt install bluez", "-"
    | --[a-z][a-z-]*                              # an option
    | \[\[\w+\]\]                                 # a table of the configuration
    | \b\w+\ =\ \w+                               # a setting and its value
    | \bbluezone-agent\b (?:\ [a-z]+)*            # a command, cut to its length by kept()
    | \b[a-z0-9]+(?:[_-][a-z0-9]+)*(?:[./][a-z]+)+  # index.txt, docs/recordings.md, org.bluez
    | \b[a-z0-9]+(?:_[a-z0-9]+)+\b                # a setting's name
    | \b[A-Z]{2,}(?:-[A-Z]+)*\b                   # FILE, TOML, NTP, YYYY-MM-DD
    | \bF[012]\b
    """,
    re.VERBOSE,
)
PLAIN_WORDS = {"WRONG", *VALUES}
"""Written in capitals for the reader's sake, and what help calls the values of options."""
MESSAGES = messages(read("vi"))
INSTALL = (Path(__file__).resolve().parents[1] / "scripts/install").read_text("utf-8")


def sources(message: Message) -> list[str]:
    """Return the English forms of a message."""
    return list(message.id) if isinstance(message.id, list | tuple) else [message.id]


def placeholders(text: str) -> set[str]:
    """Return the fields of a template, each with its conversion and format."""
    return {
        f"{name}!{conversion or ''}:{spec}"
        for _text, name, spec, conversion in Formatter().parse(text)
        if name is not None
    } | set(re.findall(r"%\(\w+\)[a-z]", text))


def literals(text: str) -> set[str]:
    """Return what is meant literally: commands, options, settings, files, and words in capitals."""
    return {kept(found) for found in LITERAL.findall(text)} - PLAIN_WORDS


def kept(found: str) -> str:
    """Return a command as far as it is one: the words of a sentence that follow may be translated."""
    if not found.startswith("bluezone-agent "):
        return found
    command: click.Command | None = root
    words = found.split()
    for at, word in enumerate(words[1:], 1):
        command = (
            command.get_command(click.Context(command), word.rstrip(".")) if isinstance(command, click.Group) else None
        )
        if command is None:
            return " ".join(words[:at])
    return found


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_catalogue_holds_exactly_the_texts_of_the_code(language: str) -> None:
    here = {message.id for message in messages(read(language))}
    code = {message.id for message in messages(template())}
    assert here - code == set(), f"no longer in the code: {OUT_OF_STEP}"
    assert code - here == set(), f"not in the catalogue: {OUT_OF_STEP}"
    assert po_path(language).read_bytes() == po_bytes(updated(language)), OUT_OF_STEP


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_compiled_catalogue_is_what_the_text_says(language: str) -> None:
    path = po_path(language).with_suffix(".mo")
    assert path.read_bytes() == mo_bytes(read(language)), OUT_OF_STEP
    with path.open("rb") as file:
        compiled = gettext.GNUTranslations(file)
    for message in messages(read(language)):
        text, *plural = sources(message)
        said = [compiled.ngettext(text, plural[0], n) for n in (1, 2)] if plural else [compiled.gettext(text)]
        assert list(dict.fromkeys(said)) == list(dict.fromkeys(forms(message)))


def test_english_says_what_the_code_says() -> None:
    for message in messages(read("en")):
        assert forms(message) == sources(message)


def test_every_text_is_translated() -> None:
    assert [message.id for message in MESSAGES if not all(form.strip() for form in forms(message))] == []
    assert [message.id for message in MESSAGES if message.fuzzy] == []


def test_a_translation_fills_the_same_placeholders() -> None:
    for message in MESSAGES:
        wanted = [placeholders(source) for source in sources(message)]
        for form in forms(message):
            assert placeholders(form) in wanted, message.id


def test_a_translation_keeps_commands_options_settings_and_files() -> None:
    for message in MESSAGES:
        wanted = set[str]().union(*(literals(source) for source in sources(message)))
        for form in forms(message):
            lacks = {literal for literal in wanted if literal not in form and with_values(literal) not in form}
            assert lacks == set(), form


def with_values(command: str) -> str:
    """Return a command with what help calls its values, translated."""
    said = {message.id: str(message.string) for message in MESSAGES}
    return re.sub(r"[A-Z]+", lambda word: said[word[0]] if word[0] in VALUES else word[0], command)


def test_commands_and_options_in_texts_exist() -> None:
    commands, options = names(root)
    for message in MESSAGES:
        if all(name.startswith("click/") for name, _line in message.locations):
            continue
        for text in [*sources(message), *forms(message)]:
            for found in re.findall(r'"bluezone-agent ([a-z ]+?)(?: -)?"', text):
                assert found in commands, text
            of_scripts = set(re.findall(r"scripts/install (--[a-z]+)", text))
            assert of_scripts <= set(re.findall(r"--[a-z]+", INSTALL)), text
            assert set(re.findall(r"--[a-z][a-z-]*", text)) - of_scripts <= options, text


def names(group: click.Group) -> tuple[set[str], set[str]]:
    """Return the commands below ``group``, each with its path, and the options of all of them."""
    commands, options = set[str](), set[str]()
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        assert command is not None
        commands.add(name)
        options |= {opt for parameter in command.params for opt in parameter.opts}
        if isinstance(command, click.Group):
            below, their_options = names(command)
            commands |= {f"{name} {sub}" for sub in below}
            options |= their_options
    return commands, options


def test_dates_are_the_same_moment_in_every_language() -> None:
    moment = datetime(2020, 8, 3, 17, 45).astimezone()
    dates = [message for message in MESSAGES if re.search("%[a-zA-Z]", sources(message)[0])]
    assert len(dates) == 2
    for message in dates:
        read_back = [
            datetime.strptime(moment.strftime(form), form).astimezone() for form in (*sources(message), *forms(message))
        ]
        assert read_back[0] == read_back[1], message.id


def test_a_sentence_keeps_its_shape() -> None:
    """An error starts small and ends without a full stop, a column or an indent stays where it was."""
    for message in MESSAGES:
        source = sources(message)[0]
        for form in forms(message):
            assert form.endswith(".") == source.endswith("."), form
            assert form[: len(form) - len(form.lstrip())] == source[: len(source) - len(source.lstrip())], form
            if source[0].islower():
                assert not form[0].isupper(), form
            if source[0].isupper() and source.endswith("."):
                assert not form[0].islower(), form


def test_texts_are_found_inside_of_f_strings_and_a_text_that_varies_is_refused() -> None:
    source = "f'{_(\"one\")} {ngettext(\"two\", \"three\", n)}'; N_('fo' 'ur'); _(five); _(table['six'])"
    assert set(texts(source, "x.py")) == {"one", ("two", "three"), "four"}
    for varying in ('_(f"{n} keys")', '_("keys: " + n)'):
        with pytest.raises(ValueError, match=r"x\.py:1"):
            list(texts(varying, "x.py"))


def test_texts_are_found_in_templates_and_a_text_that_varies_is_refused() -> None:
    source = "{% block title %}{{ _('one').format(n=n) }}{% endblock %}<p title=\"{{ ngettext('two', 'three', n) }}\">"
    assert set(page_texts(source, "x.html.j2")) == {"one", ("two", "three")}
    for varying in ("_('keys: ' ~ n)", "_(name)", "ngettext('key', plural, n)", "ngettext('key')"):
        with pytest.raises(ValueError, match=r"x\.html\.j2:2"):
            list(page_texts(f"\n{{{{ {varying} }}}}", "x.html.j2"))
