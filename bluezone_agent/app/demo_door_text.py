"""The simulated morning at a door, in words."""

from __future__ import annotations

from bluezone_agent.app.demo_door import DoorMorning
from bluezone_agent.i18n import _, ngettext


def sentences(found: DoorMorning) -> list[str]:
    """Return what was true and what the guard saw, a sentence a line."""
    return [
        _("A morning at a door (seed {seed}): {n} people in a queue, {with_device} with a device.").format(
            seed=found.seed, n=found.people, with_device=found.people_with_device
        ),
        _("The guard saw {n} people with a device.").format(n=found.seen_with_device),
        _(
            "{missed} of those with a device were not seen, {wrong} without one were taken for somebody with one, and"
            " {twice} were counted twice."
        ).format(missed=found.missed, wrong=found.wrongly_seen, twice=found.counted_twice),
        ngettext(
            "The person with two phones was counted {n} time.",
            "The person with two phones was counted {n} times.",
            found.two_phones_counted,
        ).format(n=found.two_phones_counted),
        *(
            ngettext(
                "The person whose identifier changed at the door was counted {n} time.",
                "The person whose identifier changed at the door was counted {n} times.",
                n,
            ).format(n=n)
            for n in found.rotated_counted
        ),
        _replay(found),
    ]


def _replay(found: DoorMorning) -> str:
    if found.replay_counted:
        return _("Somebody replayed a recorded advertisement, and was counted with a device.")
    if found.replay_recognised:
        return _("Somebody replayed a recorded advertisement: the screen said that it was counted already.")
    return _("Somebody replayed a recorded advertisement, and was not counted with a device.")
