"""The products of a campaign."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from bluezone_agent.app.result import Result
from bluezone_agent.campaign.plan import CampaignError, read_plan
from bluezone_agent.campaign.words import words_of
from bluezone_agent.errors import N_
from bluezone_agent.extra_packages import imported
from bluezone_agent.files import PRIVATE_FOLDER, create, require_new_folder, sync_folder, write_new

EXTRA: Final = "campaign"
EXAMPLES: Final = Path(__file__).parents[1] / "campaign" / "templates"


class CampaignFile(Result, frozen=True, kw_only=True):
    """A file that was made."""

    path: Path
    size_bytes: int


class CampaignSms(Result, frozen=True, kw_only=True):
    """A text message; each fits into a single one."""

    language: str
    text: str
    alphabet: str
    units: int
    """Of the standard: septets, or 16-bit units."""
    limit: int


class CampaignMade(Result, frozen=True, kw_only=True):
    """Everything that was made of a campaign."""

    folder: Path
    languages: tuple[str, ...]
    files: tuple[CampaignFile, ...]
    sms: tuple[CampaignSms, ...]


class CampaignStarted(Result, frozen=True, kw_only=True):
    """A new campaign.toml."""

    file: Path


def new(file: Path, language: str) -> CampaignStarted:
    """Write a campaign.toml with every setting explained. Raises NewFileError."""
    write_new(file, (EXAMPLES / f"campaign.{language}.toml").read_bytes())
    return CampaignStarted(file=file)


def make(plan_path: Path, folder: Path) -> CampaignMade:
    """Make every product into a new folder, with a folder for each language.

    Raises CampaignError, PlanError, NewFileError, MissingPackageError; then nothing is written.
    """
    plan, home = read_plan(plan_path), plan_path.parent
    require_new_folder(folder)
    module = imported("campaign.products", EXTRA)
    logo, made_at = module.logo_of(plan, home), datetime.now(UTC).replace(microsecond=0)
    fonts = _fonts(plan.campaign.fonts, home)
    every, sms = dict[str, list[Any]](), list[CampaignSms]()
    for language in plan.campaign.languages:
        words = words_of(language, plan, home)
        every[words.code] = list(module.products(plan, words, logo, made_at, fonts))
        sms += [
            CampaignSms(
                language=words.code,
                text=one.text,
                alphabet=one.length.alphabet,
                units=one.length.units,
                limit=one.length.limit,
            )
            for one in module.texts(words)
        ]
    folder.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
    files = []
    for code, products in every.items():
        (folder / code).mkdir(mode=PRIVATE_FOLDER)
        for name, content in products:
            create(folder / code / name, content, durable=False)
            files.append(CampaignFile(path=folder / code / name, size_bytes=len(content)))
        sync_folder(folder / code)
    return CampaignMade(folder=folder, languages=tuple(every), files=tuple(files), sms=tuple(sms))


def _fonts(named: str, home: Path) -> Path | None:
    if not named:
        return None
    if not (home / named).is_dir():
        raise CampaignError(
            N_('[campaign] fonts = "{value}" is not a folder'),
            N_("name a folder with .ttf or .otf files next to campaign.toml"),
            value=named,
        )
    return home / named
