"""The products of a campaign in one language, each from the same plan and texts."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

import segno
from jinja2 import Environment, PackageLoader, StrictUndefined

from bluezone_agent.campaign.plan import LOGO_KINDS, CampaignError, CampaignPlan
from bluezone_agent.campaign.reminders import calendar
from bluezone_agent.campaign.sms import SmsLength, sms_length
from bluezone_agent.campaign.words import CampaignWords
from bluezone_agent.errors import N_
from bluezone_agent.typesetting import missing_letters, typeset

SLIDES: Final = {"slide-landscape.png": (1920, 1080), "slide-portrait.png": (1080, 1920), "zalo.png": (1080, 1080)}
LARGEST_PORTAL: Final = 50_000
LARGEST_PORTAL_LOGO: Final = 30_000
MIME: Final = {"svg": "image/svg+xml", "png": "image/png", "jpg": "image/jpeg"}
QUIET_ZONE: Final = 4
"""Modules around a QR code (ISO/IEC 18004)."""


class Product(NamedTuple):
    """A file of a campaign."""

    name: str
    content: bytes

    def __repr__(self) -> str:
        return f"Product({self.name})"


class Logo(NamedTuple):
    """The logo's bytes; none without one."""

    content: bytes = b""
    form: str = "svg"

    def __repr__(self) -> str:
        return f"Logo({self.form})"


class CampaignText(NamedTuple):
    """A text message and how it is sent."""

    text: str
    length: SmsLength


def logo_of(plan: CampaignPlan, folder: Path) -> Logo:
    """Return the logo. Raises OSError."""
    if not plan.campaign.logo:
        return Logo()
    path = folder / plan.campaign.logo
    return Logo(path.read_bytes(), LOGO_KINDS[path.suffix.lower()])


def products(
    plan: CampaignPlan, words: CampaignWords, logo: Logo, made_at: datetime, fonts: Path | None
) -> Iterator[Product]:
    """Yield every file. Raises CampaignError."""
    _require_letters(plan, words, fonts)
    qr = _qr_svg(plan.campaign.link)
    page = _page(plan, words, logo, qr)
    for paper in ("a4", "a3"):
        yield Product(f"poster-{paper}.pdf", _pages(typeset("poster", page | {"paper": paper}, fonts=fonts), 1, words))
    yield Product("leaflet-a5.pdf", _pages(typeset("leaflet", page, fonts=fonts), 2, words))
    for name, (width, height) in SLIDES.items():
        yield Product(name, typeset("slide", page | {"width": width, "height": height}, form="png", fonts=fonts))
    yield Product("qr.svg", qr.encode())
    yield Product("portal.html", _portal(plan, words, logo))
    yield Product("sms.txt", "\n".join(one.text for one in texts(words)).encode() + b"\n")
    yield Product("zalo.txt", words.zalo.encode() + b"\n")
    yield Product("loudspeaker.txt", words.loudspeaker.encode() + b"\n")
    yield Product("reminders.ics", calendar(plan, words, made_at))


def texts(words: CampaignWords) -> list[CampaignText]:
    """Return the text messages; raises CampaignError for one that does not fit into a single message."""
    found = []
    for name, text in (("sms", words.sms), ("sms_gsm", words.sms_gsm)):
        if not text:
            continue
        length = sms_length(text)
        if length.messages > 1:
            raise CampaignError(
                N_("{name} in {language} has {units} units of {alphabet}, a single message has {limit}: {text}"),
                N_("shorten the link or the hotline in campaign.toml, or the text in a language file of your own"),
                name=name,
                language=words.name,
                units=length.units,
                alphabet=length.alphabet,
                limit=length.limit,
                text=text,
            )
        found.append(CampaignText(text, length))
    return found


def _require_letters(plan: CampaignPlan, words: CampaignWords, fonts: Path | None) -> None:
    printed = plan.campaign.unit + "".join(
        value if isinstance(value, str) else "".join(value)
        for name in (
            "headline",
            "call",
            "scan",
            "hotline",
            "dates",
            "steps",
            "how_title",
            "how",
            "limits_title",
            "limits",
        )
        for value in [getattr(words, name)]
    )
    missing = missing_letters(printed)
    if missing and fonts is None:
        raise CampaignError(
            N_("the fonts have no letter {letters}, which {language} or the name of the unit needs"),
            N_('name a folder with a font that has it: fonts = "FOLDER" in campaign.toml'),
            letters=" ".join(sorted(missing)[:10]),
            language=words.name,
        )


def _page(plan: CampaignPlan, words: CampaignWords, logo: Logo, qr: str) -> dict[str, Any]:
    return {
        "language": words.code,
        "unit": plan.campaign.unit,
        "link": plan.campaign.link,
        "hotline": plan.campaign.hotline,
        "hotline_name": words.hotline,
        "headline": words.headline,
        "call": words.call,
        "scan": words.scan,
        "dates": words.dates,
        "steps": words.steps,
        "how_title": words.how_title,
        "how": words.how,
        "limits_title": words.limits_title,
        "limits": words.limits,
        "qr": qr,
        "logo": list(logo.content),
        "logo_format": logo.form,
    }


def _pages(pdf: bytes, expected: int, words: CampaignWords) -> bytes:
    """Return the PDF; raises CampaignError if its texts need more pages than the sheet has."""
    found = len(re.findall(rb"/Type\s*/Page\b(?!s)", pdf))
    if found > expected:
        raise CampaignError(
            N_("the texts in {language} do not fit: {found} pages instead of {expected}"),
            N_("shorten the name of the unit, or the texts in a language file of your own"),
            language=words.name,
            found=found,
            expected=expected,
        )
    return pdf


def _qr_svg(link: str) -> str:
    """Return a QR code that survives a stain (error correction Q: a quarter of it) with its quiet zone."""
    out = io.BytesIO()
    code = segno.make(link, error="q", micro=False, boost_error=False)
    code.save(out, kind="svg", border=QUIET_ZONE, dark="#000", light="#fff", xmldecl=False, scale=10)
    return out.getvalue().decode()


def _portal(plan: CampaignPlan, words: CampaignWords, logo: Logo) -> bytes:
    """Return the page, without a script and in one file. A logo that would make it slow is left out."""
    environment = Environment(
        loader=PackageLoader("bluezone_agent.campaign"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    inlined = 0 < len(logo.content) <= LARGEST_PORTAL_LOGO
    source = f"data:{MIME[logo.form]};base64,{base64.b64encode(logo.content).decode()}" if inlined else ""
    page = environment.get_template("portal.html.j2").render(
        words=words, facts=plan.campaign, logo=source, dialled=re.sub(r"[^0-9+]", "", plan.campaign.hotline)
    )
    content = page.encode()
    if len(content) > LARGEST_PORTAL:
        raise CampaignError(
            N_("the page for the public Wi-Fi has {n} bytes, more than {limit}"),
            N_("shorten the texts in your language file"),
            n=len(content),
            limit=LARGEST_PORTAL,
        )
    return content
