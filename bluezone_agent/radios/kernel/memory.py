"""What the broker has put into the controllers, so that the next broker can remove it if this one is killed.

It is a file of the runtime directory, which ends with the boot as the kernel's own state does: a file that outlived the
boot would name monitors and instances of others. A controller that was unplugged meanwhile is forgotten for the same
reason; the kernel gives its directory in /sys a new number each time.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from bluezone_agent.files import replace

FILE: Final = "controllers.json"
SYS: Final = Path("/sys/class/bluetooth")


@dataclass(slots=True)
class Traces:
    """What is in one controller."""

    plug: int
    """Identifies the time for which it is plugged in."""
    instance: int = 0
    """The number of the broker's advertising instance, once there is one; it is kept."""
    monitor: int = 0
    """The handle of its monitor; 0 if there is none."""
    defaults: dict[int, int] = field(default_factory=dict)
    """The settings of the scan that were there before, if they were changed."""


class Memory:
    """The traces of every controller, by its address."""

    def __init__(self, folder: Path, sys: Path = SYS) -> None:
        """Read them; a file that can't be read is none. ``folder`` exists."""
        self._path = folder / FILE
        self._sys = sys
        self._traces: dict[str, Traces] = {}
        try:
            for address, row in json.loads(self._path.read_bytes()).items():
                row["defaults"] = {int(kind): int(value) for kind, value in row["defaults"].items()}
                self._traces[str(address)] = Traces(**row)
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            self._traces = {}

    def of(self, address: str, number: int) -> Traces:
        """Return the traces in a controller, which is ``hci{number}`` now."""
        try:
            plug = (self._sys / f"hci{number}").stat().st_ino
        except OSError:
            plug = 0
        traces = self._traces.get(address)
        if traces is None or traces.plug != plug:
            traces = self._traces[address] = Traces(plug)
        return traces

    def keep(self) -> None:
        """Write all traces; raises OSError. It is called before what is remembered is done."""
        content = json.dumps({address: asdict(traces) for address, traces in self._traces.items()})
        replace(self._path, content.encode(), durable=False)  # it need not outlive a power cut, and nothing does
