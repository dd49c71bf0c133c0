"""Signatures of diagnosis key files: ECDSA over P-256 with SHA-256, in the form of a key export's ``export.sig``.

The configuration determines the algorithm and the key; what a file states about its signature only has to agree.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import ClassVar, Final, NamedTuple

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from google.protobuf.message import DecodeError

from bluezone_agent.core.diagnosis_keys.key_export_pb2 import SignatureInfo, TEKSignature, TEKSignatureList
from bluezone_agent.errors import N_, BadSignatureError, ConfigError

ALGORITHM_OID: Final = "1.2.840.10045.4.3.2"
"""ecdsa-with-SHA256."""
MAX_SIGNATURE_LIST: Final = 16 * 1024
"""Bytes. One signature with its names takes about 100; nothing else is read before verification."""
SHOWN_LENGTH: Final = 40
"""Characters of an unknown key's name that an error repeats."""

ONE_BATCH: Final = (1, 1)
"""``batch_num`` and ``batch_size`` of a single file."""


class Verified(NamedTuple):
    """What a valid signature states."""

    batch_num: int
    batch_size: int
    """Neither is signed itself."""
    signer: str
    """Fingerprint of the pinned key that made it."""


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """A health authority's public key, with the id and version under which it signs."""

    key_id: str
    key_version: str
    public_key: ec.EllipticCurvePublicKey

    accepts_unsigned: ClassVar = False

    @property
    def keys(self) -> tuple[VerificationKey, ...]:
        """This key only."""
        return (self,)

    @classmethod
    def from_pem(cls, key_id: str, key_version: str, public_key_pem: str) -> VerificationKey:
        """Read a P-256 key in SubjectPublicKeyInfo PEM; raises ConfigError."""
        try:
            public_key = load_pem_public_key(public_key_pem.encode())
        except (ValueError, UnsupportedAlgorithm) as error:
            raise ConfigError(
                N_("the public_key of {key_id} {key_version} can't be read: {reason}"),
                N_("copy the complete [[source.key]] from the health authority, including its BEGIN and END lines"),
                key_id=key_id,
                key_version=key_version,
                reason=str(error).partition(". ")[0],
            ) from error
        if not isinstance(public_key, ec.EllipticCurvePublicKey) or not isinstance(public_key.curve, ec.SECP256R1):
            raise ConfigError(
                N_("the public_key of {key_id} {key_version} is {found}, not a P-256 key"),
                N_("ask the health authority for its P-256 key; diagnosis key files are signed with P-256 only"),
                key_id=key_id,
                key_version=key_version,
                found=_kind(public_key),
            )
        return cls(key_id, key_version, public_key)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the key as DER, hex: the same for every id and version."""
        der = self.public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return sha256(der).hexdigest()

    def verify(self, name: str, signed: bytes, signature_list: bytes) -> Verified:
        """Verify ``signed`` with the one signature of a TEKSignatureList that names this key.

        Raises BadSignatureError; ``name`` is the file's, for the error.
        """
        signature = self._named(name, _parsed(name, signature_list))
        try:
            self.public_key.verify(signature.signature, signed, ec.ECDSA(SHA256()))
        except InvalidSignature as error:
            raise BadSignatureError(
                N_("{name} does not match its signature by key {key_id} {key_version}"),
                N_(
                    "the next check will fetch it again; if the error persists, compare public_key with the "
                    "health authority's"
                ),
                name=name,
                key_id=self.key_id,
                key_version=self.key_version,
            ) from error
        return Verified(signature.batch_num, signature.batch_size, self.fingerprint)

    def is_named_by(self, info: SignatureInfo) -> bool:
        """Return whether ``info`` names this key and the supported algorithm."""
        return (info.verification_key_id, info.verification_key_version, info.signature_algorithm) == (
            self.key_id,
            self.key_version,
            ALGORITHM_OID,
        )

    def unsigned(self, name: str) -> BadSignatureError:
        """Return the error for a file without any signature."""
        return BadSignatureError(
            N_("{name} is not signed"),
            N_(
                "only files signed with key {key_id} {key_version} are accepted: ask the health authority "
                "for the signed file"
            ),
            name=name,
            key_id=self.key_id,
            key_version=self.key_version,
        )

    def to_pem(self) -> str:
        """Return the key as SubjectPublicKeyInfo PEM."""
        return self.public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    def _named(self, name: str, signatures: TEKSignatureList) -> TEKSignature:
        found = [s for s in signatures.signatures if self.is_named_by(s.signature_info)]
        if len(found) == 1:
            return found[0]
        if not signatures.signatures:
            raise self.unsigned(name)
        raise _signed_by_others(name, signatures, self)


@dataclass(frozen=True, slots=True)
class PinnedKeys:
    """Several public keys, as during a change of keys: a signature by one of them is sufficient."""

    keys: tuple[VerificationKey, ...]
    accepts_unsigned: bool = False
    """Whether unsigned Bluezone files are accepted too: the operator's own decision."""

    def verify(self, name: str, signed: bytes, signature_list: bytes) -> Verified:
        """Verify as :meth:`VerificationKey.verify` does, with the first key that the signature names."""
        signatures = _parsed(name, signature_list)
        fault: BadSignatureError | None = None
        for key in self.keys:
            if any(key.is_named_by(s.signature_info) for s in signatures.signatures):
                try:
                    return key.verify(name, signed, signature_list)
                except BadSignatureError as error:
                    fault = fault or error
        if not signatures.signatures:
            raise self.unsigned(name)
        raise fault or _signed_by_others(name, signatures, *self.keys)

    def is_named_by(self, info: SignatureInfo) -> bool:
        """Return whether ``info`` names one of the keys."""
        return any(key.is_named_by(info) for key in self.keys)

    def unsigned(self, name: str) -> BadSignatureError:
        """Return the error for a file without any signature."""
        if self.keys:
            return self.keys[0].unsigned(name)
        return BadSignatureError(
            N_("{name} is not signed"),
            N_(
                "allow_unsigned is only for Bluezone diagnosis key files: pin the key that signs this "
                "file in a [[source.key]]"
            ),
            name=name,
        )


Trust = VerificationKey | PinnedKeys
"""The keys whose signatures are accepted."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A health authority's private key."""

    key_id: str
    key_version: str
    private_key: ec.EllipticCurvePrivateKey

    def __repr__(self) -> str:
        return f"SigningKey({self.key_id}, {self.key_version}, <secret>)"

    @classmethod
    def from_pem(cls, key_id: str, key_version: str, private_key_pem: str) -> SigningKey:
        """Read a P-256 key in unencrypted PKCS #8 PEM; raises ValueError."""
        private_key = load_pem_private_key(private_key_pem.encode(), None)
        if not isinstance(private_key, ec.EllipticCurvePrivateKey) or not isinstance(private_key.curve, ec.SECP256R1):
            raise ValueError(f"a {_kind(private_key)} key, not a P-256 key")
        return cls(key_id, key_version, private_key)

    def to_pem(self) -> str:
        """Return the key as unencrypted PKCS #8 PEM: a secret."""
        return self.private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()

    @property
    def verification_key(self) -> VerificationKey:
        """The public half."""
        return VerificationKey(self.key_id, self.key_version, self.private_key.public_key())

    @property
    def info(self) -> SignatureInfo:
        """How a signed file names this key."""
        return SignatureInfo(
            verification_key_id=self.key_id,
            verification_key_version=self.key_version,
            signature_algorithm=ALGORITHM_OID,
        )

    def sign(self, data: bytes) -> bytes:
        """Return a TEKSignatureList with one signature of ``data``, batch 1 of 1; always the same (RFC 6979)."""
        number, size = ONE_BATCH
        signature = TEKSignature(
            signature_info=self.info,
            batch_num=number,
            batch_size=size,
            signature=self.private_key.sign(data, ec.ECDSA(SHA256(), deterministic_signing=True)),
        )
        return TEKSignatureList(signatures=[signature]).SerializeToString(deterministic=True)


def _parsed(name: str, signature_list: bytes) -> TEKSignatureList:
    try:
        if len(signature_list) > MAX_SIGNATURE_LIST:
            raise ValueError(f"{len(signature_list)} bytes, at most {MAX_SIGNATURE_LIST} expected")
        return TEKSignatureList.FromString(signature_list)
    except (DecodeError, ValueError) as error:
        raise BadSignatureError(
            N_("the signature of {name} can't be read: {reason}"),
            N_("the next check will fetch it again; if the error persists, tell the health authority"),
            name=name,
            reason=error,
        ) from error


def _signed_by_others(name: str, signatures: TEKSignatureList, *pinned: VerificationKey) -> BadSignatureError:
    return BadSignatureError(
        N_("{name} is signed by {found}, not exactly once by the pinned {pinned}"),
        N_("if the health authority has changed its key, put its new [[source.key]] into the configuration"),
        name=name,
        found=", ".join(_described(s.signature_info) for s in signatures.signatures[:3]),
        pinned=", ".join(f'"{key.key_id}" "{key.key_version}"' for key in pinned) or "-",
    )


def _described(info: SignatureInfo) -> str:
    key_id, key_version, algorithm = (
        text[:SHOWN_LENGTH]
        for text in (info.verification_key_id, info.verification_key_version, info.signature_algorithm)
    )
    return f'"{key_id}" "{key_version}"' + ("" if algorithm == ALGORITHM_OID else f' with "{algorithm}"')


def _kind(key: object) -> str:
    curve = getattr(key, "curve", None)
    return str(getattr(curve, "name", type(key).__name__.lstrip("_")))
