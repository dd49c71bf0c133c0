"""Shared by all pages that are one file without external resources, for light and dark displays.

The texts and drawings of a page are in ``templates``, where all untrusted data is escaped. The other modules of this
package compute the drawings.
"""

from __future__ import annotations

from typing import Final

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from bluezone_agent.i18n import _, ngettext


def _pixels(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _share(value: float) -> str:
    return f"{_pixels(100 * value)}%"


def environment(*packages: str) -> Environment:
    """Return the templates of these packages: those of an earlier one are found first."""
    found = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        loader=ChoiceLoader([PackageLoader(package) for package in packages]),
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    found.globals |= {"_": _, "ngettext": ngettext}
    found.filters |= {"px": _pixels, "share": _share}
    return found


ENVIRONMENT: Final = environment("bluezone_agent.html")


def page(template: str, **shown: object) -> str:
    """Return a complete page; ``template`` is a file name without ``.html.j2``, ``shown`` its variables."""
    return ENVIRONMENT.get_template(f"{template}.html.j2").render(shown)
