"""Diagnosis key files: the signed lists of daily keys that a health authority publishes (docs/diagnosis-keys.md).

A file is verified in this order: its signature over the exact bytes, with the key that the configuration pins; then its
form; then its keys, one by one.
"""

from __future__ import annotations

from dataclasses import replace

from bluezone_agent.core.diagnosis_keys.bluezone_json import read_bluezone_json
from bluezone_agent.core.diagnosis_keys.key_export import read_key_export
from bluezone_agent.core.diagnosis_keys.key_file import KeyBatch, KeyFault, KeyFile
from bluezone_agent.core.diagnosis_keys.signing import PinnedKeys, Trust, VerificationKey

__all__ = ["KeyBatch", "KeyFault", "KeyFile", "PinnedKeys", "Trust", "VerificationKey", "read_key_file"]

ZIP_MAGIC = b"PK\x03\x04"


def read_key_file(
    name: str,
    data: bytes,
    signature: bytes | None,
    key: Trust,
    now_s: float,
    *,
    states_publication: bool = True,
) -> KeyFile:
    """Verify and read a diagnosis key file of either format.

    ``signature`` is the detached signature of a Bluezone file; a key export contains its own. ``now_s`` stands in for
    the time of publication where the file states none, or where the stated time is known to mean something else
    (``states_publication``). Raises BadSignatureError; raises KeyFileError when the file is not what its name says.
    """
    if name.endswith(".zip") or data.startswith(ZIP_MAGIC):
        file = read_key_export(name, data, key, now_s)
    else:
        file = read_bluezone_json(name, data, signature, key, now_s)
    return file if states_publication else replace(file, published_at_s=None)
