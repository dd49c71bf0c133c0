"""What recording a trial costs: CPU time a packet, at 800 packets a second of 20 devices.

    python -m benchmarks.trial_recorder [PACKETS A SECOND] [SECONDS]

The recorder is the real one, on the disk of the temporary folder; the radio's own cost is not in it.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path

from bluezone_agent.clocks.simulated import SimulatedClock, run_simulated
from bluezone_agent.core.reception import Advert
from bluezone_agent.trials.folder import make_folder
from bluezone_agent.trials.recorder import Recorder

STARTS_AT_S = 1_796_094_000
DEVICES = 20


def plan() -> bytes:
    """Return the plan of a trial with 20 devices."""
    devices = "".join(f'[[device]]\nid = "pi-{n}"\n' for n in range(DEVICES))
    phase = '[[phase]]\nname = "all"\nminutes = 60\nfree = true\n'
    return f'[trial]\nname = "benchmark"\nprotocol = "gaen"\n{devices}{phase}'.encode()


async def recorded(folder: Path, rate: int, seconds: int) -> float:
    """Record so many packets a second; return CPU seconds."""
    trial = make_folder(folder / "t", plan())
    participant = trial.participant("pi-0")
    participant.make_folder()
    identifiers, clock = participant.identifiers, SimulatedClock(STARTS_AT_S)
    rotation = identifiers.rotation_at(STARTS_AT_S)
    slots = [identifiers.slot(f"pi-{n}", rotation) for n in range(1, DEVICES)]
    data = [identifiers.protocol.encode(key, slot, -12) for key, slot in slots]
    with Recorder(participant, clock) as recorder:
        recorder.receives(Advert(data[0], -60, STARTS_AT_S))  # fills the table of identifiers
        flushing = asyncio.create_task(recorder.keep_flushing())
        await asyncio.sleep(1)
        began_s = time.process_time()
        for _second in range(seconds):
            for number in range(rate):
                recorder.receives(Advert(data[number % len(data)], -60 - number % 30, clock.now_s()))
            await asyncio.sleep(1)
        cpu_s = time.process_time() - began_s
        flushing.cancel()
    return cpu_s


def main() -> None:
    """Print the cost."""
    rate, seconds = (int(a) for a in (sys.argv[1:] + ["800", "300"][len(sys.argv) - 1 :]))
    with tempfile.TemporaryDirectory() as folder:
        cpu_s = run_simulated(recorded(Path(folder), rate, seconds))
    packets = rate * seconds
    print(f"{packets} packets, {rate} a second: {100 * cpu_s / seconds:.2f} % of a core,", end=" ")
    print(f"{1e6 * cpu_s / packets:.1f} us a packet")


if __name__ == "__main__":
    main()
