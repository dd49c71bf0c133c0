"""Sentences on the state of a source of diagnosis keys."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from bluezone_agent.app.source_state import SourceState
from bluezone_agent.cli.base import age, printable
from bluezone_agent.errors import N_
from bluezone_agent.i18n import _, local_time, rendered

UNSIGNED: Final = N_("unsigned files are accepted (allow_unsigned)")
NAMELESS: Final = N_(
    "the signed index has an older format without a folder name: an index of another folder would be accepted too"
)
UNPROVABLE: Final = N_("freshness can't be verified: the source has no signed index")


def source_lines(source: SourceState, now: datetime) -> list[str]:
    """Describe the state of a source, one sentence per line."""
    lines = [
        _("last complete check {age}").format(age=age(source.complete_at, now))
        if source.complete_at
        else _("never complete so far")
    ]
    if source.error:
        lines.append(printable(rendered(source.error)[0]))
    issued_at, expires_at = source.freshness.issued_at, source.freshness.expires_at
    if issued_at is None or expires_at is None:
        lines.append(_(UNPROVABLE))
    else:
        lines.append(
            _("signed index of {issued}, valid until {expires}").format(
                issued=local_time(issued_at), expires=local_time(expires_at)
            )
        )
        if source.folder is None:
            lines.append(_(NAMELESS))
    if source.accepts_unsigned:
        lines.append(_(UNSIGNED))
    return lines
