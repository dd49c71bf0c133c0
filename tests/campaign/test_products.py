"""Everything that a campaign makes, read back by other programs: PDF, PNG, QR codes, HTML."""

from __future__ import annotations

import io
import re
import unicodedata
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Final

import numpy as np
import pypdfium2
import pytest
import zxingcpp
from fontTools.ttLib import TTFont
from PIL import Image
from pypdf import PdfReader

from bluezone_agent.typesetting import FONTS, missing_letters, typeset
from tests.program import Program
from tests.web.browser import CHROMIUM, browser, needs_chromium

pytestmark = pytest.mark.slow
ADDRESS: Final = "https://bluezone.gov.vn/cai-dat?nguon=ap-phich"
UNIT: Final = "Ủy ban nhân dân tỉnh Thừa Thiên Huế"
LANGUAGES: Final = ("vi", "en", "ru")
VOWELS: Final = "aăâeêioôơuưy"
TONES: Final = ("", "\u0300", "\u0301", "\u0303", "\u0309", "\u0323")
VIETNAMESE: Final = sorted(
    {
        unicodedata.normalize("NFC", letter + tone)
        for vowel in VOWELS
        for letter in (vowel, vowel.upper())
        for tone in TONES
    }
    - set("aeiouyAEIOUY")
    | set("đĐ")
)
SHEETS: Final = {"poster-a4.pdf": (1, (210, 297)), "poster-a3.pdf": (1, (297, 420)), "leaflet-a5.pdf": (2, (148, 210))}
"""Pages, and their width and height in millimetres."""
SCREENS: Final = {"slide-landscape.png": (1920, 1080), "slide-portrait.png": (1080, 1920), "zalo.png": (1080, 1080)}
SMALLEST: Final = """
    Math.min(...[...document.querySelectorAll('p,li,a')].map(e => parseFloat(getComputedStyle(e).fontSize)))
"""
LOGO: Final = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><circle cx="4" cy="4" r="4" fill="#c00"/>'
    "<script>alert(1)</script></svg>"
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    program = Program(tmp_path_factory.mktemp("campaign"))
    program.state_dir.mkdir(0o700)
    assert program.run("campaign", "new", "campaign.toml").returncode == 0
    path = program.home / "campaign.toml"
    text = path.read_text()
    for old, new in (
        ('"Department of Health"', f'"{UNIT}"'),
        ('"https://bluezone.gov.vn"', f'"{ADDRESS}"'),
        ('["vi", "en"]', '["vi", "en", "ru"]'),
        ('logo = ""', 'logo = "logo.svg"'),
    ):
        assert text.count(old) == 1
        text = text.replace(old, new)
    path.write_text(text)
    (program.home / "logo.svg").write_text(LOGO)
    done = program.run("campaign", "make", "campaign.toml", "all")
    assert done.returncode != 0, "with this address an SMS in Vietnamese has more than 70 letters"
    assert re.search(r"sms in \S+ \S+ has \d+ units of UCS-2, a single message has 70", done.stderr), done.stderr
    assert not (program.home / "all").exists()
    own = Path(__file__).parents[2] / "bluezone_agent/campaign/languages/ru.toml"
    path.write_text(text.replace(ADDRESS, "https://bluezone.gov.vn").replace('"ru"]', '"own.toml"]'))
    (program.home / "own.toml").write_text(own.read_text())
    done = program.run("campaign", "make", "campaign.toml", "all", "--json")
    assert done.returncode == 0, done.stderr
    return program.home / "all"


def rendered(path: Path, scale: float) -> list[Image.Image]:
    if path.suffix == ".pdf":
        document = pypdfium2.PdfDocument(path)
        return [document[number].render(scale=scale).to_pil() for number in range(len(document))]
    picture = Image.open(path)
    return [picture.resize((int(picture.width * scale), int(picture.height * scale)), Image.Resampling.BILINEAR)]


def decoded(picture: Image.Image) -> set[str]:
    return {found.text for found in zxingcpp.read_barcodes(np.asarray(picture.convert("L")))}


@pytest.mark.parametrize("scale", [0.5, 1.0, 2.0])
@pytest.mark.parametrize(
    "name",
    ["poster-a4.pdf", "poster-a3.pdf", "leaflet-a5.pdf", "slide-landscape.png", "slide-portrait.png", "zalo.png"],
)
def test_another_library_reads_the_code_at_three_sizes(made: Path, name: str, scale: float) -> None:
    """36, 72 and 144 dots an inch; a screen seen at half its size, as it is, and twice as large."""
    for language in LANGUAGES:
        assert decoded(rendered(made / language / name, scale)[0]) == {"https://bluezone.gov.vn"}


@pytest.mark.parametrize(("name", "pages", "size_mm"), [(name, *sheet) for name, sheet in SHEETS.items()])
def test_sheets_have_their_size_and_their_texts(made: Path, name: str, pages: int, size_mm: tuple[int, int]) -> None:
    for language in LANGUAGES:
        reader = PdfReader(made / language / name)
        assert len(reader.pages) == pages
        box = reader.pages[0].mediabox
        assert (round(float(box.width) / 72 * 25.4), round(float(box.height) / 72 * 25.4)) == size_mm
        text = words_in("".join(page.extract_text() for page in reader.pages))
        for expected in (UNIT, "19009095", "https://bluezone.gov.vn", "Bluetooth"):
            assert words_in(expected) in text
        resources: list[Any] = [page["/Resources"] for page in reader.pages]
        fonts = {str(font.get_object()["/BaseFont"]) for found in resources for font in found["/Font"].values()}
        assert all(re.fullmatch(r"/[A-Z]{6}\+NotoSans-\w+", font) for font in fonts), "embedded, and no other"


def words_in(text: str) -> str:
    return unicodedata.normalize("NFC", re.sub(r"\s+", "", text))


@pytest.mark.parametrize(
    ("name", "size"),
    [("slide-landscape.png", (1920, 1080)), ("slide-portrait.png", (1080, 1920)), ("zalo.png", (1080, 1080))],
)
def test_slides_fill_their_screens(made: Path, name: str, size: tuple[int, int]) -> None:
    for language in LANGUAGES:
        picture = Image.open(made / language / name)
        assert picture.size == size
        assert not near_the_edge(picture), "a text runs out of the picture"


def near_the_edge(picture: Image.Image) -> bool:
    pixels = np.asarray(picture.convert("RGB"))
    edges = [pixels[:20], pixels[-20:], pixels[:, :20], pixels[:, -20:]]
    return any((edge != pixels[0, 0]).any() for edge in edges)


def test_there_are_134_vietnamese_letters() -> None:
    assert len(VIETNAMESE) == 134


def test_every_vietnamese_letter_is_in_the_fonts_and_comes_back_from_a_pdf() -> None:
    for style in ("Regular", "Bold"):
        known = TTFont(FONTS / f"NotoSans-{style}.ttf").getBestCmap()
        glyphs = {letter: known.get(ord(letter)) for letter in VIETNAMESE}
        assert not [letter for letter, glyph in glyphs.items() if glyph in (None, ".notdef")]
        assert len(set(glyphs.values())) == 134, "each has a glyph of its own"
    lines = [" ".join(VIETNAMESE[at : at + 20]) for at in range(0, 134, 20)]
    units = [{"name": line, "codes": [""]} for line in lines]
    pdf = typeset("slips", {"title": "", "language": "vi", "text": "", "units": units})
    text = "".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)
    assert sorted(set(unicodedata.normalize("NFC", text)) & set(VIETNAMESE)) == VIETNAMESE
    assert missing_letters("".join(VIETNAMESE)) == set()


def test_the_list_of_letters_is_that_of_the_fonts() -> None:
    both = [set(TTFont(FONTS / f"NotoSans-{style}.ttf").getBestCmap()) for style in ("Regular", "Bold")]
    assert {point for point in range(0x110000) if chr(point).isprintable() and not missing_letters(chr(point))} == {
        point for point in both[0] & both[1] if chr(point).isprintable()
    }


def test_letters_that_the_fonts_lack_are_named(made: Path) -> None:
    program = Program(made.parent)
    path = made.parent / "khmer.toml"
    path.write_text((made.parent / "campaign.toml").read_text().replace(UNIT, "ក្រសួង"))
    done = program.run("campaign", "make", "khmer.toml", "khmer")
    assert done.returncode != 0
    assert "the fonts have no letter" in done.stderr
    assert "ក" in done.stderr
    assert not (made.parent / "khmer").exists()


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.loads: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, Any]]) -> None:
        self.tags.append(tag)
        values = dict(attrs)
        self.loads += [values["src"]] if "src" in values else []
        self.links += [values["href"]] if "href" in values else []
        assert not [name for name in values if name.startswith("on")]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_portal_is_one_small_file_without_a_script(made: Path, language: str) -> None:
    data = (made / language / "portal.html").read_bytes()
    page = _Page()
    page.feed(data.decode())
    assert len(data) < 50_000
    assert "script" not in page.tags
    assert not {"link", "iframe", "object", "form"} & set(page.tags)
    assert all(source.startswith("data:image/svg+xml;base64,") for source in page.loads)
    assert page.links == ["https://bluezone.gov.vn", "tel:19009095"]


@needs_chromium
def test_the_portal_can_be_read_at_320_pixels(made: Path) -> None:
    assert CHROMIUM
    with browser() as chromium:
        context = chromium.new_context(viewport={"width": 320, "height": 640}, java_script_enabled=True)
        page = context.new_page()
        for language in LANGUAGES:
            page.goto((made / language / "portal.html").as_uri())
            assert page.evaluate("document.documentElement.scrollWidth") == 320
            assert page.evaluate(SMALLEST) >= 16
            assert page.locator("a.button").bounding_box()["height"] >= 44  # type: ignore[index]
        context.close()


def test_texts_say_what_it_does_not_do(made: Path) -> None:
    """Nobody is told that places are recorded or that silence means safety."""
    said = {language: (made / language / "zalo.txt").read_text() for language in LANGUAGES}
    assert "Không ghi vị trí" in said["vi"]
    assert "Không báo gì không có nghĩa là không tiếp xúc" in said["vi"]
    assert "No notice does not mean no contact" in said["en"]
    assert "Отсутствие уведомления не означает отсутствия контакта" in said["ru"]
    for path in made.rglob("*.txt"):
        assert "19009095" in path.read_text(), path
        assert "{" not in path.read_text()


def test_a_name_is_never_markup(made: Path) -> None:
    program = Program(made.parent)
    name = "#strong[A] <b>&amp; $x$"
    (made.parent / "markup.toml").write_text((made.parent / "campaign.toml").read_text().replace(UNIT, name))
    done = program.run("campaign", "make", "markup.toml", "markup")
    assert done.returncode == 0, done.stderr
    assert words_in(name) in words_in(PdfReader(made.parent / "markup/vi/poster-a4.pdf").pages[0].extract_text())
    assert "&lt;b&gt;&amp;amp;" in (made.parent / "markup/vi/portal.html").read_text()


def test_a_text_that_does_not_fit_is_said(made: Path) -> None:
    program = Program(made.parent)
    own = (made.parent / "own.toml").read_text()
    long = own.replace('how = [\n  "', 'how = [\n  "' + "слово " * 700)
    assert long != own
    (made.parent / "long.toml").write_text(long)
    plan = (made.parent / "campaign.toml").read_text().replace('["vi", "en", "own.toml"]', '["long.toml"]')
    (made.parent / "longer.toml").write_text(plan)
    done = program.run("campaign", "make", "longer.toml", "longer")
    assert done.returncode != 0
    assert "do not fit" in done.stderr
