"""Why an open door does not do what its guard asked for, in words."""

from __future__ import annotations

from typing import Final

from bluezone_agent.core.door import LONGEST_LABEL
from bluezone_agent.errors import N_, DoorError, DoorRefusal

WORDS: Final = {
    DoorRefusal.CLOSED: (N_("no door is open"), N_('open it with "bluezone-agent gate"')),
    DoorRefusal.NO_LABELS: (
        N_("the configuration states no purpose of labels, so none may be kept"),
        N_('state it in the configuration: label_purpose in the section "[door]"'),
    ),
    DoorRefusal.BAD_LABEL: (
        N_("a label has 1 to {limit} characters in one line"),
        N_("shorten it, for example to the number of the badge"),
    ),
    DoorRefusal.NO_PASSAGE: (
        N_("nobody has been counted since the door was opened"),
        N_("what was counted before stays; see bluezone-agent gate report"),
    ),
    DoorRefusal.BUSY: (N_("the threshold is being calibrated"), N_("wait for its end, or end it with the same key")),
    DoorRefusal.NOT_WRITTEN: (
        N_("the disk does not accept the passage: it is not counted"),
        N_('make room on the disk; "bluezone-agent doctor" shows what is wrong'),
    ),
}


def refused(reason: DoorRefusal) -> DoorError:
    """Return the error for a reason."""
    message, hint = WORDS[reason]
    return DoorError(reason, message, hint, limit=LONGEST_LABEL)
