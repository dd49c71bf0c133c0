"""The owner's own data: diary, export, contacts in person-equivalents."""

from __future__ import annotations

from typing import Final

from tests.mutants.mutant import Mutant

DIARY: Final = "tests/cli/test_diary.py"
EXPORT: Final = "tests/cli/test_export.py"
PEOPLE: Final = "tests/core/test_person_equivalents.py -k 'not simulated'"
MUTANTS: Final = (
    Mutant(
        "exported-by-its-identifier",
        "an export has the identifiers of others",
        "stores/own_data.py",
        '                pseudonym((row["protocol"], row["identifier"])),\n',
        '                row["identifier"].hex(),\n',
        EXPORT,
    ),
    Mutant(
        "a-table-that-excel-misreads",
        "a table for a spreadsheet does not say that it is UTF-8",
        "actions/own_data/csv_tables.py",
        "codecs.BOM_UTF8 + ",
        "",
        f"{EXPORT} -k rfc_4180",
    ),
    Mutant(
        "exported-with-the-adapters-address",
        "an export has the address of the device's own adapter",
        "actions/own_data/rows.py",
        "redacted(c.radio)",
        "c.radio",
        EXPORT,
    ),
    Mutant(
        "the-same-name-in-every-export",
        "a pseudonym is made from the identifier, so that two exports can be compared",
        "actions/own_data/rows.py",
        "secrets.token_hex(6)",
        "len(self._known):012x",
        EXPORT,
    ),
    Mutant(
        "spreadsheet-runs-the-diary",
        "a cell of the CSV is a formula",
        "actions/own_data/csv_tables.py",
        "    if text and isinstance(value, str) and value.startswith(FORMULA):\n",
        "    if text and isinstance(value, str) and value.startswith(chr(0)):\n",
        EXPORT,
    ),
    Mutant(
        "export-of-two-moments",
        "an export is read while the agent writes: its tables contradict each other",
        "stores/store.py",
        '            self._db.execute("BEGIN")\n            self.tokens.any()  # what',
        "            self.tokens.any()  # what",
        EXPORT,
    ),
    Mutant(
        "half-an-export-stays",
        "disk full: half an export is left and looks complete",
        "files.py",
        "        for path in folder.iterdir():\n            path.unlink()\n",
        "        for path in ():\n            path.unlink()\n",
        EXPORT,
    ),
    Mutant(
        "identifiers-are-people",
        "a person who changes the identifier is two people in that minute",
        "core/person_equivalents.py",
        "        return self.received - pairs - with_one - (self.once - with_one) // 2\n",
        "        return self.received\n",
        PEOPLE,
    ),
    Mutant(
        "one-minute-is-a-person",
        "an identifier received in one minute only is never the other half of a pair: too many people",
        "core/person_equivalents.py",
        " - with_one - (self.once - with_one) // 2",
        "",
        PEOPLE,
    ),
    Mutant(
        "deleted-from-the-diary-only-by-name",
        "a deleted line of the diary stays readable in the write-ahead log",
        "stores/store.py",
        "        if self._truncate_log() and found:\n",
        "        if not found and self._truncate_log():\n",
        DIARY,
    ),
    Mutant(
        "diary-for-ever",
        "the diary is kept longer than everything else",
        "stores/store.py",
        "            self.diary.delete_before(limit_s)\n",
        "",
        DIARY,
    ),
    Mutant(
        "restored-over-a-diary",
        "a backup is restored over what the owner wrote",
        "stores/store.py",
        '"exposure", "calibration", "diary")',
        '"exposure", "calibration")',
        DIARY,
    ),
    Mutant(
        "diary-moves-the-cursor",
        "what is in the diary is obeyed by the terminal",
        "cli/diary.py",
        "number=entry.number, text=printable(entry.text)\n",
        "number=entry.number, text=entry.text\n",
        DIARY,
    ),
)
