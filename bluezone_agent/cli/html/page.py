"""What every page shares: one file that loads nothing from anywhere, readable by day and by night.

What a page says and draws is in ``templates``; there everything that comes from outside is escaped. The modules beside
this one work out what is drawn where.
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
    """Return a whole page; ``template`` is a file's name less ``.html.j2``, and gets what is ``shown`` by name."""
    return ENVIRONMENT.get_template(f"{template}.html.j2").render(shown)


def write_page(path: Path, text: str) -> None:
    """Write a page that its owner alone may read, in place of an older one; raises NewFileError.

    On standard output it is all that the command prints, which ends here.
    """
    write_over(path, text.encode())
    if is_standard(path):
        exit_with(0)
