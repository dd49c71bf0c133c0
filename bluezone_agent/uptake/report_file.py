"""A report that a level signs and sends upwards: a ZIP with units, figures and a signature."""

from __future__ import annotations

import csv
import hashlib
import io
import zipfile
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bluezone_agent.errors import N_
from bluezone_agent.uptake.signing import is_signed, public_text, sign
from bluezone_agent.uptake.units import UnitTree, UptakeError, normal, parse_units

FORMAT: Final = "bluezone-agent uptake report 1"
STATEMENT: Final = "statement.json"
UNITS: Final = "units.csv"
FIGURES: Final = "figures.csv"
LARGEST: Final = 400_000_000
"""Bytes of a member of the ZIP: 500,000 units with three rounds need about 110 million."""
EPOCH: Final = (1980, 1, 1, 0, 0, 0)
"""The time of the members, so that the same report is the same file."""


class Statement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is signed."""

    format: str
    unit: str
    """The unit that contains all others of the report."""
    denominator: str
    issued_at: datetime
    public_key: str
    units_sha256: str
    figures_sha256: str


class _SignedStatement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    statement: Statement
    signature: str


class SignedReport(msgspec.Struct, frozen=True, kw_only=True):
    """A report whose signature is its key's. Whether that key is the unit's is another question."""

    path: Path
    statement: Statement
    tree: UnitTree
    figures: bytes

    def __repr__(self) -> str:
        return f"SignedReport({self.path})"

    @property
    def unit(self) -> str:
        """The unit that it is about."""
        return self.statement.unit


def write_report(
    tree: UnitTree, figures: bytes, denominator: str, issued_at: datetime, key: Ed25519PrivateKey
) -> bytes:
    """Return a signed report."""
    units = _units_csv(tree)
    statement = Statement(
        format=FORMAT,
        unit=tree.units[0].unit,
        denominator=denominator,
        issued_at=issued_at,
        public_key=public_text(key),
        units_sha256=hashlib.sha256(units).hexdigest(),
        figures_sha256=hashlib.sha256(figures).hexdigest(),
    )
    envelope = _SignedStatement(statement=statement, signature=sign(key, msgspec.json.encode(statement)))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        signed = msgspec.json.format(msgspec.json.encode(envelope), indent=2)
        for name, data in ((STATEMENT, signed), (UNITS, units), (FIGURES, figures)):
            file.writestr(zipfile.ZipInfo(name, EPOCH), data, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def read_report(path: Path) -> SignedReport:
    """Read a report and verify its signature. Raises UptakeError, OSError."""
    try:
        with path.open("rb") as opened, zipfile.ZipFile(opened) as file:
            if any(file.getinfo(name).file_size > LARGEST for name in (STATEMENT, UNITS, FIGURES)):
                raise ValueError("too large")
            signed, units, figures = (file.read(name) for name in (STATEMENT, UNITS, FIGURES))
        envelope = msgspec.json.decode(signed, type=_SignedStatement)
    except (zipfile.BadZipFile, KeyError, ValueError, EOFError, NotImplementedError, RuntimeError) as error:
        raise UptakeError(
            N_("{path} is not a report of a campaign"),
            N_('name a file that "bluezone-agent uptake submit" wrote, and ask for it again if it is damaged'),
            path=path,
        ) from error
    statement = envelope.statement
    digests = (hashlib.sha256(units).hexdigest(), hashlib.sha256(figures).hexdigest())
    good = is_signed(msgspec.json.encode(statement), envelope.signature, statement.public_key)
    if not good or digests != (statement.units_sha256, statement.figures_sha256) or statement.format != FORMAT:
        raise UptakeError(
            N_("{path}: the signature is not right: the report was changed after it was signed"),
            N_("ask {unit} for it again, by another way"),
            path=path,
            unit=normal(statement.unit),
        )
    tree = UnitTree(list(parse_units(units.decode("utf-8", "replace").split("\n"), path)), path)
    if tree.units[0].unit != statement.unit:
        raise UptakeError(
            N_('{path}: the report is said to be of "{unit}", and is of "{other}"'),
            N_("ask for it again"),
            path=path,
            unit=normal(statement.unit),
            other=tree.units[0].unit,
        )
    return SignedReport(path=path, statement=statement, tree=tree, figures=figures)


def _units_csv(tree: UnitTree) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("unit", "parent", "headcount", "name"))
    for number, one in enumerate(tree.units):
        headcount = "" if tree.is_awaited(number) else tree.headcount[number]
        writer.writerow((one.unit, one.parent if number else "", headcount, one.name))
    return out.getvalue().encode()
