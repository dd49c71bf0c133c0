"""Every error that the agent raises on purpose, split by who can act on it.

An error carries its message and hint as templates, so that each reader gets them in their own language: ``str(error)``
is English, ``bluezone_agent.i18n`` renders the same template in Vietnamese. Mark both templates with :func:`N_` where
the error is raised.
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar, Final

EXIT_FAULT = 1
EXIT_USAGE = 2
EXIT_NO_RADIO = 69
EXIT_TRY_AGAIN = 75
EXIT_CONFIG = 78


class Text(str):
    """A text of this program that the catalogues translate, unlike data that happen to read the same."""

    __slots__ = ()


def N_(text: str) -> Text:  # noqa: N802 - gettext's own name for "translate later"
    """Mark ``text`` for the catalogues."""
    return Text(text)


LONGEST_FIELD: Final = 200
"""Characters of a value in an error: the value may be a file's whole content."""


class AgentError(Exception):
    """Something is wrong that somebody can act on.

    ``message`` and ``hint`` are ``str.format`` templates over ``fields``. The message names the thing and the value,
    cut to :data:`LONGEST_FIELD`; the hint names the way out.
    """

    exit_code: ClassVar[int] = EXIT_FAULT

    def __init__(self, message: str, hint: str = "", /, **fields: object) -> None:
        self.message = message
        self.hint = hint
        self.fields = {name: _shortened(value) for name, value in fields.items()}
        super().__init__(message.format(**self.fields))


def _shortened(value: object) -> object:
    if isinstance(value, AgentError):
        return value
    as_found = str(value)
    text = as_found.encode("utf-8", "backslashreplace").decode()  # a path may be any bytes
    if len(text) > LONGEST_FIELD:
        return f"{text[:LONGEST_FIELD]}…"
    return value if text == as_found else text


class ConfigError(AgentError):
    """The configuration is wrong; its author can fix it."""

    exit_code = EXIT_CONFIG


class RadioFault(StrEnum):
    """Why there is no radio."""

    NO_BLUETOOTH = "no Bluetooth"
    NO_ADAPTER = "no adapter"
    POWERED_OFF = "powered off"
    NOT_PERMITTED = "not permitted"
    LINKABLE = "identifiers would be linkable"
    REFUSED = "refused by the Bluetooth service"
    LOST = "lost while running"
    NO_BROADCAST = "can listen, can't broadcast"
    SILENT = "scanner fell silent"
    SUSPENDED = "device was suspended"
    PAUSED = "paused"
    YIELDED = "yielded to another command"


class RadioUnavailableError(AgentError):
    """The radio can't be used, or was lost."""

    exit_code = EXIT_NO_RADIO
    kept_off_air = False
    """Whether the advertising data was certainly never transmitted: the radio answered that it was not."""

    def __init__(self, reason: RadioFault, message: str, hint: str = "", /, **fields: object) -> None:
        super().__init__(message, hint, **fields)
        self.reason = reason


class NoKernelRadioError(RadioUnavailableError):
    """The kernel's radio can't be used here, but BlueZ's may be."""


class MalformedPayloadError(AgentError):
    """A stranger sent something that claims to belong to a known protocol and does not: count it and continue."""


class RecordingError(AgentError):
    """A recording can't be written, can't be read, or is not a recording."""


class StoreError(AgentError):
    """The state directory or a file in it can't be used."""


class StoreWriteError(StoreError):
    """The disk does not accept the data now; nothing was changed, and a later attempt may succeed."""

    exit_code = EXIT_TRY_AGAIN


class StoreDamagedError(StoreError):
    """The store's file is damaged, or a later version's: `run` quarantines it and starts a new one."""


class KeysEncryptedError(StoreError):
    """The store's keys are encrypted, and the given passphrase does not decrypt them; its owner can fix it."""

    exit_code = EXIT_CONFIG


class DecryptionError(AgentError):
    """Encrypted data can't be decrypted: the passphrase or key is another one, or the data are damaged."""


class AgeFault(StrEnum):
    """Why an age file could not be decrypted, in the order of its parts."""

    NOT_AGE = "not an age file"
    ARMOURED = "in ASCII armour"
    TO_KEYS = "encrypted to keys"
    HEADER = "header damaged"
    TOO_COSTLY = "work factor too high"
    NO_MATCH = "another passphrase"
    MAC = "header changed"
    PAYLOAD = "payload damaged"


class AgeFileError(AgentError):
    """An age file can't be decrypted: another passphrase, damage, or a kind that is not supported."""

    def __init__(self, reason: AgeFault, message: str, hint: str = "", /, **fields: object) -> None:
        super().__init__(message, hint, **fields)
        self.reason = reason


class StateInUseError(StoreError):
    """Another agent runs on this state directory."""

    exit_code = EXIT_TRY_AGAIN


class NoLiveFeedError(AgentError):
    """No agent runs, or it can't serve another reader of its live feed."""

    exit_code = EXIT_TRY_AGAIN


class KeyFileError(AgentError):
    """A diagnosis key file is refused as a whole; nothing in it was accepted."""


class BadSignatureError(KeyFileError):
    """The file is not signed by the key that the configuration pins."""


class KeySourceError(AgentError):
    """A source of diagnosis key files can't be read now."""

    exit_code = EXIT_TRY_AGAIN


class CertificateDatesError(KeySourceError):
    """A server's certificate is not valid yet or has expired, by this device's clock, which may be wrong."""


class KeyServerError(AgentError):
    """A server that accepts keys can't be reached, or refuses."""

    exit_code = EXIT_TRY_AGAIN


class ReportError(AgentError):
    """A peer report can't be read, or is not a report."""


class NotProvableError(AgentError):
    """There is nothing that could prove that this device transmits."""


class CalibrationError(AgentError):
    """A measurement or a table of corrections gives no result."""


class BackupError(AgentError):
    """A backup can't be read, is not a backup, or can't be restored here."""


class ExportError(AgentError):
    """Keys or data can't be exported, or keys not submitted, as requested."""


class DiaryError(AgentError):
    """A line can't be written into the diary, or there is no such entry."""

    exit_code = EXIT_USAGE


class NoticeError(AgentError):
    """Notices can't be delivered now."""

    exit_code = EXIT_FAULT


class NewFileError(AgentError):
    """A file that its owner asked for can't be written where they want it."""


class DoorRefusal(StrEnum):
    """Why the door did not do what it was asked for."""

    CLOSED = "closed"
    """The door is not open."""
    NO_LABELS = "no_labels"
    """The configuration states no purpose of labels."""
    BAD_LABEL = "bad_label"
    """The label is empty or too long."""
    NO_PASSAGE = "no_passage"
    """There is nothing to undo or to label since the door was opened."""
    BUSY = "busy"
    """A calibration is running."""
    NOT_WRITTEN = "not_written"
    """The disk does not accept the passage."""


class DoorError(AgentError):
    """An open door, or the agent that should open it, does not do what its guard asked for."""

    def __init__(self, reason: DoorRefusal, message: str, hint: str = "", /, **fields: object) -> None:
        super().__init__(message, hint, **fields)
        self.reason = reason
