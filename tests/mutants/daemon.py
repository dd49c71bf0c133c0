"""Faults of parts that hang, of radios, and of who is told."""

from __future__ import annotations

from typing import Final

from tests.mutants.mutant import Mutant

WATCHDOG: Final = "tests/daemon/test_watchdog.py"
HEALTH: Final = "tests/health/test_health.py"
BUS: Final = "tests/radios/test_bus.py"
SILENCE: Final = "tests/radios/test_silence.py"
MUTANTS: Final = (
    Mutant(
        "fed-while-stuck",
        "a part hangs, and systemd is told that all is well",
        "daemon/systemd.py",
        "            if late:\n",
        "            if late and not late:\n",
        WATCHDOG,
    ),
    Mutant(
        "writer-not-watched",
        "the writer hangs",
        "daemon/contact_writer.py",
        "            self._watchdog.expect(Worker.WRITER, COMMIT_LATE_S)\n",
        "            pass\n",
        WATCHDOG,
    ),
    Mutant(
        "silence-forgiven",
        "a scan that falls silent after a reception is never started again",
        "radios/silence.py",
        "                receives, received_up_s = False, clock.uptime_s()\n",
        "                received_up_s = clock.uptime_s()\n",
        SILENCE,
    ),
    Mutant(
        "silent-scan-left-running",
        "a scan that fell silent goes on beside the next one",
        "radios/silence.py",
        "        scan.cancel()\n        await asyncio.gather(scan, return_exceptions=True)\n",
        "        pass\n",
        SILENCE,
    ),
    Mutant(
        "never-looks-away",
        "a suspension does not end the scan, and the watchdog is told nothing",
        "radios/silence.py",
        "            look()\n",
        "",
        SILENCE,
    ),
    Mutant(
        "error-for-an-answer",
        "bluetoothd refuses, and that is taken for an answer",
        "radios/bluez/bus.py",
        "        if reply.message_type is MessageType.ERROR:\n",
        "        if False:\n",
        BUS,
    ),
    Mutant(
        "waits-for-ever",
        "bluetoothd hangs",
        "radios/bluez/bus.py",
        "            async with asyncio.timeout(ANSWER_TIMEOUT_S):\n                reply",
        "            async with asyncio.timeout(60):\n                reply",
        BUS,
    ),
    Mutant(
        "starts-bluetoothd",
        "bluetoothd was stopped on purpose, and a question starts it",
        "radios/bluez/bus.py",
        "flags: MessageFlag = MessageFlag.NO_AUTOSTART,",
        "flags: MessageFlag = MessageFlag.NONE,",
        BUS,
    ),
    Mutant(
        "connection-left-open",
        "each try to wait for an adapter leaves a connection",
        "radios/bluez/signals.py",
        "            await opened.enter_async_context(self._bus)\n",
        "            await self._bus.__aenter__()\n",
        BUS,
    ),
    Mutant(
        "first-posted-stays",
        "of what waits to be written the oldest of its kind is written",
        "stores/outbox.py",
        "self._newest[type(item)] = item",
        "self._newest.setdefault(type(item), item)",
        "tests/daemon/test_proof_recorder.py tests/stores/test_outbox.py",
    ),
    Mutant(
        "written-again-and-again",
        "what was written waits for ever",
        "stores/outbox.py",
        "done = {id(item) for item in written}",
        "done = set[int]()",
        "tests/daemon/test_proof_recorder.py tests/stores/test_outbox.py",
    ),
    Mutant(
        "proved-by-who-repeats",
        "somebody repeats the own identifier, and that is taken for a proof",
        "daemon/contact_writer.py",
        "        elif received.received_by:\n",
        "        elif received.received_by is not None:\n",
        "tests/health/test_broadcast_proof.py",
    ),
    Mutant(
        "waiting-is-stuck",
        "Bluetooth is gone for hours: the watchdog kills who waits for it",
        "daemon/radio_supervisor.py",
        "calm_s + wait_s + STUCK_S",
        "1.0",
        WATCHDOG,
    ),
    Mutant(
        "rotation-owed-without-radio",
        "Bluetooth is gone for hours: the watchdog kills who waits for it",
        "daemon/radio_supervisor.py",
        "                self._watchdog.clear(Worker.ROTATION)\n",
        "",
        WATCHDOG,
    ),
    Mutant(
        "no-radio-no-agent",
        "no Bluetooth when the machine starts",
        "daemon/radio_supervisor.py",
        "self._wait_for_radio = wait_for_radio",
        "self._wait_for_radio = False",
        WATCHDOG,
    ),
    Mutant(
        "ready-at-once",
        "ready before anything is heard or sent",
        "daemon/agent.py",
        "                await supervisor.first_scan_done.wait()\n",
        "",
        WATCHDOG,
    ),
    Mutant(
        "notified-again",
        "the owner is notified of one outage again and again",
        "health/outage_notices.py",
        " and what not in stopped:",
        ":",
        HEALTH,
    ),
    Mutant(
        "never-well-again",
        "the owner is not notified that listening resumes",
        "health/outage_notices.py",
        "not age.late and what in stopped",
        "False",
        HEALTH,
    ),
    Mutant(
        "half-a-file",
        "Prometheus reads a file that is being written",
        "files.py",
        "        temporary.replace(path)\n",
        "        path.write_bytes(temporary.read_bytes())\n        path.chmod(mode)\n        temporary.unlink()\n",
        HEALTH,
    ),
    Mutant(
        "chaff-every-time",
        "chaff is sent at every check",
        "actions/upload_keys.py",
        "return random() < (age_s(now_s, considered.at_s if considered else None) or 0.0) / DAY_S",
        "return considered is not None",
        "tests/actions/test_upload_keys.py",
    ),
)
