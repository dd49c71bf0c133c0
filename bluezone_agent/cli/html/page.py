"""Shared by all pages: each is one file without external resources, for light and dark displays.

The texts and drawings of a page are in ``templates``, where all untrusted data is escaped. The other modules of this
package compute the drawings.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from bluezone_agent.cli.base import exit_with
from bluezone_agent.files import is_standard, write_over
from bluezone_agent.i18n import _, ngettext


def _pixels(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


ENVIRONMENT: Final = Environment(
    autoescape=True,
    undefined=StrictUndefined,
    loader=PackageLoader("bluezone_agent.cli.html"),
    auto_reload=False,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
ENVIRONMENT.globals |= {"_": _, "ngettext": ngettext}
ENVIRONMENT.filters["px"] = _pixels


def page(template: str, **shown: object) -> str:
    """Return a complete page; ``template`` is a file name without ``.html.j2``, ``shown`` its variables."""
    return ENVIRONMENT.get_template(f"{template}.html.j2").render(shown)


def write_page(path: Path, text: str) -> None:
    """Write a page that only its owner can read, replacing an older one; raises NewFileError.

    If the page goes to standard output, the command prints nothing else and ends here.
    """
    write_over(path, text.encode())
    if is_standard(path):
        exit_with(0)
