"""Electronic signatures in PDFs (PAdES, ETSI EN 319 142) by pyHanko, and what can be said about a signed one.

Development signs with a test certificate that is made anew, always the same, from a word everybody knows. Production signs with its own
key or not at all: `available()` says which, and the documents say so.
"""

from __future__ import annotations

import base64
import hashlib
import io
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12
from cryptography.x509.oid import NameOID
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign import signers
from pyhanko.sign.fields import SigSeedSubFilter
from pyhanko.sign.general import SigningError
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko.sign.validation.errors import SignatureValidationError
from pyhanko_certvalidator import ValidationContext

TEST_NAME = "見本の証明書(開発用・効力なし)"
FIELD = "City"
_PASSWORD = b"test"


class SigningKeyError(ValueError):
    """The signing key as configured cannot be read. The message never holds it."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the signature in a PDF says.

    Attributes:
        signed: there is a signature.
        intact: what was signed is what is there, and nothing was added.
        ours: it was made with this city's certificate.
        signer: whose name is in the certificate.
        at: when, by the signer's own clock.
    """

    signed: bool
    intact: bool = False
    ours: bool = False
    signer: str = ""
    at: datetime | None = None


class _Configured:
    signer: signers.SimpleSigner | None = None


def configure(key: str, password: str, *, production: bool) -> None:
    """Hand over the key, once at start.

    Args:
        key: PKCS #12 in base64; empty: the test certificate, in production none.
        password: of the PKCS #12.
        production: whether residents use it for real.

    Raises:
        SigningKeyError: it cannot be read.
    """
    if not key:
        _Configured.signer = None if production else _test_signer()
        return
    try:
        content = base64.b64decode("".join(key.split()), validate=True)
    except ValueError as error:
        raise SigningKeyError("SIGNING_KEY is not base64") from error
    _Configured.signer = _load(content, password.encode())


def available() -> str | None:
    """Whose name a document signed now carries; None: documents are not signed."""
    signer = _Configured.signer
    return _name(signer.signing_cert) if signer is not None and signer.signing_cert is not None else None


def sign(content: bytes, *, reason: str) -> bytes:
    """The PDF with a signature over all of it.

    Args:
        content: a finished PDF.
        reason: why, as PDF readers show it.

    Raises:
        SigningKeyError: no key is configured (ask `available` first), or it does not sign.
    """
    if _Configured.signer is None:
        raise SigningKeyError("no signing key")
    writer = IncrementalPdfFileWriter(io.BytesIO(content))
    about = signers.PdfSignatureMetadata(
        field_name=FIELD,
        reason=reason,
        subfilter=SigSeedSubFilter.PADES,
        md_algorithm="sha256",
        embed_validation_info=False,
    )
    out = io.BytesIO()
    try:
        signers.PdfSigner(about, signer=_Configured.signer, timestamper=None).sign_pdf(writer, output=out)
    except SigningError as error:
        raise SigningKeyError("the key does not sign") from error
    return out.getvalue()


def verify(content: bytes) -> Verdict:
    """What the signature in a PDF says. Nothing is fetched, nothing is kept; what cannot be read is not signed."""
    try:
        reader = PdfFileReader(io.BytesIO(content))
        found = reader.embedded_signatures
        if not found:
            return Verdict(signed=False)
        signature = found[-1]
        certificate = signature.signer_cert
        own = _Configured.signer.signing_cert if _Configured.signer is not None else None
        trust = [own] if own is not None else []
        context = ValidationContext(trust_roots=trust, allow_fetching=False, moment=signature.self_reported_timestamp)
        status = validate_pdf_signature(signature, context)
    except (
        PdfError,
        SignatureValidationError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        IndexError,
        RecursionError,
    ):
        return Verdict(signed=False)
    return Verdict(
        signed=True,
        intact=_whole(status),
        ours=own is not None and certificate is not None and certificate.sha256 == own.sha256,
        signer=_name(certificate) if certificate is not None else "",
        at=signature.self_reported_timestamp,
    )


def _whole(status: object) -> bool:
    """Untouched since it was signed, whoever signed."""
    modified = getattr(status, "modification_level", None)
    return bool(
        getattr(status, "intact", False)
        and getattr(status, "valid", False)
        and (modified is None or modified.name == "NONE")
        and getattr(getattr(status, "coverage", None), "name", "") == "ENTIRE_FILE"
    )


def _load(content: bytes, password: bytes) -> signers.SimpleSigner:
    signer: signers.SimpleSigner | None = signers.SimpleSigner.load_pkcs12_data(
        content, other_certs=[], passphrase=password or None
    )
    if signer is None:
        raise SigningKeyError("SIGNING_KEY cannot be opened with SIGNING_PASSWORD")
    return signer


def _name(certificate: Any) -> str:
    native = certificate.subject.native
    return str(native.get("common_name") or native.get("organization_name") or certificate.subject.human_friendly)


@cache
def _test_signer() -> signers.SimpleSigner:
    return _load(_test_key(), _PASSWORD)


def _test_key() -> bytes:
    """A PKCS #12 with a certificate that proves nothing; the same in every process, so that the web verifies what the worker signed."""
    number = int.from_bytes(hashlib.sha256(b"test certificate: proves nothing").digest())
    key = ec.derive_private_key(number % (2**255), ec.SECP256R1())
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "JP"),
            x509.NameAttribute(NameOID.COMMON_NAME, TEST_NAME),
        ]
    )
    usage = x509.KeyUsage(
        digital_signature=True, content_commitment=True, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=False, crl_sign=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2040, 1, 1, tzinfo=UTC))
        .add_extension(usage, critical=True)
        .sign(key, hashes.SHA256(), ecdsa_deterministic=True)
    )
    return pkcs12.serialize_key_and_certificates(b"test", key, made, None, BestAvailableEncryption(_PASSWORD))
