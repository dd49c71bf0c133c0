"""A trial of any size that was never on the air: recordings as the recorder writes them, for scale and for engines."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from bluezone_agent.trials.append import JsonLines
from bluezone_agent.trials.folder import CLOCK, DEVICES, EVENTS, TrialFolder
from bluezone_agent.trials.pack import pack
from bluezone_agent.trials.packets import COLUMNS, member
from bluezone_agent.trials.records import NS, BothClocks, OnAir, TrialBegan

DAY_S: Final = 86_400
SLOT_S: Final = 900
BEGAN_S: Final = 1_790_000_000 // DAY_S * DAY_S
SPACING_M: Final = 2.0
SENDERS: Final = 50
"""Of whom a device receives packets: its neighbours in a row of desks."""
PIECES: Final = 1440
AT_1M_DBM, DECADE_DB, SCATTER_DB = -55.0, 22.0, 4.0


def synthetic(folder: Path, *, devices: int, packets: int, length_s: int = 2 * 3600, seed: int = 1) -> TrialFolder:
    """Write and pack a trial: devices in a row, each receives its neighbours all the time."""
    trial = record(folder, devices=devices, packets=packets, length_s=length_s, seed=seed)
    pack(trial)
    return trial


def record(folder: Path, *, devices: int, packets: int, length_s: int, seed: int = 1) -> TrialFolder:
    """Write a trial's folder with the recordings of its devices, in pieces of a minute or less."""
    names = [f"d{number:04}" for number in range(devices)]
    folder.mkdir(mode=0o700, parents=True)
    (folder / "trial.toml").write_text(_plan(names, length_s))
    random = np.random.default_rng(seed)
    for number, name in enumerate(names):
        home = folder / DEVICES / name
        home.mkdir(mode=0o700, parents=True)
        _records(home, length_s)
        near = [other for other in range(number - SENDERS // 2, number + SENDERS // 2 + 1) if 0 <= other < devices]
        _packets(home, names, number, np.array([n for n in near if n != number]), packets // devices, length_s, random)
    return TrialFolder(folder)


def _plan(names: list[str], length_s: int) -> str:
    middle = len(names) // 2  # a plan's positions are up to 1,000 m from the origin
    places = ", ".join(f"{name} = [{(number - middle) * SPACING_M}, 0]" for number, name in enumerate(names))
    devices = "".join(f'[[device]]\nid = "{name}"\n' for name in names)
    head = '[trial]\nname = "synthetic"\ntitle = "Devices in a row"\nprotocol = "gaen"\n'
    return f'{head}{devices}[[phase]]\nname = "row"\nminutes = {length_s / 60}\npositions = {{{places}}}\n'


def _records(home: Path, length_s: int) -> None:
    with JsonLines(home / EVENTS, durable=False) as events, JsonLines(home / CLOCK, durable=False) as clock:
        events.put(TrialBegan(boottime_ns=0, wall_ns=BEGAN_S * NS, boot_id="b"))
        for slot in range(length_s // SLOT_S + 1):
            at_ns = (BEGAN_S + slot * SLOT_S) * NS
            on_air = OnAir(boottime_ns=slot * SLOT_S * NS, wall_ns=at_ns, rotation=slot, power_dbm=0, measured=False)
            events.put(on_air)
        clock.put(BothClocks(boottime_ns=0, wall_ns=BEGAN_S * NS, boot_id="b", synchronised=True))


def _packets(
    home: Path,
    names: list[str],
    own: int,
    near: np.ndarray[tuple[int], np.dtype[np.int_]],
    count: int,
    length_s: int,
    random: np.random.Generator,
) -> None:
    at_s = np.sort(random.uniform(0.5, length_s, count))
    senders = random.choice(near, count) if len(near) else np.zeros(0, dtype=np.int_)
    rssi = AT_1M_DBM - DECADE_DB * np.log10(SPACING_M * np.abs(senders - own)) + random.normal(0, SCATTER_DB, count)
    boot_ns = (at_s * NS).astype(np.int64)
    columns = (boot_ns.tolist(), senders.tolist(), np.clip(rssi, -110, -20).astype(int).tolist())
    lines = [
        f"{boot},{BEGAN_S * NS + boot},{names[sender]},{boot // (SLOT_S * NS)},{dbm},0,\n"
        for boot, sender, dbm in zip(*columns, strict=True)
    ]
    ends = np.searchsorted(at_s, np.linspace(0, length_s, PIECES + 1)[1:]).tolist()
    with (home / "adverts-0001.csv.gz").open("wb") as file:
        file.write(member((",".join(COLUMNS) + "\n").encode()))
        for begin, end in zip([0, *ends], ends, strict=False):
            if end > begin:
                file.write(member("".join(lines[begin:end]).encode()))
