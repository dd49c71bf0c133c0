"""``trial import btsnoop``, ``pcap`` and ``csv``: what a device logged that can't run the agent, as its recording."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

import msgspec

from bluezone_agent import __version__
from bluezone_agent.core.intervals import MINUTE_S
from bluezone_agent.core.reception import Advert, receive
from bluezone_agent.errors import N_
from bluezone_agent.files import replace
from bluezone_agent.radios.recorded.advert_tables import read_table
from bluezone_agent.radios.recorded.hci_logs import read_btsnoop, read_pcap
from bluezone_agent.trials.folder import DEVICE, Participant, TrialError
from bluezone_agent.trials.recorder import Recorder
from bluezone_agent.trials.records import RecordedDevice

CSV: Final = "csv"
READERS: Final[Mapping[str, Callable[[Path, Mapping[str, str]], Iterator[Advert]]]] = {
    "btsnoop": lambda path, _columns: read_btsnoop(path),
    "pcap": lambda path, _columns: read_pcap(path),
    CSV: read_table,
}
"""Forms of a log; a table has columns with names of its own."""


class LogClock:
    """The clock of a log: the time of the packet that is being read; there is no other."""

    boot_id = "log"

    def __init__(self) -> None:
        self.at_s = 0.0

    def now_s(self) -> float:
        """Return the time of the packet."""
        return self.at_s

    uptime_s = now_s

    def utc_offset_s(self, _unix_s: float) -> int:
        """Return 0: logs are in UTC."""
        return 0

    def synchronised(self) -> bool:
        """Return False: nobody says so."""
        return False

    async def sleep_until(self, _unix_s: float, *, at_most_s: float = 0.0) -> None:
        """Return at once."""
        del at_most_s


def record_log(participant: Participant, kind: str, path: Path, columns: Mapping[str, str]) -> dict[str, int]:
    """Write the packets of a log as what a device of the plan recorded; return how many there are of each sender.

    Raises TrialError if the device has a recording, or the log nothing of the trial; RecordingError, OSError.
    """
    if participant.folder.exists():
        raise TrialError(
            N_("{path} already has a recording of {device}"),
            N_("move that folder away first"),
            path=participant.folder,
            device=participant.device.id,
        )
    adverts = sorted(READERS[kind](path, columns), key=lambda advert: advert.received_at_s)
    if not any(_is_known(participant, advert) for advert in adverts):
        raise TrialError(
            N_("{path} has no packet of the trial's devices"),
            N_("its times have to be right within two hours, and the devices have to send the trial's identifiers"),
            path=path,
        )
    participant.make_folder()
    clock = LogClock()
    minute = adverts[0].received_at_s // MINUTE_S
    with Recorder(participant, clock, durable=False) as recorder:
        for advert in adverts:
            if advert.received_at_s // MINUTE_S != minute:
                recorder.end_minute()
                minute = advert.received_at_s // MINUTE_S
            clock.at_s = advert.received_at_s
            recorder.receives(advert)
    about = RecordedDevice(
        id=participant.device.id,
        version=__version__,
        system="",
        radio=f"{kind}: {path.name}",
        scan_mode="",
        protocol=participant.plan.trial.protocol,
        rotation_s=participant.identifiers.rotation_s,
    )
    replace(participant.folder / DEVICE, msgspec.json.format(msgspec.json.encode(about)) + b"\n")
    return dict(recorder.received)


def _is_known(participant: Participant, advert: Advert) -> bool:
    observed = receive(advert).observed
    return observed is not None and participant.identifiers.find(observed, advert.received_at_s) is not None
