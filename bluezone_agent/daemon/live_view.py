"""What the live feed says: the running agent's components, put into one line."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from bluezone_agent.core.attenuation import CLOSE_DB, MIDDLE_DB
from bluezone_agent.core.door import DoorNow
from bluezone_agent.core.intervals import MINUTE_S
from bluezone_agent.core.journal import RadioState
from bluezone_agent.core.live_line import LiveLine, LiveRadio, LiveState, masked
from bluezone_agent.core.neighbours import Neighbours
from bluezone_agent.core.packet_share import SPARSE_SCAN_MODE
from bluezone_agent.core.pauses import Mode
from bluezone_agent.daemon.contact_writer import ContactWriter
from bluezone_agent.daemon.pause_control import PauseControl
from bluezone_agent.daemon.radio_history import RadioHistory
from bluezone_agent.daemon.rotation import Rotation
from bluezone_agent.daemon.trusted_clock import TrustedClock
from bluezone_agent.exposure_check.calibration_in_force import calibration_in_force
from bluezone_agent.stores.store import Store

CALIBRATION_S: Final = MINUTE_S
"""How often it is read from the store whether this receiver is calibrated."""


@dataclass(slots=True)
class LiveView:
    """Looks at the components only when it is asked for a line."""

    store: Store
    time: TrustedClock
    neighbours: Neighbours
    writer: ContactWriter
    pause_control: PauseControl
    radio: RadioHistory
    rotation: Rotation
    protocol: str
    assumed_tx_power_dbm: int
    door: Callable[[], DoorNow | None] = lambda: None
    _number: int = 0
    _correction_db: float | None = None
    _looked_up_s: float = field(default=-math.inf)

    def line(self) -> LiveLine:
        """Return the next line."""
        now = self.time.look()
        correction_db = self._correction(now.wall_s, now.uptime_s)
        near, not_shown = self.neighbours.near(
            now.uptime_s, assumed_tx_power_dbm=self.assumed_tx_power_dbm, rssi_correction_db=correction_db or 0.0
        )
        mode, radio, received = self.pause_control.mode, self.radio.state, self.writer.counted()
        state = _state(mode, radio)
        on_air = self.rotation.advertised if state is LiveState.SCANNING else None
        self._number += 1
        return LiveLine(
            number=self._number,
            at=datetime.fromtimestamp(int(now.wall_s), UTC),
            up_s=round(now.uptime_s, 2),
            state=state,
            radio=_shown(radio),
            protected=mode is Mode.PROTECTED,
            pause_left_s=self.pause_control.left_s,
            clock_trusted=now.trusted,
            clock_reason=now.distrust_reason,
            protocol=self.protocol,
            own_code=None if on_air is None else masked(on_air),
            close_db=CLOSE_DB,
            middle_db=MIDDLE_DB,
            calibrated=correction_db is not None,
            neighbours=near,
            not_shown=not_shown,
            received=dict(received.by_protocol),
            discarded=received.discarded,
            door=self.door(),
        )

    def _correction(self, wall_s: float, up_s: float) -> float | None:
        if up_s - self._looked_up_s >= CALIBRATION_S:
            self._looked_up_s = up_s
            found = calibration_in_force(self.store, wall_s)
            self._correction_db = found.calibration.rssi_correction_db if found else None
        return self._correction_db


def _state(mode: Mode | None, radio: RadioState | None) -> LiveState:
    if mode is Mode.PAUSED:
        return LiveState.PAUSED
    if radio is None:
        return LiveState.STARTING
    return LiveState.SCANNING if radio.works else LiveState.RADIO_LOST


def _shown(radio: RadioState | None) -> LiveRadio:
    radio = radio or RadioState(0)
    return LiveRadio(
        description=radio.description,
        scan_mode=radio.scan_mode,
        sparse=radio.scan_mode == SPARSE_SCAN_MODE,
        fault=radio.reason or None,
        message=radio.message,
        fields=radio.fields,
    )
