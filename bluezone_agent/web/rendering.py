"""Makes a page in the language of its reader."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from bluezone_agent.app.age_text import age
from bluezone_agent.app.own_command import CommandFailedError
from bluezone_agent.app.page_parts import Texts
from bluezone_agent.errors import AgentError
from bluezone_agent.html.page import environment
from bluezone_agent.i18n import LANGUAGES, _, local_date, local_time, rendered, speaking
from bluezone_agent.web.access import LANGUAGE, read_cookie

ENVIRONMENT: Final = environment("bluezone_agent.web", "bluezone_agent.html")
FOLDER: Final = Path(__file__).parent
NAMES: Final = {"en": "English", "vi": "Tiếng Việt"}


def language_of(request: Request, configured: str) -> str:
    """Return the language that the reader chose, else the configured one, else English."""
    chosen = read_cookie(request.headers.get("cookie", ""), LANGUAGE)
    return next((found for found in (chosen, configured) if found in LANGUAGES), LANGUAGES[0])


def rendered_page(template: str, language: str, status: int = 200, /, **shown: object) -> Response:
    """Return the page of a template; ``shown`` are its variables."""
    with speaking(language):
        text = ENVIRONMENT.get_template(f"{template}.html.j2").render(shown, language=language)
    return HTMLResponse(text, status)


def explained(error: AgentError | OSError) -> tuple[str, str]:
    """Return why something failed, and the way out or nothing."""
    if isinstance(error, CommandFailedError):
        return str(error.fields["reason"]).replace("bluezone-agent: ", ""), ""
    if isinstance(error, AgentError):
        return rendered(error)
    return error.strerror or type(error).__name__, ""


def ago(at: datetime) -> str:
    """Return how long ago something was."""
    return age(at, datetime.now(UTC))


def in_language(texts: Texts, language: str) -> tuple[str, ...]:
    """Return the lines in a language."""
    return texts.get(language, ())


def telephone_link(number: str) -> str:
    """Return the address that calls a number: its digits alone."""
    return "tel:" + "".join(c for c in number if c in "+0123456789")


ENVIRONMENT.globals |= {"languages": NAMES, "ago": ago}
ENVIRONMENT.filters |= {
    "date": local_date,
    "time": local_time,
    "said": in_language,
    "telephone": telephone_link,
    "translated": _,
}


def static_files() -> dict[str, tuple[str, bytes]]:
    """Return every file that pages refer to: name → type and content. No path leads elsewhere."""
    style = ENVIRONMENT.get_template("page.css.j2").render()
    scripts = {path.name: ("text/javascript", path.read_bytes()) for path in (FOLDER / "static").glob("*.js")}
    return {"page.css": ("text/css", style.encode()), **scripts}
