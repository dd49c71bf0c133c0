"""``device.json``: on what a device records."""

from __future__ import annotations

import platform

import msgspec

from bluezone_agent import __version__
from bluezone_agent.files import replace
from bluezone_agent.ports import Radio
from bluezone_agent.trials.folder import DEVICE, Participant
from bluezone_agent.trials.records import RecordedDevice


def write_device(participant: Participant, radio: Radio, *, durable: bool = True) -> None:
    """Write what the radio that is open says of itself; raises OSError."""
    about = RecordedDevice(
        id=participant.device.id,
        version=__version__,
        system=f"{platform.release()} {platform.machine()}",
        radio=radio.description,
        scan_mode=radio.scan_mode,
        protocol=participant.plan.trial.protocol,
        rotation_s=participant.identifiers.rotation_s,
    )
    replace(participant.folder / DEVICE, msgspec.json.format(msgspec.json.encode(about)) + b"\n", durable=durable)
