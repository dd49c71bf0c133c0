"""Every command, in every account and situation: no traceback, a documented exit code, a word where it fails."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Final

import click
import pytest

from bluezone_agent.cli import EXIT_STOPPED, root
from bluezone_agent.cli.base import Group
from bluezone_agent.core.diagnosis_keys.submission import read_submission
from bluezone_agent.core.identifiers import DailyKey
from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.errors import EXIT_CONFIG, EXIT_FAULT, EXIT_NO_RADIO, EXIT_TRY_AGAIN, EXIT_USAGE
from bluezone_agent.stores.store import Store
from tests.present import today_s

TREE: Final = Path(__file__).resolve().parents[2]
DOCUMENTED: Final = {0, EXIT_FAULT, EXIT_USAGE, EXIT_NO_RADIO, EXIT_TRY_AGAIN, EXIT_CONFIG, EXIT_STOPPED}
UID: Final = 4711
"""Of no account here."""

SAMPLES: Final = {
    "": ("",),
    "status": ("status", "status --json", "status --prometheus"),
    "doctor": ("doctor",),
    "around": ("around", "around --for 1s --json"),
    "contacts": ("contacts", "contacts --page page.html"),
    "exposures": ("exposures", "exposures --json"),
    "exposures explain": ("exposures explain 2026-11-24",),
    "pause": ("pause --for 8h",),
    "resume": ("resume",),
    "check": ("check", "check --scheduled"),
    "keys encrypt": ("keys encrypt --passphrase-file word",),
    "keys decrypt": ("keys decrypt --passphrase-file word",),
    "keys sources": ("keys sources --json",),
    "keys publish": ("keys publish --code 12345678 --yes",),
    "keys chaff": ("keys chaff",),
    "keys list": ("keys list",),
    "keys export": ("keys export mine.json --yes", "keys export ~/mine.json --onset 2026-11-20", "keys export - --yes"),
    "authority init": ("authority init signing --key-id 452",),
    "authority publish": ("authority publish theirs.json --key signing --to public",),
    "authority revoke": ("authority revoke theirs.json --key signing --to public",),
    "demo": ("demo --page day.html --seed x", "demo --page nosuch/day.html", "demo --campaign nosuch/day"),
    "replay": ("replay room.csv",),
    "compare": ("compare",),
    "calibrate measure": ("calibrate measure --seconds 1",),
    "calibrate table": ("calibrate table table.csv Pi",),
    "calibrate show": ("calibrate show",),
    "calibrate forget": ("calibrate forget",),
    "run": ("run", "run --no-check"),
    "config init": ("config init new.toml", "config init -"),
    "config check": ("config check", "config check --json"),
    "selftest": ("selftest --peer theirs.json",),
    "backup": ("backup new.age --passphrase-file word", "backup new.age"),
    "restore": ("restore old.age --passphrase-file word",),
    "wipe": ("wipe --yes", "wipe"),
    "notify": ("notify",),
    "notify test": ("notify test",),
    "diary add": ("diary add note", "diary add -"),
    "diary list": ("diary list --json",),
    "diary delete": ("diary delete 1",),
    "export": ("export --to csv mine", "export --to sqlite ~/mine --yes", "export --to csv nosuch/mine --yes"),
    "fetch": ("fetch",),
    "web": ("web --port 70000",),
    "page": ("page",),
    "gate": ("gate --for 1s", "gate --json --for 1s"),
    "gate report": ("gate report --json", "gate report --to csv"),
    "gate calibrate": ("gate calibrate",),
    "gate forget": ("gate forget --yes",),
    "take-part": ("take-part 0000-0000-0000-0000-0000 --yes", "take-part x"),
    "uptake new": ("uptake new units.csv campaign",),
    "uptake record": ("uptake record room-1 --installed 7",),
    "uptake codes": ("uptake codes --csv slips.csv",),
    "uptake collect": ("uptake collect box",),
    "uptake census": (
        "uptake census room-1 --people 9 --by guard",
        "uptake census room-1 --people 9 --by guard --feed nosuch.jsonl",
    ),
    "uptake report": ("uptake report --json",),
    "uptake submit": ("uptake submit office.zip",),
    "uptake trust": ("uptake trust office x",),
    "uptake merge": ("uptake merge office.zip",),
    "campaign new": ("campaign new campaign.toml", "campaign new -"),
    "campaign make": ("campaign make campaign.toml products",),
    "trial new": ("trial new door visit",),
    "trial check": ("trial check meeting",),
    "trial simulate": ("trial simulate meeting",),
    "trial run": ("trial run meeting --node pi-1",),
    "trial mark": ("trial mark meeting hello",),
    "trial stop": ("trial stop meeting",),
    "trial live": ("trial live meeting --for 1s",),
    "trial collect": ("trial collect 127.0.0.1 meeting",),
    "trial pack": ("trial pack meeting",),
    "trial report": ("trial report meeting",),
    "trial import": ("trial import dp3t nosuch meeting",),
    "trial score": ("trial score meeting",),
    "trial fit": ("trial fit my-office meeting",),
    "trial export": ("trial export meeting --to csv tables",),
    "trial forget": ("trial forget meeting --person P01 --yes",),
}
"""Each command as a person types it."""
QUICK: Final = ("status", "keys export", "config check")
"""The commands of which the quick form tries every situation; of the others it tries one, a different one each."""


def commands(command: click.Command, words: tuple[str, ...] = ()) -> Iterator[str]:
    """Yield the name of every command that can be run."""
    if not isinstance(command, Group) or command.invoke_without_command:
        yield " ".join(words)
    if isinstance(command, Group):
        for name in command.every_name():
            found = command.get_command(click.Context(command), name)
            assert found is not None
            yield from commands(found, (*words, name))


@dataclass
class Case:
    """A command about to be run; a situation changes it."""

    folder: Path
    arguments: list[str]
    environment: dict[str, str]
    more: dict[str, Any] = field(default_factory=dict)
    quiet: bool = False
    """Whether nothing can be said, or nothing need be."""

    @property
    def state(self) -> Path:
        return self.folder / "home/.local/share/bluezone-agent"

    @property
    def config(self) -> Path:
        return self.folder / "home/.config/bluezone-agent/bluezone-agent.toml"


def without(*names: str, **others: str) -> Callable[[Case], None]:
    def change(case: Case) -> None:
        for name in names:
            case.environment.pop(name, None)
        case.environment.update(others)

    return change


def stream(name: str, kind: str, *, quiet: bool = False) -> Callable[[Case], None]:
    def change(case: Case) -> None:
        case.more[name] = kind
        case.quiet = quiet

    return change


def as_other(case: Case) -> None:
    case.more["uid"] = UID


def installed(case: Case) -> None:
    """No sudo on an installed node: state and configuration are another user's."""
    as_other(case)
    case.environment.update(STATE_DIRECTORY=str(case.state), CONFIGURATION_DIRECTORY=str(case.config.parent))
    case.environment["HOME"] = "/nonexistent"
    case.config.parent.chmod(0o750)


def leftover_home(case: Case) -> None:
    """``sudo -u`` that keeps root's HOME."""
    as_other(case)
    for path in (case.folder / "home", *(case.folder / "home").rglob("*")):
        path.chmod(0o700)


def no_account(case: Case) -> None:
    as_other(case)
    without("HOME")(case)
    case.folder.chmod(0o777)


def no_account_with_a_state(case: Case) -> None:
    no_account(case)
    mine = case.folder / "mine"
    mine.mkdir(0o700)
    os.chown(mine, UID, UID)
    case.arguments = [*case.arguments, "--state-dir", str(mine)]


def state_is_a_file(case: Case) -> None:
    shutil.rmtree(case.state)
    case.state.write_text("")


def state_is_read_only(case: Case) -> None:
    as_other(case)
    for path in (case.folder, *case.folder.rglob("*")):
        os.chown(path, UID, UID)
        path.chmod(0o500 if path.is_dir() else 0o400)


def config_is_no_text(case: Case) -> None:
    case.config.write_bytes(b"\xff\xfe")


def all_closed(case: Case) -> None:
    for name in ("stdin", "stdout", "stderr"):
        stream(name, "closed", quiet=True)(case)


def in_letters(encoding: str) -> Callable[[Case], None]:
    """A terminal that lacks letters of the person's language."""

    def change(case: Case) -> None:
        case.more["encoding"] = encoding
        case.arguments = [*case.arguments, "--lang", "vi"]

    return change


def config_is_a_folder(case: Case) -> None:
    case.config.unlink()
    case.config.mkdir()


def from_windows(case: Case) -> None:
    for path in (case.config, case.folder / "room.csv", case.folder / "table.csv", case.folder / "word"):
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))


def odd_names(name: str) -> Callable[[Case], None]:
    """Every file and folder that is named is called so; ``name`` holds bytes as Latin-1."""

    def change(case: Case) -> None:
        changed = [a if a.startswith("-") or "." not in a else f"{name}.{a}" for a in case.arguments]
        case.arguments = [*changed, "--state-dir", name, "--config", f"{name}.toml"]

    return change


def with_options(*options: str) -> Callable[[Case], None]:
    def change(case: Case) -> None:
        case.arguments = [*case.arguments, *options]

    return change


def nothing_there(case: Case) -> None:
    shutil.rmtree(case.folder / "home")
    (case.folder / "home").mkdir()


def interrupted(case: Case) -> None:
    case.more["interrupt_s"] = 0.001 + 0.3 * Random(" ".join(case.arguments)).random() ** 2
    case.quiet = True


SITUATIONS: Final[dict[str, Callable[[Case], None]]] = {
    "as usual": lambda _case: None,
    "nothing there yet": nothing_there,
    "no sudo on an installed node": installed,
    "HOME of another": leftover_home,
    "HOME unset": without("HOME"),
    "HOME=/nonexistent": without(HOME="/nonexistent"),
    "HOME relative": without(HOME="home"),
    "HOME empty": without(HOME=""),
    "no account": no_account,
    "no account, with --state-dir": no_account_with_a_state,
    "Latin-1 terminal": in_letters("iso-8859-1"),
    "ASCII terminal": in_letters("ascii"),
    "LANG unset": without("LANG"),
    "LANG=POSIX": without(LANG="POSIX", LC_ALL="POSIX"),
    "standard input closed": stream("stdin", "closed"),
    "standard output closed": stream("stdout", "closed"),
    "standard error closed": stream("stderr", "closed", quiet=True),
    "all three closed": all_closed,
    "standard output full": stream("stdout", "full"),
    "standard error full": stream("stderr", "full", quiet=True),
    "standard output a broken pipe": stream("stdout", "broken", quiet=True),
    "standard error a broken pipe": stream("stderr", "broken", quiet=True),
    "names that are not UTF-8": odd_names("\xff\xfe\xc3"),
    "names with controls": odd_names("\x9b2J\x1b[2J\n"),
    "names of 300 letters": odd_names("x" * 300),
    "paths of 5000 letters": odd_names("x/" * 2500),
    "--config nosuch": with_options("--config", "nosuch"),
    "--state-dir nosuch": with_options("--state-dir", "nosuch"),
    "~ in options": with_options("--state-dir", "~/.local/share/bluezone-agent", "--config", "~/nosuch"),
    "~ of nobody": with_options("--state-dir", "~nobody-of-this-name/x"),
    "files from Windows": from_windows,
    "width 40": without(COLUMNS="40"),
    "width 1": without(COLUMNS="1"),
    "NO_COLOR": without(NO_COLOR="1"),
    "TERM=dumb": without(TERM="dumb"),
    "TERM unset": without("TERM"),
    "the state is read-only": state_is_read_only,
    "the state is a file": state_is_a_file,
    "the configuration is a folder": config_is_a_folder,
    "the configuration is no text": config_is_no_text,
    "TZ=garbage": without(TZ="Nowhere/../../At all"),
    "help": with_options("-h"),
    "an unknown option": with_options("--nosuch"),
    "Ctrl-C": interrupted,
}
OF_ROOT: Final = {installed, leftover_home, no_account, no_account_with_a_state, state_is_read_only}


class Server:
    """Runs the cases one after the other."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.cli.situations"],
            cwd=TREE,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, case: Case) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        about = {
            "arguments": case.arguments,
            "environment": case.environment,
            "folder": str(case.folder),
            **case.more,
        }
        self._process.stdin.write(json.dumps(about) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def close(self) -> None:
        self._process.communicate()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that every user can reach, which pytest's own are not."""
    with tempfile.TemporaryDirectory(prefix="bluezone-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def prepared(folder: Path, sample: str) -> Case:
    """Make a home with a state and a configuration, and the files that the samples name."""
    case = Case(folder, [], {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "TERM": "xterm"})
    case.environment["HOME"] = str(folder / "home")
    case.environment["DBUS_SYSTEM_BUS_ADDRESS"] = f"unix:path={folder}/no-bus"
    case.state.mkdir(parents=True)
    case.state.chmod(0o700)
    Store(case.state).close()
    case.config.parent.mkdir(parents=True)
    case.config.write_text(f'radio = "bluez:hci0"\n[[source]]\nlocation = "{folder}/cases"\nallow_unsigned = true\n')
    (folder / "cases").mkdir()
    (folder / "cases/index.txt").write_text("")
    (folder / "word").write_text("correct horse battery staple\n")
    (folder / "room.csv").write_text("session,receiver,t_s,rssi_dbm,distance_m\na,b,0,-50,1\n")
    (folder / "table.csv").write_text("device,rssi_correction_db\nPi,-3\n")
    (folder / "theirs.json").write_text("{}")
    case.arguments = sample.split()
    return case


def judged(server: Server, folder: Path, sample: str, situation: str) -> str:
    """Return what is wrong with how a command ends in a situation, nothing for nothing."""
    case = prepared(folder, sample)
    SITUATIONS[situation](case)
    done = server.run(case)
    faults = [word for word in ("Traceback", "Exception ignored", "Error in sys.excepthook") if word in done["err"]]
    if done["code"] not in DOCUMENTED:
        faults.append(f"exit code {done['code']}")
    if done["code"] and not case.quiet and not (done["err"] or done["out"]):
        faults.append("without a word")
    if not faults:
        return ""
    return f"{' '.join(case.arguments)!r:.200} {situation}: {faults} {done['code']}\n{done['out']}{done['err']}"


def test_every_command_has_a_sample() -> None:
    assert set(SAMPLES) == set(commands(root))
    assert len(SITUATIONS) >= 40


def possible(situation: str) -> bool:
    return os.geteuid() == 0 or SITUATIONS[situation] not in OF_ROOT


@pytest.mark.parametrize("situation", list(SITUATIONS))
def test_a_command_ends_well_in_a_situation(server: Server, place: Path, situation: str) -> None:
    if not possible(situation):
        pytest.skip("needs root, to be other users")
    others = sorted(set(SAMPLES) - set(QUICK))
    number = list(SITUATIONS).index(situation)
    names = [*QUICK, others[number % len(others)]]
    faults = [
        judged(server, make(place / str(n)), SAMPLES[name][number % len(SAMPLES[name])], situation)
        for n, name in enumerate(names)
    ]
    assert not any(faults), "\n".join(faults)


@pytest.mark.slow
@pytest.mark.parametrize("name", list(SAMPLES))
def test_every_command_ends_well_in_every_situation(server: Server, place: Path, name: str) -> None:
    faults = [
        judged(server, make(place / f"{number}-{n}"), sample, situation)
        for number, situation in enumerate(SITUATIONS)
        if possible(situation)
        for n, sample in enumerate(SAMPLES[name])
    ]
    assert not any(faults), "\n".join(filter(None, faults))


def make(folder: Path) -> Path:
    folder.mkdir()
    folder.chmod(0o755)
    return folder


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be other users")
def test_a_command_of_a_service_writes_where_its_caller_may(server: Server, place: Path) -> None:
    """As after scripts/install: the command runs as the service's user, in a folder that is its caller's alone."""
    case = prepared(make(place / "caller"), "keys export mine.json --yes")
    with Store(case.state) as store, store.transaction():
        for number in range(2):
            key = DailyKey("gaen", bytes([number]) * 16, today_s(), today_s() + DAY_S, 144)
            store.keys.add(key, last_slot_s=today_s(), exportable=True, closed=not number)
    for path in (case.state, *case.state.iterdir()):
        os.chown(path, UID, UID)
    case.environment["STATE_DIRECTORY"] = str(case.state)
    case.more["uid"] = UID
    refused = server.run(case)
    assert refused["code"] == EXIT_FAULT
    assert "can't write mine.json: Permission denied" in refused["err"]
    assert '"- > FILE" your shell writes it' in refused["err"]
    case.arguments = ["keys", "list", "--json"]
    assert [key["on_air"] for key in json.loads(server.run(case)["out"])["keys"]] == [False, True], (
        "and no key was ended"
    )
    case.arguments = ["keys", "export", "-", "--yes"]
    written = server.run(case)
    assert written["code"] == 0, written["err"]
    assert len(read_submission("-", written["out"].encode())) == 2
