"""The description of a pause, for a terminal and for the service manager."""

from __future__ import annotations

from typing import Final

from bluezone_agent.app.shown_pause import ShownPause
from bluezone_agent.core.pauses import Mode
from bluezone_agent.errors import N_
from bluezone_agent.i18n import _, local_time

MODES: Final = {
    Mode.PAUSED: N_("paused until {time}: no broadcasting, no scanning"),
    Mode.PROTECTED: N_("protected until {time}: recording continues, but these minutes are not scored"),
}


def describe(pause: ShownPause) -> str:
    """Describe what is paused and until when."""
    return _(MODES[pause.mode]).format(time=local_time(pause.until))
