"""Faults of a door: who counts without being held near, who counts twice, what is lost or kept for too long."""

from __future__ import annotations

from typing import Final

from tests.mutants.mutant import Mutant

ENGINE: Final = "tests/door/test_engine.py"
STORE: Final = "tests/door/test_store.py"
DAEMON: Final = "tests/daemon/test_door.py"
MUTANTS: Final = (
    Mutant(
        "threshold-alone",
        "whoever stands in the queue with a strong phone lights",
        "door/engine.py",
        "        return level - before >= self.rule.rise_db\n",
        "        return True\n",
        f"{ENGINE} -k level_of_the_threshold",
    ),
    Mutant(
        "rise-alone",
        "whoever walks up lights, however far they stay",
        "door/engine.py",
        "        if level < self.rule.threshold_dbm or not self._risen(",
        "        if not self._risen(",
        f"{ENGINE} -k comes_from_afar",
    ),
    Mutant(
        "no-margin",
        "of two devices held near one is counted, and nobody knows whose",
        "door/engine.py",
        "level - there[1][0] < self.rule.margin_db",
        "level - there[1][0] < -99",
        f"{ENGINE} -k one_at_a_time",
    ),
    Mutant(
        "second-device-not-seen",
        "the second device of somebody who was counted is not noticed",
        "door/engine.py",
        "                return DoorState.ONE_AT_A_TIME\n        return DoorState.WAITING\n",
        "                return DoorState.WAITING\n        return DoorState.WAITING\n",
        f"{ENGINE} -k asked_to_wait",
    ),
    Mutant(
        "counted-again",
        "a device counts each time it is held near, and so does a replayed frame",
        "door/counted.py",
        "        return entry is not None and entry.direction is direction\n",
        "        return False\n",
        ENGINE,
    ),
    Mutant(
        "never-counted-out",
        "who came in is not counted when they leave",
        "door/counted.py",
        "        return entry is not None and entry.direction is direction\n",
        "        return entry is not None\n",
        f"{ENGINE} -k when_they_leave",
    ),
    Mutant(
        "rotation-counts-twice",
        "an identifier that changes in front of the reader counts its owner twice",
        "door/engine.py",
        "                self._counted.hand_over(other.key, device.key)\n",
        "",
        f"{ENGINE} -k rotation_in_front",
    ),
    Mutant(
        "next-person-taken-for-the-last",
        "whoever stands there when another device falls silent is taken for it, and not counted",
        "door/engine.py",
        "            silent = other.last_s < device.first_s <= other.last_s + HANDOVER_S\n",
        "            silent = other is not device and at_s - other.last_s > 1\n",
        f"{ENGINE} -k appears_much_later",
    ),
    Mutant(
        "identifiers-kept",
        "identifiers stay in memory for ever",
        "door/engine.py",
        "            self._counted.forget(at_s)\n",
        "",
        f"{ENGINE} -k leave_nothing_behind",
    ),
    Mutant(
        "counts-not-synced",
        "a power cut takes people who were shown as counted",
        "door/store.py",
        "                configure(self._db)\n",
        '                configure(self._db)\n                self._db.execute("PRAGMA synchronous=OFF")\n',
        f"{STORE} -k power_cut",
    ),
    Mutant(
        "label-in-the-log",
        "a deleted label can be read in the write-ahead log",
        "door/store.py",
        "        if gone:\n            self._truncate_log()\n        return gone\n",
        "        return gone\n",
        f"{STORE} -k leaves_no_byte",
    ),
    Mutant(
        "labels-without-a-purpose",
        "names are kept although nobody stated what for",
        "daemon/open_door.py",
        "        if not self._settings.label_purpose:\n            raise refused(DoorRefusal.NO_LABELS)\n",
        "",
        f"{DAEMON} -k stated_purpose",
    ),
    Mutant(
        "labels-outlive-their-purpose",
        "labels stay when the configuration no longer states a purpose",
        "door/store.py",
        "_limit(now_s, label_days) if label_days else NEVER",
        "_limit(now_s, label_days) if label_days else -1",
        f"{STORE} -k leaves_no_byte",
    ),
    Mutant(
        "closed-door-never-expires",
        "labels stay for as long as nobody opens the door",
        "daemon/door_control.py",
        "        elif (self._state_dir / FILE_NAME).exists():\n",
        "        elif False:\n",
        f"{DAEMON} -k after_their_time",
    ),
    Mutant(
        "green-a-second-late",
        "green is shown at the next second, when the visitor has left",
        "daemon/live_feed.py",
        "        self._hurried.set()\n",
        "        pass\n",
        f"{DAEMON} -k at_once_rather",
    ),
    Mutant(
        "a-line-for-each-packet",
        "a stranger's packets make the agent write hundreds of lines a second",
        "daemon/live_feed.py",
        "            await asyncio.sleep(LEAST_S)\n",
        "            await asyncio.sleep(0)\n",
        "tests/daemon/test_live_feed.py -k tenth_of_a_second",
    ),
    Mutant(
        "number-used-again",
        "a label meant for one person becomes another one's",
        "door/schema.py",
        "PRIMARY KEY AUTOINCREMENT",
        "PRIMARY KEY",
        f"{STORE} -k never_used_again",
    ),
    Mutant(
        "door-survives-a-wipe",
        "a wipe leaves the counts and labels of the door",
        "stores/file/erase.py",
        "(FILE_NAME, DOOR_FILE_NAME)",
        "(FILE_NAME,)",
        f"{STORE} -k wipe",
    ),
    Mutant(
        "counted-while-calibrating",
        "the phone of a calibration counts as a person",
        "daemon/open_door.py",
        "            self._calibration.packet(key, sighting.rssi_dbm, at_s - self._calibration_began_s)\n"
        "            return False\n",
        "            self._calibration.packet(key, sighting.rssi_dbm, at_s - self._calibration_began_s)\n",
        f"{DAEMON} -k during_a_calibration",
    ),
    Mutant(
        "computed-by-a-spreadsheet",
        "a label that begins like a formula is computed",
        "app/door_paper.py",
        '    return f"\'{text}" if text.startswith(FORMULAS) else text\n',
        "    return text\n",
        "tests/cli/test_gate.py -k by_hour",
    ),
)
