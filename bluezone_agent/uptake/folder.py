"""The folder of a campaign: settings, units, what was reported, collected and counted, all as readable files."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from datetime import datetime, time
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from bluezone_agent.errors import N_
from bluezone_agent.files import create, made_folder, read_text
from bluezone_agent.uptake.codes import new_campaign
from bluezone_agent.uptake.signing import new_key
from bluezone_agent.uptake.units import UnitTree, UptakeError, read_units

SETTINGS: Final = "uptake.toml"
UNITS: Final = "units.csv"
REPORTED: Final = "reported.csv"
COLLECTED: Final = "collected.csv"
COUNTED: Final = "counted.csv"
CODES: Final = "codes.csv"
KEY: Final = "signing.key"
TRUSTED: Final = "trusted.csv"
MERGED: Final = "merged"
TEMPLATES: Final = Path(__file__).parent / "templates"
DENOMINATORS: Final = ("staff", "pupils", "households", "residents")
ZONE: Final = "Asia/Ho_Chi_Minh"
CLOCK: Final = re.compile(r"(?:(\d{4}-\d\d-\d\d)[T ])?([01]\d|2[0-3]):([0-5]\d)")


class UptakeSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``uptake.toml``."""

    campaign: str
    """Four characters with which each code begins."""
    denominator: str
    timezone: str = ZONE
    target_percent: float | None = None


class UptakeFolder:
    """Where a campaign is."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.settings = _read_settings(path / SETTINGS)
        self.zone = ZoneInfo(self.settings.timezone)

    def own_units(self) -> UnitTree:
        """Return the units of this folder alone, without merged reports. Raises UptakeError."""
        path = self.path / UNITS
        return UnitTree(read_units(path), path)

    def moment(self, text: str, day: Callable[[], datetime]) -> datetime:
        """Return a time that a person wrote as ``HH:MM`` or ``YYYY-MM-DDTHH:MM``, in the folder's time zone.

        ``day`` returns the day that is meant if the text names none. Raises UptakeError.
        """
        found = CLOCK.fullmatch(text.strip())
        try:
            if found is None:
                raise ValueError(text)
            named = datetime.fromisoformat(found[1]) if found[1] else day().astimezone(self.zone)
        except ValueError as error:
            raise UptakeError(
                N_('"{value}" is not a time'), N_("write 10:00, or 2021-05-10T10:00 for another day"), value=text
            ) from error
        return datetime.combine(named.date(), time(int(found[2]), int(found[3])), self.zone)


def make_folder(
    path: Path, units: bytes, denominator: str, zone: str, target_percent: float | None, *, language: str = "en"
) -> UptakeFolder:
    """Make the folder of a new campaign with a new signing key; ``language`` is that of the explanations.

    Raises NewFileError, OSError.
    """
    with made_folder(path):
        create(path / UNITS, units)
        create(path / KEY, new_key())
        text = (
            (TEMPLATES / f"uptake.{language}.toml")
            .read_text("utf-8")
            .format(
                campaign=new_campaign(),
                denominator=denominator,
                zone=zone,
                target="# target_percent = 60" if target_percent is None else f"target_percent = {target_percent:g}",
            )
        )
        create(path / SETTINGS, text.encode())
    return UptakeFolder(path)


def _read_settings(path: Path) -> UptakeSettings:
    try:
        settings = msgspec.convert(tomllib.loads(read_text(path)), UptakeSettings)
    except (OSError, UnicodeDecodeError) as error:
        raise UptakeError(
            N_("{path} is not the folder of a campaign: can't read {name}: {reason}"),
            N_('go into the folder that "bluezone-agent uptake new" made, or name it with --folder'),
            path=path.parent,
            name=path.name,
            reason=getattr(error, "strerror", None) or error,
        ) from error
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise UptakeError(
            N_("{path}: {reason}"),
            N_('correct it; "bluezone-agent uptake new" writes one with every setting explained'),
            path=path,
            reason=error,
        ) from error
    _require_valid(settings, path)
    return settings


def _require_valid(settings: UptakeSettings, path: Path) -> None:
    if settings.denominator not in DENOMINATORS:
        raise UptakeError(
            N_('{path}: there is no denominator "{value}"'),
            N_("choose one of: {choices}"),
            path=path,
            value=settings.denominator,
            choices=", ".join(DENOMINATORS),
        )
    try:
        ZoneInfo(settings.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UptakeError(
            N_('there is no time zone "{value}"'),
            N_("use a name of the IANA list, such as Asia/Ho_Chi_Minh or Europe/Zurich"),
            value=settings.timezone,
        ) from error
