"""Every example of the help runs as it is shown, in a home that has what it speaks of."""

from __future__ import annotations

import os
import stat
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Final

import msgspec
import pytest
from _pytest.mark import ParameterSet

from bluezone_agent.cli.examples import EXAMPLES, Example
from bluezone_agent.core.diagnosis_keys.submission import write_submission
from bluezone_agent.core.identifiers import DailyKey
from bluezone_agent.core.intervals import DAY_S, day_start_s
from bluezone_agent.errors import EXIT_FAULT
from bluezone_agent.scenarios.hall import Hall, count
from bluezone_agent.stores.store import Store
from bluezone_agent.trials.folder import TrialFolder
from tests.key_servers.google import Servers
from tests.program import Program
from tests.terminal import at_terminal
from tests.test_recordings import experiment
from tests.trials.test_node_log import btsnoop, legacy, sent

PASSPHRASE: Final = "correct horse battery staple"
WITH_AN_AGENT: Final = (
    "timeout 60 bluezone-agent run -q --no-check & until [ -S .local/share/bluezone-agent/live.sock ]; do sleep 0.1;"
    " done; timeout --foreground --preserve-status -s INT 10"
)
WITH_A_TRIAL: Final = (
    "timeout 30 bluezone-agent trial run meeting -q --node pi-1 --radio virtual & until"
    " [ -S meeting/devices/pi-1/trial.sock ]; do sleep 0.1; done;"
)
SHORTER: Final = {
    "--listen 60": "--listen 5",
    "--listen 192.168.1.5": "--listen 127.0.0.2",
    "calibrate measure": "calibrate measure --seconds 1 --peer-power -12 --yes",
    "bluezone-agent web": "timeout --foreground --preserve-status -s INT 5 bluezone-agent web",
    "bluezone-agent run": "timeout --foreground --preserve-status -s INT 5 bluezone-agent run",
    "bluezone-agent around": f"{WITH_AN_AGENT} bluezone-agent around",
    "bluezone-agent gate": f"{WITH_AN_AGENT} bluezone-agent gate",
    "gate calibrate": "gate calibrate || [ $? = 130 ]",
    "bluezone-agent trial run": "timeout --foreground --preserve-status -s INT 5 bluezone-agent trial run",
    "--node pi-1": "--node pi-1 --radio virtual",
    "--radio virtual --radio virtual": "--radio virtual",
    "bluezone-agent trial mark": f"{WITH_A_TRIAL} bluezone-agent trial mark",
    "bluezone-agent trial live": (
        f"{WITH_A_TRIAL} timeout --foreground --preserve-status -s INT 5 bluezone-agent trial live"
    ),
    "--for 10s": "--for 1s",
    "--by teacher --for 5m": "--by teacher --feed air.jsonl",
    "bluezone-agent trial stop": f"{WITH_A_TRIAL} bluezone-agent trial stop",
}
"""What an example leaves to time or to a second device, and how it is run here."""
NOT_WELL: Final = {
    "bluezone-agent status": "no agent runs",
    "bluezone-agent status --private > status.txt": "no agent runs",
    "bluezone-agent status --prometheus": "no agent runs",
    "bluezone-agent trial collect pi@pi-2.local pi@pi-3.local meeting": "there are no such devices",
    "bluezone-agent trial collect pi@pi-2.local:trials/meeting meeting": "there is no such device",
    "bluezone-agent selftest": "there is one adapter",
    "bluezone-agent selftest --peer report.json": "the other device received nothing",
}
"""The examples whose answer is "not well" in this home, and so an exit code of 1."""
ANSWERS: Final = {
    "web --listen": [PASSPHRASE] * 2,
    "keys export": ["y"],
    "keys publish": ["y"],
    "wipe": ["y"],
    "export --to csv": ["y"],
    "keys encrypt": [PASSPHRASE] * 2,
    "keys decrypt": [PASSPHRASE],
    "backup": [PASSPHRASE] * 2,
    "restore": [PASSPHRASE],
    "trial forget": ["y"],
    "take-part": ["y"],
}
"""What is typed where a command asks."""


class Home:
    """A home with a configuration, a state, and a command that finds both."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.state = home / ".local/share/bluezone-agent"
        self.config = home / ".config/bluezone-agent/bluezone-agent.toml"
        self.program = Program(home)
        command = home / "bin/bluezone-agent"
        command.parent.mkdir()
        command.write_text(f'#!/bin/sh\nexec {sys.executable} -m bluezone_agent "$@"\n')
        command.chmod(command.stat().st_mode | stat.S_IXUSR)
        self.config.parent.mkdir(parents=True)
        self.config.write_text(
            'radio = "virtual"\nclock_trusted = true\n[[source]]\nlocation = "cases"\nallow_unsigned = true\n'
        )
        self.state.mkdir(parents=True, mode=0o700)
        start = day_start_s(time.time())
        with Store(self.state) as store, store.transaction():
            for number in range(2):
                key = DailyKey("gaen", bytes([number]) * 16, start - DAY_S * number, start + DAY_S * (1 - number), 144)
                store.keys.add(key, last_slot_s=start, exportable=True, closed=bool(number))
        for name, text in {
            "cases/index.txt": "",
            "passphrase.txt": f"{PASSPHRASE}\n",
            "code.txt": "12345678\n",
            "note.txt": "Bữa trưa với An\n",
            "spool/.keep": "",
            "new.toml": 'radio = "virtual"\n',
            "my-rule.toml": "buckets = [[40, 1.0]]\nwarning_minutes = 5\n",
            "calibrations.csv": "device,rssi_correction_db\nPi 4,-3\n",
            "room.csv": "session,receiver,t_s,rssi_dbm,distance_m\n"
            + "".join(f"office,a,{t},-50,1\n" for t in range(120)),
            "air.csv": "received_at_s,rssi_dbm,data\n"
            + "".join(f"{t / 10},-60,03036ffd17166ffd{'ab' * 20}\n" for t in range(100)),
        }.items():
            (home / name).parent.mkdir(exist_ok=True)
            (home / name).write_text(text)
        theirs = write_submission([DailyKey("gaen", b"t" * 16, start - DAY_S, start, 144)], None)
        (home / "an.json").write_bytes(theirs)
        (home / "submissions").mkdir()
        (home / "submissions/an.json").write_bytes(theirs)

    def run(self, line: str, typed: list[str]) -> tuple[int, str]:
        environment = self.program.environment() | {
            "PATH": f"{self.home}/bin:{os.environ['PATH']}",
            "TERM": "xterm",
            "BLUEZONE_SPOOL": str(self.home / "spool"),  # as systemd sets it for fetch
        }
        return at_terminal(["sh", "-c", line], *typed, environment=environment, folder=self.home)

    def must(self, line: str) -> None:
        code, said = self.run(line, [])
        assert code == 0, said


def _signing_key(home: Home) -> None:
    home.must("bluezone-agent authority init signing --key-id 452")


def _published(home: Home) -> None:
    _signing_key(home)
    home.must("bluezone-agent authority publish an.json --key signing --to public")


def _backup(home: Home) -> None:
    home.must("bluezone-agent backup bluezone.age --passphrase-file passphrase.txt")


def _backup_only(home: Home) -> None:
    _backup(home)
    home.must("bluezone-agent wipe --yes")


def _peer(home: Home) -> None:
    home.config.write_text(f'radio = "replay:{home.home}/air.csv"\nclock_trusted = true\n')


def _report(home: Home) -> None:
    home.must("bluezone-agent selftest --listen 5 --report report.json")


def _trial(home: Home) -> None:
    home.must("bluezone-agent trial new office meeting")


def _simulated(home: Home) -> None:
    home.must("bluezone-agent trial new door meeting")
    home.must("bluezone-agent trial simulate meeting")


def _published_recording(home: Home) -> None:
    (home.home / "exp34").mkdir()
    experiment(home.home / "exp34")


def _packed(home: Home) -> None:
    _simulated(home)
    home.must("bluezone-agent trial pack meeting")


def _walked(home: Home) -> None:
    home.must("bluezone-agent trial new distance-ladder meeting")
    home.must("bluezone-agent trial simulate meeting")
    home.must("bluezone-agent trial pack meeting")


def _log_of_a_phone(home: Home) -> None:
    _trial(home)
    trial, at_s = TrialFolder(home.home / "meeting"), time.time()
    log = btsnoop([(at_s, legacy(sent(trial, "pi-1", at_s), -60))], 1002)
    (home.home / "btsnoop_hci.log").write_bytes(log)


def _campaign(home: Home) -> None:
    (home.home / "units.csv").write_text("unit,parent,headcount\noffice,,\nroom-1,office,20\nroom-2,office,9\n")
    home.must("bluezone-agent uptake new units.csv campaign")
    home.must("bluezone-agent uptake record room-2 --installed 4 --folder campaign")


def _recorded_room(home: Home) -> None:
    _campaign(home)
    _true, lines = count(Hall(5.0), 12, Random(1), begins_s=int(day_start_s(time.time())), lasts_s=60)
    (home.home / "air.jsonl").write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))


def _drop_box(home: Home) -> None:
    _campaign(home)
    home.must("bluezone-agent uptake codes --csv slips.csv --folder campaign")
    (home.home / "box").mkdir()


def _province(home: Home) -> None:
    _campaign(home)
    (home.home / "above.csv").write_text("unit,parent,headcount\nprovince,,\noffice,province,\n")
    (home.home / "office.key").write_text("3b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da29\n")
    home.must("bluezone-agent uptake new above.csv province")


def _submitted(home: Home) -> None:
    _province(home)
    home.must(
        "bluezone-agent uptake submit office.zip --folder campaign 2>&1 | grep -o '[0-9a-f]\\{64\\}' > office.key;"
        " bluezone-agent uptake trust office $(cat office.key) --folder province"
    )


PREPARED: Final[dict[str, Callable[[Home], object]]] = {
    "authority publish": _signing_key,
    "authority revoke": _published,
    "restore bluezone.age": _backup_only,
    "restore bluezone.age --merge": _backup,
    "config init": lambda home: home.config.unlink(),
    "calibrate measure": _peer,
    "selftest --peer": _report,
    "diary delete": lambda home: home.must('bluezone-agent diary add "lunch with An"'),
    "notify test": lambda home: home.config.write_text('notify_command = ["true"]\n'),
    **{f"trial {command}": _trial for command in ("check", "simulate", "run", "mark", "live", "collect", "stop")},
    "trial pack": _simulated,
    "trial report": _packed,
    "trial import": _published_recording,
    "trial import btsnoop": _log_of_a_phone,
    "trial score": _packed,
    "trial fit": _walked,
    "trial export": _packed,
    "trial forget": _packed,
    "campaign make": lambda home: home.must("bluezone-agent campaign new campaign.toml"),
    "uptake new": lambda home: (home.home / "units.csv").write_text("unit,parent,headcount\na,,5\n"),
    **{f"uptake {command}": _campaign for command in ("record", "codes", "report", "submit")},
    "uptake census": _recorded_room,
    "uptake collect": _drop_box,
    "uptake trust": _province,
    "uptake merge": _submitted,
    "keys decrypt": lambda home: home.must("bluezone-agent keys encrypt --passphrase-file passphrase.txt"),
}
"""What has been done before, by how the example begins; the longest counts."""


def prepare(home: Home, line: str, servers: Servers) -> None:
    words = line.removeprefix("bluezone-agent ")
    if fitting := [begin for begin in PREPARED if words.startswith(begin)]:
        PREPARED[max(fitting, key=len)](home)
    if words.startswith(("keys publish", "keys chaff")):
        home.config.write_text(
            f'[publish]\nverification_server = "{servers.url}"\nkey_server = "{servers.url}"\napi_key = "API-KEY"\n'
            'health_authority_id = "vn.example"\n'
        )


LINES: Final = {example.line: example for examples in EXAMPLES.values() for example in examples}
SLOW: Final = ("demo", "run", "selftest", "trial")
"""The commands that take seconds."""


def marked(example: Example) -> ParameterSet:
    words = example.line.removeprefix("bluezone-agent ")
    return pytest.param(example, marks=pytest.mark.slow if words.startswith(SLOW) else (), id=words)


@pytest.fixture
def home() -> Iterator[Home]:
    """A home with a short name: the path of a socket has 107 bytes at most."""
    with tempfile.TemporaryDirectory(prefix="bluezone-") as folder:
        yield Home(Path(folder))


@pytest.mark.parametrize("example", [marked(example) for example in LINES.values()])
def test_an_example_runs(example: Example, home: Home, servers: Servers) -> None:
    prepare(home, example.line, servers)
    line = example.line
    for shown, run in SHORTER.items():
        line = line.replace(shown, run)
    if WITH_AN_AGENT in line or WITH_A_TRIAL in line:
        line += "; code=$?; kill $! 2>/dev/null; exit $code"  # else the terminal waits for it
    asks = [name for name in ANSWERS if example.line.startswith(f"bluezone-agent {name}")]
    code, said = home.run(line, ANSWERS[asks[0]] if asks else [])
    assert code == (EXIT_FAULT if example.line in NOT_WELL else 0), said
    assert "Traceback" not in said
