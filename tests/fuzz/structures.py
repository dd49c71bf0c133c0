"""Damage inside a structure that stays whole around it: what lengths and checksums would keep from the parser."""

from __future__ import annotations

import zipfile
import zlib
from io import BytesIO
from random import Random

from bluezone_agent.core.diagnosis_keys.key_export_pb2 import TemporaryExposureKeyExport
from tests.diagnosis_keys import zipped
from tests.fuzz.damage import NUMBERS, damaged


def advertised(data: bytes, random: Random) -> bytes:
    """Change one advertising structure: longer, shorter, of another kind, twice, or gone; its length is right."""
    batches, at = [], 0
    while at < len(data) and data[at]:
        batches.append(data[at + 1 : at + 1 + data[at]])
        at += 1 + data[at]
    if not batches:
        return damaged(data, random)
    number = random.randrange(len(batches))
    batch = batches[number]
    match random.randrange(5):
        case 0:
            batch += random.randbytes(random.randrange(1, 9))
        case 1:
            batch = batch[: random.randrange(1, len(batch) + 1)]
        case 2:
            batch = bytes([random.choice((0x01, 0x02, 0x03, 0x0A, 0x16, 0xFF, random.randrange(256)))]) + batch[1:]
        case 3:
            batches.append(batch)
        case _:
            batch = b""
    batches[number] = batch
    return b"".join(bytes([len(p) & 0xFF]) + p for p in batches if p)


def reexported(data: bytes, random: Random) -> bytes:
    """Change one number or text of a key export, which stays a protocol buffer."""
    export = TemporaryExposureKeyExport.FromString(data)
    batch = random.choice((export, *export.keys, *export.revised_keys, *export.signature_infos))
    field = random.choice([field for field in batch.DESCRIPTOR.fields if not field.message_type])
    if field.enum_type:
        setattr(batch, field.name, random.choice(list(field.enum_type.values_by_number)))
    elif field.type == field.TYPE_BYTES:
        setattr(batch, field.name, random.randbytes(random.choice((0, 15, 16, 17, 5000))))
    elif field.type == field.TYPE_STRING:
        setattr(batch, field.name, random.choice(("", "\x1b[2J", "x" * 5000, "452")))
    else:
        number = random.choice((*NUMBERS, 144, 145, 2_666_880, random.randrange(2**31))) * random.choice((1, 1, -1))
        low, high = (0, 2**63) if field.cpp_type == field.CPPTYPE_UINT64 else (-(2**31), 2**31)
        setattr(batch, field.name, min(max(number, low), high - 1))
    return export.SerializeToString()


def rezipped(data: bytes, random: Random) -> bytes:
    """Damage one member, or change the members, of a zip whose checksums stay right."""
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            members = [(name, archive.read(name)) for name in archive.namelist()]
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, RuntimeError, OSError):
        return damaged(data, random)
    number = random.randrange(len(members)) if members else 0
    match random.randrange(4) if members else 0:
        case 0:
            members.append((random.choice(("export.bin", "../export.sig", "\x1b[2J", "x" * 5000)), b"new"))
        case 1:
            members.pop(number)
        case _:
            name, content = members[number]
            members[number] = name, damaged(content, random)
    return zipped(*members, how=random.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2)))
