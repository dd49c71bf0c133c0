"""``campaign.toml``: who asks, where to install from, whom to call, when, and in which languages."""

from __future__ import annotations

import re
from datetime import date, time
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from bluezone_agent.config_errors import KINDS, TOP, WRONG
from bluezone_agent.errors import N_, ConfigError
from bluezone_agent.files import read_text
from bluezone_agent.plans.mistakes import Mistakes, parsed, shown
from bluezone_agent.plans.toml_lines import Where

LONGEST_UNIT: Final = 90
LONGEST_APP: Final = 24
LONGEST_LINK: Final = 120
HOTLINE: Final = re.compile(r"[0-9+][0-9 ()./+-]{1,23}")
LOGO_KINDS: Final = {".svg": "svg", ".png": "png", ".jpg": "jpg", ".jpeg": "jpg"}
LARGEST_LOGO: Final = 500_000
MOST_REMINDERS: Final = 400
MORE_KINDS: Final = {
    "date": N_("has to be a date, without quotes: 2021-05-10"),
    "time": N_("has to be a time of day, without quotes: 09:00:00"),
}
HINT: Final = N_('correct that line; "bluezone-agent campaign new -" shows every setting')


class CampaignError(ConfigError):
    """A campaign can't be made as requested; its author can fix it."""


class CampaignFacts(msgspec.Struct, frozen=True, kw_only=True):
    """``[campaign]``."""

    unit: str
    link: str
    hotline: str
    app: str = "Bluezone"
    languages: tuple[str, ...] = ("vi", "en")
    logo: str = ""
    """A file next to campaign.toml; empty for none."""
    fonts: str = ""
    """A folder with fonts for letters that the own fonts don't have; empty for none."""


class Dates(msgspec.Struct, frozen=True, kw_only=True):
    """``[dates]``."""

    start: date
    end: date
    remind_every_days: int = 3
    remind_at: time = time(9, 0)
    timezone: str = "Asia/Ho_Chi_Minh"


class CampaignPlan(msgspec.Struct, frozen=True, kw_only=True):
    """A campaign."""

    campaign: CampaignFacts
    dates: Dates


TABLES: Final[dict[str, type[msgspec.Struct]]] = {"campaign": CampaignFacts, "dates": Dates}


def read_plan(path: Path) -> CampaignPlan:
    """Read and check ``campaign.toml``; raises CampaignError, PlanError with the line of the first mistake."""
    try:
        text = read_text(path)
    except (OSError, UnicodeDecodeError) as error:
        raise CampaignError(
            N_("can't read {path}: {reason}"),
            N_('name a text file in UTF-8; "bluezone-agent campaign new FILE" writes one'),
            path=path,
            reason=getattr(error, "strerror", None) or error,
        ) from error
    raw = parsed(text, path)
    mistakes = Mistakes(path, text)
    _require_known(raw, mistakes)
    try:
        plan = msgspec.convert(raw, CampaignPlan)
    except msgspec.ValidationError as error:
        raise _wrong_kind(mistakes, raw, str(error)) from error
    _require_facts(plan.campaign, path, mistakes)
    _require_dates(plan.dates, mistakes)
    return plan


def _require_known(raw: dict[str, Any], mistakes: Mistakes) -> None:
    mistakes.require_known((), raw, list(TABLES))
    for name, struct in TABLES.items():
        if isinstance(table := raw.get(name), dict):
            mistakes.require_known((name,), table, struct.__struct_fields__)


def _wrong_kind(mistakes: Mistakes, raw: Any, reason: str) -> ConfigError:
    found = re.search(r"`\$(.*)`$", reason)
    where: Where = tuple(re.findall(r"\.(\w+)", found[1] if found else ""))
    missing = re.match(r"Object missing required field `(\w+)`", reason)
    if missing:
        return mistakes.at(where, N_('{where} needs "{name}"'), HINT, where=shown(where) or TOP, name=missing[1])
    kind = re.match(r"Expected `([^`]*)`", reason)
    date_or_time = re.match(r"Invalid RFC3339 encoded (date|time)", reason)
    expected = kind[1] if kind else date_or_time[1] if date_or_time else ""
    value = raw
    for step in where:
        value = value[step]
    return mistakes.at(
        where,
        N_("{where} {expected} (found: {value})"),
        HINT,
        where=shown(where),
        expected=MORE_KINDS.get(expected) or KINDS.get(expected, WRONG),
        value=value if isinstance(value, str | int | float) else "…",
    )


def _require_facts(facts: CampaignFacts, path: Path, mistakes: Mistakes) -> None:
    for name, value, longest in (("unit", facts.unit, LONGEST_UNIT), ("app", facts.app, LONGEST_APP)):
        if not value.strip() or not value.isprintable() or len(value) > longest:
            raise mistakes.at(
                ("campaign", name),
                N_('[campaign] {name} = "{value}" has {n} characters'),
                N_("write 1 to {longest} characters, on one line"),
                name=name,
                value=value,
                n=len(value),
                longest=longest,
            )
    _require_link(facts.link, mistakes)
    if not HOTLINE.fullmatch(facts.hotline):
        raise mistakes.at(
            ("campaign", "hotline"),
            N_('[campaign] hotline = "{value}" is not a telephone number'),
            N_('write it as people dial it, such as "19009095" or "0243 123 4567"'),
            value=facts.hotline,
        )
    if not facts.languages or len(set(facts.languages)) != len(facts.languages):
        raise mistakes.at(
            ("campaign", "languages"),
            N_("[campaign] languages names none, or one twice"),
            N_('write for example languages = ["vi", "en"]'),
        )
    _require_logo(facts.logo, path.parent, mistakes)


def _require_link(link: str, mistakes: Mistakes) -> None:
    try:
        parts = urlsplit(link)
        good = parts.scheme in ("https", "http") and parts.hostname and link.isascii() and " " not in link
    except ValueError:
        good = False
    if not good or len(link) > LONGEST_LINK or not link.isprintable():
        raise mistakes.at(
            ("campaign", "link"),
            N_('[campaign] link = "{value}" can\'t be put into a QR code that phones open'),
            N_("write a web address of up to {longest} characters, such as https://bluezone.gov.vn"),
            value=link,
            longest=LONGEST_LINK,
        )


def _require_logo(logo: str, folder: Path, mistakes: Mistakes) -> None:
    if not logo:
        return
    path = folder / logo
    if path.suffix.lower() not in LOGO_KINDS or not path.is_file() or path.stat().st_size > LARGEST_LOGO:
        raise mistakes.at(
            ("campaign", "logo"),
            N_('[campaign] logo = "{value}" is not a picture that can be used'),
            N_("put an SVG, PNG or JPEG of up to {kb} kB next to campaign.toml, or leave logo empty"),
            value=logo,
            kb=LARGEST_LOGO // 1000,
        )


def _require_dates(dates: Dates, mistakes: Mistakes) -> None:
    if dates.end < dates.start:
        raise mistakes.at(
            ("dates", "end"),
            N_("[dates] end = {end} is before start = {start}"),
            N_("write a later date"),
            end=dates.end,
            start=dates.start,
        )
    days = (dates.end - dates.start).days + 1
    if dates.remind_every_days < 1 or days / dates.remind_every_days > MOST_REMINDERS:
        raise mistakes.at(
            ("dates", "remind_every_days"),
            N_("[dates] remind_every_days = {value} makes too many reminders, or none"),
            N_("choose at least {least}"),
            value=dates.remind_every_days,
            least=max(1, days // MOST_REMINDERS + 1),
        )
    try:
        ZoneInfo(dates.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise mistakes.at(
            ("dates", "timezone"),
            N_('there is no time zone "{value}"'),
            N_("use a name of the IANA list, such as Asia/Ho_Chi_Minh or Europe/Zurich"),
            value=dates.timezone,
        ) from error
