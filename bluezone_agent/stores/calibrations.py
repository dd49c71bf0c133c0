"""The calibrations of this device's radio, and when they expire."""

from __future__ import annotations

import sqlite3
from typing import Final

import msgspec

from bluezone_agent.core.calibration import Calibration

MEASURED: Final = "measured"
"""The source of a calibration that was measured on this device."""


class StoredCalibration(msgspec.Struct, frozen=True):
    """A calibration of one radio with one antenna."""

    radio: str
    """The radio's description: adapter, how it advertises, version of its Bluetooth service. Another description means
    another receiver."""
    antenna: str
    """The operator's note on antenna and enclosure, may be empty."""
    source: str
    """:data:`MEASURED`, or the table and the device in it."""
    calibration: Calibration
    made_at_s: int
    expires_at_s: int


class Calibrations:
    """Calibrations, newest last. Older ones are kept: they show how a radio changed."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def add(self, stored: StoredCalibration) -> None:
        """Write a calibration; it applies from now on."""
        c = stored.calibration
        self._db.execute(
            "INSERT INTO calibration (radio, antenna, source, rssi_correction_db, margin_db, decade_db,"
            " decade_margin_db, packets, made_at_s, expires_at_s) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                stored.radio,
                stored.antenna,
                stored.source,
                c.rssi_correction_db,
                c.margin_db,
                c.decade_db,
                c.decade_margin_db,
                c.packets,
                stored.made_at_s,
                stored.expires_at_s,
            ),
        )

    def all(self) -> list[StoredCalibration]:
        """Return all calibrations, oldest first."""
        return [
            StoredCalibration(
                row["radio"],
                row["antenna"],
                row["source"],
                Calibration(
                    *(
                        row[name]
                        for name in ("rssi_correction_db", "margin_db", "decade_db", "decade_margin_db", "packets")
                    )
                ),
                row["made_at_s"],
                row["expires_at_s"],
            )
            for row in self._db.execute("SELECT * FROM calibration ORDER BY id")
        ]

    def in_force(self, radio: str, now_s: float) -> StoredCalibration | None:
        """Return the newest calibration of ``radio`` that has not expired."""
        return next((c for c in reversed(self.all()) if c.radio == radio and now_s < c.expires_at_s), None)

    def forget(self) -> int:
        """Delete all calibrations; return how many there were."""
        return self._db.execute("DELETE FROM calibration").rowcount
