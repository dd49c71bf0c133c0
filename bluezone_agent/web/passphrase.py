"""The passphrase of the page on a network: only what scrypt makes of it is kept."""

from __future__ import annotations

import hmac
import os
from pathlib import Path

import msgspec

from bluezone_agent.core.passphrases import SALT_LENGTH, SECRET_LENGTH, secret_from_passphrase
from bluezone_agent.errors import N_, AgentError
from bluezone_agent.files import replace


class KeptPassphrase(msgspec.Struct, frozen=True):
    """A passphrase as it is kept."""

    salt: bytes
    secret: bytes
    """What scrypt makes of it: browsers are known by it, so a new passphrase makes all of them unknown."""

    def __repr__(self) -> str:
        """Show no secret."""
        return "KeptPassphrase(<secret>)"

    def is_right(self, given: str) -> bool:
        """Return whether this is the passphrase; takes a fifth of a second and 64 MiB."""
        return hmac.compare_digest(secret_from_passphrase(given, self.salt), self.secret)


def kept_passphrase(path: Path) -> KeptPassphrase | None:
    """Return what is kept at ``path``, None if there is nothing; raises AgentError, OSError."""
    try:
        found = msgspec.json.decode(path.read_bytes(), type=KeptPassphrase)
    except FileNotFoundError:
        return None
    except msgspec.MsgspecError as error:
        raise _damaged(path) from error
    if (len(found.salt), len(found.secret)) != (SALT_LENGTH, SECRET_LENGTH):
        raise _damaged(path)
    return found


def _damaged(path: Path) -> AgentError:
    return AgentError(
        N_("the passphrase of the page in {path} is damaged"), N_("delete the file and start again"), path=path
    )


def keep_passphrase(path: Path, passphrase: str) -> KeptPassphrase:
    """Keep a passphrase at ``path``; raises OSError."""
    salt = os.urandom(SALT_LENGTH)
    made = KeptPassphrase(salt, secret_from_passphrase(passphrase, salt))
    replace(path, msgspec.json.encode(made))
    return made
