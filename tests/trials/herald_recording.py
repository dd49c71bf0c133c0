"""A recording of three phones by Herald: theheraldproject/herald-analysis, anomaly-detection/lib/data/2022-12-03-02.

Every row of its contacts.csv files (MIT License; (c) 2020 VMware, Inc. and contributors), as published.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

HEADING: Final = "time,sensor,id,detect,read,measure,share,visit,detectHerald,delete,data"
A40: Final = """\
2022-11-29 22:21:56.552+0000,BLE,7B:AC:AC:34:E9:4A,1,,,,,,,
2022-11-29 22:22:16.110+0000,BLE,7B:AC:AC:34:E9:4A,,,3,,,,,RSSI:-39.0
2022-11-29 22:22:16.427+0000,BLE,7B:AC:AC:34:E9:4A,,,3,,,,,RSSI:-39.0
2022-11-29 22:24:30.443+0000,BLE,7B:AC:AC:34:E9:4A,,2,,,,,,lGxWLg
2022-11-29 22:32:03.748+0000,BLE,52:5B:0A:AC:6A:02,1,,,,,,,
2022-11-29 22:32:03.752+0000,BLE,52:5B:0A:AC:6A:02,,,3,,,,,RSSI:-42.0
2022-11-29 22:32:03.929+0000,BLE,52:5B:0A:AC:6A:02,,,3,,,,,RSSI:-42.0
2022-11-29 22:32:21.011+0000,BLE,52:5B:0A:AC:6A:02,,2,,,,,,lGxWLg
2022-11-29 22:43:04.031+0000,BLE,50:AA:A8:4D:F3:B4,1,,,,,,,
2022-11-29 22:43:04.034+0000,BLE,50:AA:A8:4D:F3:B4,,,3,,,,,RSSI:-42.0
2022-11-29 22:43:04.212+0000,BLE,50:AA:A8:4D:F3:B4,,,3,,,,,RSSI:-42.0
2022-11-29 22:43:10.813+0000,BLE,50:AA:A8:4D:F3:B4,,2,,,,,,lGxWLg
"""
A70: Final = """\
2022-11-29 22:22:55.850+0000,BLE,44:E2:F3:B2:3B:F8,,2,,,,,,ZqFdag
2022-11-29 22:23:16.357+0000,BLE,5E:62:CB:F9:93:8D,,2,,,,,,ZqFdag
2022-11-29 22:23:21.915+0000,BLE,5E:62:CB:F9:93:8D,,,3,,,,,RSSI:-66.0
2022-11-29 22:31:23.423+0000,BLE,52:5B:0A:AC:6A:02,,2,,,,,,lGxWLg
2022-11-29 22:42:21.272+0000,BLE,50:AA:A8:4D:F3:B4,,2,,,,,,lGxWLg
2022-11-29 22:55:46.644+0000,BLE,47:7A:F7:88:41:43,,2,,,,,,lGxWLg
"""
IPHONE: Final = """\
2022-11-29 22:18:32,BLE,AB7B8E8A-1F38-4B68-9E55-19F2339D699A,,2,,,,,,ql8F4g
2022-11-29 22:18:32,BLE,F47B4BC0-086E-48CE-99F2-AC5CA64D6D91,,,3,,,,,RSSI:-72.0
2022-11-29 22:18:33,BLE,F47B4BC0-086E-48CE-99F2-AC5CA64D6D91,,,3,,,,,RSSI:-71.0
2022-11-29 22:18:33,BLE,AB7B8E8A-1F38-4B68-9E55-19F2339D699A,,,3,,,,,RSSI:-71.0
2022-11-29 22:18:33,BLE,F47B4BC0-086E-48CE-99F2-AC5CA64D6D91,,2,,,,,,ql8F4g
2022-11-29 22:21:48,BLE,4924DEF8-3E09-4B23-99C0-6299EC0612D1,1,,,,,,,
2022-11-29 22:21:49,BLE,4924DEF8-3E09-4B23-99C0-6299EC0612D1,,2,,,,,,ZqFdag
2022-11-29 22:21:52,BLE,4924DEF8-3E09-4B23-99C0-6299EC0612D1,,,3,,,,,RSSI:-59.0
2022-11-29 22:21:54,BLE,4924DEF8-3E09-4B23-99C0-6299EC0612D1,,,3,,,,,RSSI:-68.0
2022-11-29 23:55:24,BLE,FE8A2B0D-746E-49FD-8C10-65E11BBB5CAC,,2,,,,,,ZqFdag
2022-11-29 23:55:32,BLE,FE8A2B0D-746E-49FD-8C10-65E11BBB5CAC,,,3,,,,,RSSI:-59.0
"""
PHONES: Final = {
    "AndroidA40": ("SM-A405FN,Android,29,ZqFdag,lGxWLg,ql8F4g", A40),
    "AndroidA70": ("SM-A705FN,Android,30,ql8F4g,ZqFdag,lGxWLg", A70),
    "iPhoneX": ("IPhoneX,iOS,14.7.1,lGxWLg,ZqFdag,ql8F4g", IPHONE),
}
"""Folder → detection.csv, rows of contacts.csv."""


def write(folder: Path, more: dict[str, str] | None = None) -> Path:
    """Write the recording, with ``more`` rows of each phone, into a new folder; return it."""
    for name, (detection, contacts) in PHONES.items():
        (folder / name).mkdir(parents=True)
        (folder / name / "detection.csv").write_text(f"{detection}\n")
        (folder / name / "contacts.csv").write_text(f"{HEADING}\n{contacts}{(more or {}).get(name, '')}")
    return folder
