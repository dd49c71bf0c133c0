"""What others could read: in logs, in memory, in files."""

from __future__ import annotations

from typing import Final

from tests.mutants.mutant import Mutant

CANARY: Final = "tests/faults/test_canary.py"
NET: Final = "tests/test_redaction.py"
PRIVACY: Final = "tests/cli/test_privacy.py"
TOKENS: Final = "tests/actions/test_upload_keys.py"
KEY_ENCRYPTION: Final = "tests/stores/test_key_encryption.py"
MUTANTS: Final = (
    Mutant(
        "identifier-logged",
        "a log tells an identifier",
        "daemon/rotation.py",
        'log.info("identifier_rotated", ',
        'log.info("identifier_rotated", identifier=on_air.slot.identifier.hex(), ',
        CANARY,
    ),
    Mutant(
        "address-stored",
        "what BlueZ says of a neighbour gets into the log and the store",
        "radios/bluez/errors.py",
        "    reason = redacted(str(reason))\n",
        "",
        CANARY,
    ),
    Mutant(
        "repr-tells",
        "a value shows its identifier wherever it is printed",
        "core/identifiers.py",
        'return f"ObservedIdentifier({self.protocol}, <identifier>)"',
        'return f"ObservedIdentifier({self.protocol}, {self.identifier!r})"',
        NET,
    ),
    Mutant(
        "libraries-talk",
        "a library logs addresses and payloads",
        "app/logs.py",
        "    logging.disable(logging.INFO)\n",
        "",
        NET,
    ),
    Mutant(
        "crash-tells",
        "a crash prints an address",
        "app/logs.py",
        "    sys.excepthook = _print_crash\n",
        "",
        f"{NET} {CANARY}",
    ),
    Mutant(
        "core-file-written",
        "a crash leaves the keys in a core file",
        "app/process_hardening.py",
        "    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))\n    if ctypes",
        "    if False and ctypes",
        PRIVACY,
    ),
    Mutant(
        "memory-readable",
        "another process of the user reads the keys",
        "app/process_hardening.py",
        "prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)",
        "prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)",
        PRIVACY,
    ),
    Mutant(
        "umask-trusted",
        "files that others can use",
        "cli/__init__.py",
        "    os.umask(PRIVATE)\n",
        "",
        PRIVACY,
    ),
    Mutant(
        "open-state-used",
        "a state folder that others can use",
        "stores/file/open.py",
        "    if mode & OTHERS:  # not",
        "    if False:  # not",
        PRIVACY,
    ),
    Mutant(
        "new-keys-plain",
        "keys drawn after encryption are stored readable",
        "stores/keys.py",
        "stored = key._replace(data=self._encryption.put(key.data, row_of(key_id, key)))",
        "stored = key",
        KEY_ENCRYPTION,
    ),
    Mutant(
        "plain-copies-kept",
        "encryption leaves readable keys in the log",
        "stores/store.py",
        "        if self._truncate_log() and readable:\n",
        "        if False:\n",
        KEY_ENCRYPTION,
    ),
    Mutant(
        "sealed-rows-swappable",
        "an encrypted key is put into another row",
        "stores/key_encryption.py",
        'return f"daily key {key_id} {protocol} {starts_at_s} {slots_per_day}".encode()',
        'return b"daily key"',
        KEY_ENCRYPTION,
    ),
    Mutant(
        "sealed-store-started-plain",
        "a damaged encrypted store is replaced by an unencrypted one",
        "stores/file/recover.py",
        "    if encrypted and not passphrase:\n        raise encrypted_error(path)\n",
        "    if not passphrase:\n        return {}\n",
        KEY_ENCRYPTION,
    ),
    Mutant(
        "token-in-a-backup",
        "a backup holds the tokens of key servers",
        "stores/store.py",
        "return without_tokens(data) if has_tokens else data",
        "return data",
        TOKENS,
    ),
    Mutant(
        "old-backup-brings-tokens",
        "a restore brings the tokens of another device",
        "stores/file/snapshot.py",
        "            SubmissionTokens(self._db).delete_all()  # from",
        "            # from",
        TOKENS,
    ),
    Mutant(
        "token-without-end",
        "a token of a key server is kept for ever",
        "stores/store.py",
        "            self.tokens.delete_expired(now_s)\n",
        "",
        TOKENS,
    ),
)
