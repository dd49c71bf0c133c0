"""``trial import multi-channel``: phones received by a Raspberry Pi 4 (elanfer/multi-channel-paper-data).

Every CSV of the folder with a column ``distance`` (cm) is what the Raspberry Pi received of one sender, which the
file is named after (README of that project: Devices). Folders are places, and whether one or all three sent. Nothing
says when: a phase is a place and a distance, and its packets have no times. One file has a second heading in its
middle, with other columns: each heading holds for the rows after it.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from bluezone_agent.errors import N_
from bluezone_agent.trials.imports.recording import (
    ImportedDevice,
    ImportedPhase,
    Recording,
    adverts_table,
    fixed_truth,
    not_such,
    rows_table,
    unreadable,
)

RECEIVER: Final = "pi-receiver"
DISTANCE: Final = "distance"
RSSI: Final = ("rssiBLE", "rssi")
"""The column with the power of Bluetooth; the second heading has the shorter name."""
MODELS: Final = {"Pi": "Raspberry Pi 4b", "iPhone": "Apple iPhone 6S", "OnePlus": "OnePlus Nord N10 5G"}
CM: Final = 100


def read(source: Path) -> Recording:
    """Read the recording; raises TrialError."""
    try:
        packets = [packet for path in sorted(source.rglob("*.csv")) for packet in _packets(path, source)]
    except (OSError, ValueError, csv.Error) as error:
        raise unreadable(source, error) from error
    if not packets:
        raise not_such(
            source,
            N_("{path} has no CSV with the columns distance and rssiBLE"),
            N_("name the folder with data/bus, data/office and so on, as it was published"),
        )
    phases = {name: ImportedPhase(name, None, None) for name in sorted({packet["phase"] for packet in packets})}
    known = sorted({(packet["phase"], packet["sender"], packet["distance_m"]) for packet in packets})
    senders = sorted({packet["sender"] for packet in packets})
    return Recording(
        {
            "title": "A Raspberry Pi 4 receives phones in an office, a bus, a train and a car park",
            "protocol": "gaen",
            "license": "CC-BY-SA-4.0",
            "citation": "E. Lanfer, T. Hänel, R. van Rijswijk-Deij and N. Aschenbruck, Improving Proximity"
            " Classification for Contact Tracing using a Multi-channel Approach, LCN 2022,"
            " doi:10.1109/LCN53696.2022.9843531 (elanfer/multi-channel-paper-data, CC BY-SA 4.0)",
            "notes": "The source has no times: there is no continuity, no rate and no order of packets. Wi-Fi columns"
            " are left out.",
        },
        [
            ImportedDevice(RECEIVER, "listen", MODELS["Pi"]),
            *(ImportedDevice(name, "broadcast", MODELS.get(name, "")) for name in senders),
        ],
        list(phases.values()),
        adverts_table(
            {"receiver": [RECEIVER] * len(packets), "time_s": [None] * len(packets)}
            | {name: [p[name] for p in packets] for name in ("sender", "phase", "distance_m", "rssi_dbm")}
        ),
        rows_table("truth", [fixed_truth(phases[name], RECEIVER, sender, metres) for name, sender, metres in known]),
    )


def _packets(path: Path, source: Path) -> Iterator[dict[str, Any]]:
    place = "-".join(part for part in path.relative_to(source).parts[:-1] if part != "data").replace("_", "-")
    with path.open(newline="", encoding="utf-8") as file:
        heading: list[str] = []
        for row in csv.reader(file):
            if DISTANCE in row:
                heading = row
            elif heading and row:
                values = dict(zip(heading, row, strict=True))
                metres = int(values[DISTANCE]) / CM
                rssi = next((values[name] for name in RSSI if name in values), None)
                if rssi is None:
                    break
                yield {
                    "phase": f"{place or 'recording'}-{metres:g}m",
                    "sender": path.stem,
                    "distance_m": metres,
                    "rssi_dbm": int(rssi),
                }
