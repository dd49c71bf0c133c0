"""``trial live``: what is received against what is expected, who fell silent, on every terminal, through a broker."""

from __future__ import annotations

import asyncio
import io
import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from bluezone_agent.app.result import from_json
from bluezone_agent.app.trial_live_text import latest_marks, problems
from bluezone_agent.cli.trial_screen import view
from bluezone_agent.clocks.kernel_clock import KernelClock
from bluezone_agent.clocks.simulated import SimulatedClock, run_simulated
from bluezone_agent.i18n import use_language
from bluezone_agent.radios.simulated.air import Air, Position
from bluezone_agent.trials.expectation import expected_packets, silent_after_s, takes_part, together_since_s
from bluezone_agent.trials.folder import TrialError, TrialFolder
from bluezone_agent.trials.live_line import LiveNode, LiveTrial, MarkLine, NodeLine, NodeState, SenderLine
from bluezone_agent.trials.monitor import Monitor, fingerprint
from bluezone_agent.trials.node import Beginning, Node
from bluezone_agent.trials.pack import pack
from bluezone_agent.trials.read_plan import parse_plan
from bluezone_agent.trials.recorder import Recorder
from bluezone_agent.trials.records import CLOCK_DECODER
from bluezone_agent.trials.watch import Watch
from tests.notices.servers import Mosquitto, free_port, wait_for_port
from tests.program import Program, require_shape
from tests.trials.plans import HEAD, PHASE, PLAN, made

STARTS_AT_S: Final = 1_796_094_000
LONG: Final = PLAN.replace("minutes = 1\n", "minutes = 5\n")


async def recorded(trial: TrialFolder, silent_from_s: float) -> list[NodeLine]:
    """Record as ``door`` for 200 s, one line a second; from ``silent_from_s`` on nobody receives ``b``."""
    participant, clock = trial.participant("door"), SimulatedClock(STARTS_AT_S)
    participant.make_folder()
    air = Air(clock.now_s)
    identifiers = participant.identifiers

    def sender(device: str, until_s: float) -> None:
        def data(at_s: float) -> Any:
            if at_s - STARTS_AT_S > until_s:
                return None
            key, slot = identifiers.slot(device, identifiers.rotation_at(at_s))
            return identifiers.protocol.encode(key, slot, -12)

        air.observed(lambda _s: Position(1.0, 0.0), data)

    sender("a", 1000.0)
    sender("b", silent_from_s)
    lines = []
    with Recorder(participant, clock, durable=False) as recorder:
        beginning = Beginning(clock)
        radio = air.radio(clock, lambda _s: Position(0.0, 0.0))
        node = Node(participant, radio, clock, recorder, beginning=beginning)
        monitor = Monitor(participant, clock, recorder, node, beginning)
        running = asyncio.create_task(node.run(asyncio.Event()))
        looking = asyncio.create_task(monitor.keep_looking())
        for _second in range(200):
            await asyncio.sleep(1)
            lines.append(monitor.line())
        for task in (running, looking):
            task.cancel()
        await asyncio.gather(running, looking, return_exceptions=True)
    return lines


def test_a_sender_that_fell_silent_is_named_within_60_s_and_not_before_30(tmp_path: Path) -> None:
    lines = run_simulated(recorded(made(tmp_path / "t", LONG), 100.0))
    silent = [number for number, line in enumerate(lines, start=1) if line.senders[1].silent]
    assert 130 <= silent[0] <= 132
    assert silent == list(range(silent[0], 201))
    assert not any(line.senders[0].silent for line in lines)
    ages = [line.senders[1].received_s for line in lines]
    assert ages[-1] == pytest.approx(100, abs=1.5)


def test_expected_packets_are_those_that_the_air_carried(tmp_path: Path) -> None:
    lines = run_simulated(recorded(made(tmp_path / "t", LONG), 1000.0))
    for second in (60, 120, 199):
        for sender in lines[second].senders:
            assert sender.phase_expected == pytest.approx(4 * (second + 1), abs=4)
            assert sender.phase_expected is not None
            assert 0.8 <= sender.phase_packets / sender.phase_expected <= 1.0, "one packet in ten is lost"
            assert sender.phase_packets == sender.packets
    assert lines[100].phase == "one"
    assert (lines[100].phase_number, lines[100].phases) == (1, 2)
    assert lines[100].phase_left_s == pytest.approx(300 - 101, abs=1)
    assert lines[100].left_s == pytest.approx(330 - 101, abs=1)


def test_the_kernels_view_of_the_clock_is_recorded_each_minute_and_packed(tmp_path: Path) -> None:
    """A time service that has an estimate, then one that has none, then none at all."""
    trial = made(tmp_path / "t", LONG)
    participant, clock = trial.participant("door"), SimulatedClock(STARTS_AT_S)
    participant.make_folder()
    views = [KernelClock(True, 0.0021, 0.05), KernelClock(True, 0.0, 0.031), KernelClock(False, 16.0, 16.0)]
    shown: list[float | None] = []

    async def record() -> None:
        with Recorder(participant, clock, durable=False, kernel_clock=lambda: views.pop(0)) as recorder:
            beginning = Beginning(clock)
            radio = Air(clock.now_s).radio(clock, lambda _s: Position(0.0, 0.0))
            monitor = Monitor(
                participant, clock, recorder, Node(participant, radio, clock, recorder, beginning=beginning), beginning
            )
            flushing = asyncio.create_task(recorder.keep_flushing())
            for _minute in range(3):
                await asyncio.sleep(59)
                shown.append(monitor.line().clock_error_s)
            flushing.cancel()
            await asyncio.gather(flushing, return_exceptions=True)

    run_simulated(record())
    assert shown == [0.0021, 0.031, None]
    pack(trial)
    rows = pq.read_table(trial.path / "dataset" / "clock" / "clock.parquet").to_pylist()
    assert [(r["ntp_synchronised"], r["estimated_error_s"], r["maximum_error_s"]) for r in rows] == [
        (True, 0.0021, 0.05),
        (True, 0.0, 0.031),
        (False, 16.0, 16.0),
    ]


def test_a_recording_of_an_earlier_version_has_no_such_view() -> None:
    old = CLOCK_DECODER.decode(b'{"boottime_ns":1,"wall_ns":2,"boot_id":"x","synchronised":true}')
    assert (old.synchronised, old.ntp_synchronised, old.maximum_error_s) == (True, None, None)


def test_who_takes_no_part_is_not_expected() -> None:
    plan = parse_plan(
        HEAD + PHASE.replace('["a", "door", 4]', '["b", "a", 1.0]').replace('["a", "b", 1.0], ', ""), Path("p")
    )
    one, two = plan.phases
    assert [takes_part(two, device.id) for device in plan.devices] == [True, True, False]
    assert expected_packets(plan, two, "door", "a", 10) is None
    assert expected_packets(plan, one, "door", "a", 10) == 40
    assert together_since_s(plan, 70, "a", "b") == 0
    assert together_since_s(plan, 70, "door", "b") is None
    assert together_since_s(plan, 1000, "a", "b") is None


def test_a_sparse_scan_is_given_its_time() -> None:
    text = PLAN.replace("rotation_s = 10", "rotation_s = 10\nscan = {on_s = 4, every_s = 240}")
    plan = parse_plan(text, Path("p"))
    assert silent_after_s(plan) == 270
    assert expected_packets(plan, plan.phases[0], "a", "b", 60) == 4


def sender(
    device: str, *, received_s: float | None = 0.4, silent: bool = False, expected: float | None = 400.0
) -> SenderLine:
    packets = 0 if received_s is None else 361
    return SenderLine(
        device=device,
        packets=packets,
        phase_packets=packets,
        phase_expected=expected,
        received_s=received_s,
        rssi_dbm=None if received_s is None else -63.4,
        silent=silent,
    )


NODE: Final = NodeLine(
    trial="office-2026",
    plan="0123456789abcdef",
    device="pi-1",
    state=NodeState.RUNNING,
    phase="meeting at the table",
    phase_number=2,
    phases=3,
    phase_left_s=201.0,
    left_s=4000.0,
    starts_in_s=None,
    radio="kernel:hci0",
    radio_fault="",
    on_air=True,
    clock_synchronised=True,
    clock_error_s=0.0021,
    lost=0,
    senders=tuple(sender(f"pi-{n}") for n in (2, 3, 4)),
    marks=(MarkLine(ago_s=12.0, text="window open"), MarkLine(ago_s=4.0, text="", distances=(("pi-1", "pi-2", 1.5),))),
)


def live(*nodes: NodeLine, age_s: float = 0.3, **fields: Any) -> LiveTrial:
    return LiveTrial(
        at=datetime(2026, 11, 24, 5, 0, 0, tzinfo=UTC),
        trial="office-2026",
        nodes=tuple(
            LiveNode(state=node, age_s=age_s if number else 0.2, local=not number, dead=bool(number) and age_s > 30)
            for number, node in enumerate(nodes)
        ),
        **{"missing": (), "broker_connected": None} | fields,
    )


def changed(**fields: Any) -> NodeLine:
    return msgspec.structs.replace(NODE, **fields)


OTHER: Final = changed(device="pi-2", senders=tuple(sender(f"pi-{n}") for n in (1, 3, 4)), marks=())
SITUATIONS: Final[dict[str, tuple[LiveTrial, str]]] = {
    "well": (live(NODE), "361"),
    "silent": (
        live(changed(senders=(sender("pi-2", received_s=42.0, silent=True), sender("pi-3")))),
        "pi-2: not received for 0:42 by pi-1",
    ),
    "never": (live(changed(senders=(sender("pi-2", received_s=None, silent=True),))), "pi-2: not received yet by pi-1"),
    "dead": (live(NODE, OTHER, age_s=35.0), "pi-2: its recorder has said nothing for 0:35"),
    "missing": (live(NODE, missing=("pi-4",), broker_connected=True), "pi-4: no recorder has reported"),
    "no broker": (live(NODE, broker_connected=False), "broker does not answer"),
    "radio": (live(changed(radio_fault="hci0 is \x1b[2J off", on_air=False)), "hci0 is \\x1b[2J off"),
    "clock": (live(changed(clock_synchronised=False)), "its clock is not synchronised"),
    "disk": (live(changed(lost=3)), "3 packets could not be written"),
    "waiting": (
        live(
            changed(
                state=NodeState.WAITING, phase=None, phase_number=0, phase_left_s=None, left_s=None, starts_in_s=90.0
            )
        ),
        "begins in 1:30",
    ),
    "over": (live(changed(state=NodeState.OVER, phase=None, phase_left_s=None, left_s=0.0)), "over"),
    "nobody": (live(broker_connected=True), "no recorder has reported yet"),
    "crowd": (
        live(*(changed(device=f"pi-{n}", senders=tuple(sender(f"pi-{m}") for m in range(30))) for n in range(30))),
        "more",
    ),
    "mark": (live(changed(marks=(MarkLine(ago_s=3.0, text="bad \x1b[2J \u202e"),))), "bad \\x1b[2J"),
}


@pytest.fixture(params=["en", "vi"])
def language(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("LANGUAGE", "en")
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    use_language(request.param)
    return str(request.param)


@pytest.mark.parametrize("columns", [40, 50, 80])
@pytest.mark.parametrize("situation", SITUATIONS)
def test_the_screen_fits_and_names_what_is_wrong(language: str, situation: str, columns: int) -> None:
    line, said = SITUATIONS[situation]
    out = io.StringIO()
    console = Console(file=out, width=columns, height=24, highlight=False)
    console.print(view(line, console))
    lines = out.getvalue().splitlines()
    text = "\n".join(lines)
    assert max(map(len, map(str.rstrip, lines))) <= columns, text
    assert len(lines) <= 24, text
    assert "…" not in text
    assert "\x1b" not in text
    if language == "en":
        assert said in " ".join(text.split()), text


def test_a_mark_that_several_devices_took_is_shown_once() -> None:
    one = changed(marks=tuple(MarkLine(ago_s=ago_s, text="door") for ago_s in (60.0, 5.0, 3.0)))
    other = changed(device="pi-2", marks=(MarkLine(ago_s=4.0, text="door"), MarkLine(ago_s=1.0, text="window")))
    use_language("en")
    assert latest_marks(live(one, other), 9) == [
        "1:00 ago: door (pi-1)",
        "0:05 ago: door (pi-1, pi-2)",
        "0:03 ago: door (pi-1)",
        "0:01 ago: window (pi-2)",
    ]


def test_a_dead_recorder_is_named_within_60_s_and_a_line_of_another_trial_ignored(tmp_path: Path) -> None:
    trial = made(tmp_path / "t")
    plan = trial.plan()

    async def watched() -> list[LiveTrial]:
        clock = SimulatedClock(STARTS_AT_S)
        watch = Watch(trial, plan, fingerprint(plan), clock)

        class Broker:
            connected = True

        watch.broker = Broker()
        ours = changed(plan=fingerprint(plan), device="a")
        for message in (changed(device="b"), changed(plan=fingerprint(plan), device="c"), ours):
            watch.receive(msgspec.json.encode(message), local=False)
        for damaged in (b"", b"{", b"\xff", b"[]", msgspec.json.encode(ours)[:-3]):
            watch.receive(damaged, local=False)
        lines = []
        async with aclosing(watch.lines()) as each:
            async for line in each:
                lines.append(line)
                if len(lines) == 60:
                    return lines
        return lines

    lines = run_simulated(watched())
    assert {node.state.device for line in lines for node in line.nodes} == {"a"}
    dead = [number for number, line in enumerate(lines) if line.nodes[0].dead]
    assert 30 <= dead[0] <= 33
    assert lines[-1].missing == ("b", "door")
    use_language("en")
    assert next(iter(problems(lines[40]))).startswith("a: its recorder has said nothing for 0:4")


def test_without_a_recorder_and_a_broker_there_is_nothing_to_watch(tmp_path: Path) -> None:
    trial = made(tmp_path / "t")

    async def watched() -> None:
        plan = trial.plan()
        async with aclosing(Watch(trial, plan, fingerprint(plan), SimulatedClock(STARTS_AT_S)).lines()) as lines:
            await anext(lines)

    with pytest.raises(TrialError, match="no device records the trial"):
        run_simulated(watched())


@pytest.fixture
def program() -> Iterator[Program]:
    """A home with a short name: the path of a socket has 107 bytes at most."""
    with tempfile.TemporaryDirectory(prefix="bluezone-") as folder:
        program = Program(Path(folder))
        program.state_dir.mkdir(mode=0o700)
        program.config.write_text("clock_trusted = true\n")
        yield program


def started(program: Program, trial: TrialFolder, node: str) -> subprocess.Popen[str]:
    running = program.start("trial", "run", trial.path, "--node", node, "--radio", "virtual")
    while not (trial.device(node) / "trial.sock").exists():
        assert running.poll() is None, running.communicate()
        time.sleep(0.05)
    return running


def lines_of(program: Program, trial: TrialFolder, seconds: int) -> list[LiveTrial]:
    done = program.run("trial", "live", trial.path, "--json", "--for", f"{seconds}s")
    assert done.returncode == 0, done.stderr
    for text in done.stdout.splitlines():
        require_shape(("trial", "live", "--json"), text)
    return [from_json(text, LiveTrial) for text in done.stdout.splitlines()]


@pytest.mark.slow
def test_all_nodes_of_a_trial_through_a_real_broker(program: Program, tmp_path: Path) -> None:
    """Two folders as on two machines; one recorder is killed; the broker learns nothing but counts and marks."""
    broker = Mosquitto(tmp_path)
    text = LONG.replace("[radio]", f'[live]\nbroker = "mqtt://127.0.0.1:{broker.port}"\n\n[radio]')
    here = made(program.home / "t", text)
    there = made(program.home / "far", text)
    (there.path / "secret.toml").write_bytes((here.path / "secret.toml").read_bytes())
    with broker.up():
        a, b = started(program, here, "a"), started(program, there, "b")
        assert program.run("trial", "mark", there.path, "window open").returncode == 0
        seen = lines_of(program, here, 8)[-1]
        assert [(node.state.device, node.local) for node in seen.nodes] == [("a", True), ("b", False)]
        assert [mark.text for mark in seen.nodes[1].state.marks] == ["window open"]
        assert all(sender.packets > 10 for node in seen.nodes for sender in node.state.senders)
        assert seen.broker_connected
        command = program.command("trial", "live", here.path, "--json")
        with subprocess.Popen(command, env=program.environment(), stdout=subprocess.PIPE, text=True) as watching:
            assert watching.stdout is not None
            while len(from_json(watching.stdout.readline(), LiveTrial).nodes) < 2:
                pass
            b.kill()
            b.communicate()
            killed_s = time.monotonic()
            while not from_json(watching.stdout.readline(), LiveTrial).nodes[1].dead:
                assert time.monotonic() - killed_s < 60
            watching.terminate()
        assert program.run("trial", "stop", here.path).returncode == 0
        a.communicate()
    topics = {topic for topic, _text, _retained in broker.messages}
    assert topics == {f"bluezone-agent/trial/short/{fingerprint(here.plan())}/{name}" for name in "ab"}
    assert not any(retained for *_rest, retained in broker.messages)
    assert json.loads([text for topic, text, _r in broker.messages if topic.endswith("/a")][-1])["state"] == "stopped"
    sent = " ".join(text for _topic, text, _retained in broker.messages)
    secret = (here.path / "secret.toml").read_text().split('"')[1]
    identifiers = here.identifiers(here.plan())
    now = identifiers.rotation_at(time.time())
    used = [identifiers.slot(device, n)[1].identifier.hex() for device in "ab" for n in range(now - 20, now + 1)]
    for never in (secret, *used, "boottime", "adapter"):
        assert never.lower() not in sent.lower()


@pytest.mark.slow
def test_a_broker_that_wants_a_login_gets_that_of_the_secret(program: Program, tmp_path: Path) -> None:
    maker = shutil.which("mosquitto_passwd")
    if maker is None:
        pytest.skip("needs mosquitto_passwd (apt: mosquitto)")
    subprocess.run([maker, "-b", "-c", tmp_path / "users", "trial", "s3cret word"], check=True, capture_output=True)
    (tmp_path / "users").chmod(0o644)
    port = free_port()
    (tmp_path / "conf").write_text(
        f"user root\nlistener {port} 127.0.0.1\npersistence false\n"
        f"allow_anonymous false\npassword_file {tmp_path}/users\n"
    )
    server = shutil.which("mosquitto", path="/usr/sbin:/usr/bin") or pytest.skip("needs mosquitto (apt: mosquitto)")
    broker = subprocess.Popen([server, "-c", tmp_path / "conf"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for_port(port)
        text = LONG.replace("[radio]", f'[live]\nbroker = "mqtt://127.0.0.1:{port}"\n\n[radio]')
        here, there = made(program.home / "t", text), made(program.home / "far", text)
        for trial, login in ((here, "trial:s3cret word"), (there, "trial:wrong")):
            with (trial.path / "secret.toml").open("a") as secret:
                secret.write(f'broker_login = "{login}"\n')
        a = started(program, here, "a")
        known, unknown = lines_of(program, here, 4)[-1], lines_of(program, there, 4)[-1]
        assert known.broker_connected
        assert not unknown.broker_connected
        assert unknown.nodes == ()
        assert program.run("trial", "stop", here.path).returncode == 0
        _out, said = a.communicate()
        assert "s3cret" not in said
    finally:
        broker.terminate()
        broker.wait()


@pytest.mark.slow
def test_a_trial_does_not_wait_for_a_broker_that_is_away(program: Program) -> None:
    text = PLAN.replace("[radio]", f'[live]\nbroker = "mqtt://127.0.0.1:{free_port()}"\n\n[radio]')
    trial = made(program.home / "t", text.replace("minutes = 1\n", "minutes = 0.05\n").replace("0.5\n", "0.05\n"))
    began_s = time.monotonic()
    done = program.run("trial", "run", trial.path, "--node", "a", "--radio", "virtual", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["complete"]
    assert time.monotonic() - began_s < 40


@pytest.mark.slow
def test_keys_make_marks_and_end_it(program: Program) -> None:
    trial = made(program.home / "t", LONG)
    a = started(program, trial, "a")
    try:
        code, shown = program.at_terminal(
            "trial", "live", trial.path, stop_after="left", stop_with=b"7m\xc4\x91i\x7f\rq"
        )
        assert code == 0, shown
        code, shown = program.at_terminal("trial", "live", trial.path, stop_after="đ", stop_with=b"q")
        assert code == 0, shown
        assert "7 (a)" in shown
    finally:
        program.run("trial", "stop", trial.path)
        a.communicate()


@pytest.mark.slow
def test_it_ends_with_the_trial(program: Program) -> None:
    trial = made(program.home / "t", PLAN.replace("minutes = 1\n", "minutes = 0.05\n").replace("0.5\n", "0.05\n"))
    a = started(program, trial, "a")
    done = program.run("trial", "live", trial.path)
    assert done.returncode == 0
    assert "every recorder has ended" in done.stderr
    assert "short: over" in done.stdout.splitlines()[-1]
    a.communicate()
    assert a.returncode == 0
    nobody = program.run("trial", "live", trial.path)
    assert (nobody.returncode, "no device records the trial" in nobody.stderr) == (1, True)
