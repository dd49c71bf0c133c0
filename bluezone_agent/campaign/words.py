"""A language of a campaign: one TOML file with every text."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from string import Formatter
from typing import Final, NoReturn

import msgspec

from bluezone_agent.campaign.plan import CampaignError, CampaignPlan
from bluezone_agent.errors import N_
from bluezone_agent.files import read_text

LANGUAGES: Final = Path(__file__).parent / "languages"
FIELDS: Final = ("unit", "link", "hotline", "app", "start", "end")


class CampaignWords(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every text of a campaign in one language."""

    code: str
    name: str
    date: str
    headline: str
    call: str
    scan: str
    hotline: str
    dates: str
    button: str
    steps: tuple[str, ...]
    how_title: str
    how: tuple[str, ...]
    limits_title: str
    limits: tuple[str, ...]
    sms: str
    zalo: str
    loudspeaker: str
    reminder: str
    reminder_text: str
    sms_gsm: str = ""
    """In letters of the GSM alphabet; empty for a language that has none without its own letters."""


def built_in() -> list[str]:
    """Return the codes of the languages that the program brings."""
    return sorted(path.stem for path in LANGUAGES.glob("*.toml"))


def words_of(language: str, plan: CampaignPlan, folder: Path) -> CampaignWords:
    """Return the texts in a language, filled in: a code, or the name of a file in ``folder``. Raises CampaignError."""
    if language.endswith(".toml"):
        path = folder / language
    elif language in built_in():
        path = LANGUAGES / f"{language}.toml"
    else:
        raise CampaignError(
            N_('there is no language "{value}"'),
            N_("choose from {languages}, or copy a file of {folder}, translate it, and name it: {value}.toml"),
            value=language,
            languages=", ".join(built_in()),
            folder=LANGUAGES,
        )
    try:
        words = msgspec.convert(tomllib.loads(read_text(path)), CampaignWords)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise CampaignError(
            N_("the language file {path} can't be used: {reason}"),
            N_("compare it with {example}: each text has to be there, in quotes"),
            path=path,
            reason=getattr(error, "strerror", None) or error,
            example=LANGUAGES / "en.toml",
        ) from error
    facts, dates = plan.campaign, plan.dates
    values = {
        "unit": facts.unit,
        "link": facts.link,
        "hotline": facts.hotline,
        "app": facts.app,
        "start": dates.start.strftime(words.date),
        "end": dates.end.strftime(words.date),
    }
    return msgspec.structs.replace(
        words,
        **{
            name: _filled(value, values, path, name)
            for name, value in msgspec.structs.asdict(words).items()
            if name not in ("code", "name", "date")
        },
    )


def _filled(text: str | tuple[str, ...], values: Mapping[str, str], path: Path, name: str) -> str | tuple[str, ...]:
    if isinstance(text, tuple):
        return tuple(str(_filled(one, values, path, name)) for one in text)
    try:
        fields = [field for _literal, field, spec, conversion in Formatter().parse(text) if field is not None]
    except ValueError:
        _refuse(path, name, text)
    if any(field not in FIELDS for field in fields):
        _refuse(path, name, text)
    return text.format(**values).strip()


def _refuse(path: Path, name: str, text: str) -> NoReturn:
    raise CampaignError(
        N_('{path}: in {name}, "{text}" has a brace that names nothing'),
        N_("these can be filled in: {fields}; write {{{{ for a brace"),
        path=path,
        name=name,
        text=text,
        fields=", ".join(f"{{{field}}}" for field in FIELDS),
    )
