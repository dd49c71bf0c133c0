"""What the owner asks for: wipe, backup, restore, merge, pause."""

from __future__ import annotations

from typing import Final

from tests.mutants.mutant import Mutant

WIPE: Final = "tests/cli/test_wipe.py"
BACKUP: Final = "tests/actions/test_backup.py"
PAUSES: Final = "tests/core/test_pauses.py"
PAUSING: Final = "tests/daemon/test_pause_control.py"
MUTANTS: Final = (
    Mutant(
        "names-wiped-alone",
        "what is wiped stays on the disk without a name",
        "stores/file/erase.py",
        "    if stat.S_ISREG(found.st_mode) and found.st_size:\n",
        "    if False:\n",
        WIPE,
    ),
    Mutant(
        "wiped-through-a-link",
        "a link in the state has another file wiped",
        "stores/file/erase.py",
        "    found = path.lstat()\n",
        "    path = path.resolve()\n    found = path.lstat()\n",
        WIPE,
    ),
    Mutant(
        "wiped-while-used",
        "the store is wiped under a command that works with it",
        "stores/file/erase.py",
        '            db.execute("BEGIN EXCLUSIVE")\n',
        "",
        WIPE,
    ),
    Mutant(
        "foreign-file-wiped",
        "a file that the configuration names and the agent never wrote is wiped",
        "actions/wipe.py",
        "        return file.read(len(text)) == text.encode()\n",
        "        return True\n",
        WIPE,
    ),
    Mutant(
        "aside-not-wiped",
        "a store that was set aside outlives a wipe",
        "stores/file/erase.py",
        'path.name.startswith((QUARANTINED, f"{FILE_NAME}."))',
        'path.name.startswith(f"{FILE_NAME}.")',
        WIPE,
    ),
    Mutant(
        "restored-key-goes-on",
        "two devices broadcast the same identifiers",
        "actions/backup.py",
        "        snapshot.keys.close_all()\n",
        "",
        BACKUP,
    ),
    Mutant(
        "restored-over",
        "a restore takes the place of keys and contacts",
        "actions/backup.py",
        "            if store.holds_anything():\n",
        "            if False:\n",
        BACKUP,
    ),
    Mutant(
        "salt-left-out",
        "the passphrase opens another backup's first part",
        "actions/backup.py",
        "    return head, encrypt(secret, store.copy(), head, random_bytes(NONCE_LENGTH))\n",
        "    return head, encrypt(secret, store.copy(), b'', random_bytes(NONCE_LENGTH))\n",
        BACKUP,
    ),
    Mutant(
        "merged-weaker",
        "of one minute that two devices heard the weaker is kept",
        "core/sightings.py",
        "    return (not m.protected, m.mean_dbm, ",
        "    return (not m.protected, -m.mean_dbm, ",
        BACKUP,
    ),
    Mutant(
        "merged-twice",
        "what both devices heard counts double",
        "stores/contacts.py",
        "        self.add([m for m in taken if m.observed not in known])\n",
        "        self.add(list(taken))\n",
        BACKUP,
    ),
    Mutant(
        "merged-oneself",
        "this device, as the other one heard it, becomes a contact",
        "actions/backup.py",
        "for m in snapshot.contacts.trusted() if m.observed.identifier not in own)",
        "for m in snapshot.contacts.trusted())",
        BACKUP,
    ),
    Mutant(
        "merged-unchecked",
        "merged contacts are never compared with files that were read before",
        "actions/backup.py",
        "            store.sources.unsettle()\n",
        "            pass\n",
        BACKUP,
    ),
    Mutant(
        "pause-by-the-clock",
        "a clock that is set ends a pause, or makes it last",
        "core/pauses.py",
        "        if boot_id == self.boot_id:\n",
        "        if False:\n",
        f"{PAUSES} {PAUSING}",
    ),
    Mutant(
        "pause-without-end",
        "after a reboot without a clock a pause never ends",
        "core/pauses.py",
        "        left_s = self.lasts_s - uptime_s\n",
        "        left_s = self.lasts_s\n",
        PAUSES,
    ),
    Mutant(
        "silent-later",
        "the command says that the device is silent before it is",
        "daemon/pause_control.py",
        "            await self.closed.wait()\n",
        "            pass\n",
        PAUSING,
    ),
    Mutant(
        "opened-while-paused",
        "a restart forgets the pause",
        "daemon/radio_supervisor.py",
        "        self._pause_control.require_none()\n",
        "",
        PAUSING,
    ),
    Mutant(
        "pause-is-an-alarm",
        "the owner is told that nobody listens, which they asked for",
        "stores/listening.py",
        "WHERE scan_mode <> '' OR reason = ? ORDER",
        "WHERE scan_mode <> '' AND reason <> ? ORDER",
        PAUSING,
    ),
    Mutant(
        "protected-counts",
        "minutes behind glass warn",
        "core/exposure.py",
        "    weights |= {m.minute: 0.0 for m in minutes if m.protected}\n",
        "    weights = model.weigh(minutes)\n",
        PAUSING,
    ),
    Mutant(
        "protected-forgotten",
        "minutes behind glass count once the time is known",
        "stores/contacts.py",
        '"UPDATE protected SET minute = ?, identifier_id = ? WHERE minute = ?',
        '"DELETE FROM protected WHERE ? + ? AND minute = ?',
        PAUSING,
    ),
    Mutant(
        "sealed-by-halves",
        "power cut while keys are being sealed",
        "stores/keys.py",
        "        change()\n",
        '        change()\n        self._db.execute("COMMIT")\n        self._db.execute("BEGIN")\n',
        "tests/faults/test_power_loss.py",
    ),
)
