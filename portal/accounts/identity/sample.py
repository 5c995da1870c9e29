"""The development provider: a real OpenID Connect provider inside the program, whose people are invented (見本). Production refuses it.

Everything that it hands out is signed with keys made from the secret key, so that every web process answers for every other.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from itsdangerous import BadSignature, URLSafeSerializer
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from portal.accounts.identity.oidc import Client

NAME = "本人確認サービス(見本)"
CLIENT_ID = "madoguchi"
PATH = "/identity/sample"
_CODE_SECONDS = 120
_TOKEN_TIME = timedelta(minutes=5)
_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


class RefusedError(Exception):
    """The provider refuses; the message is an error code of RFC 6749."""


@dataclass(frozen=True, slots=True)
class SamplePerson:
    """An invented person as a provider tells of them."""

    name: str
    address: str
    birthdate: str
    gender: str


#: 花子 and 太郎 are the demo residents; the third has characters that a careless program loses.
PEOPLE: Mapping[str, SamplePerson] = {
    "hanako": SamplePerson("見本 花子", "茨城県古河市中央町0-0-1", "1980-04-01", "female"),
    "taro": SamplePerson("架空 太郎", "茨城県古河市三和0-0-2", "1955-11-03", "male"),
    "watanabe": SamplePerson(
        "渡邊\U000e0109 神\ufa19太郎", "茨城県古河市諸川9999番地 見本𠮷野荘203", "1988-12-31", "male"
    ),
}


@dataclass(frozen=True, slots=True)
class Request:
    """What a portal asks the provider for, already checked."""

    redirect_uri: str
    state: str
    nonce: str
    challenge: str


class SampleProvider:
    """The provider without its pages (`portal.accounts.web.sample_identity` has them)."""

    def __init__(self, secret: str, public_url: str) -> None:
        self.issuer = f"{public_url}{PATH}"
        self._redirect_uri = f"{public_url}/identity/callback"
        self._signer = URLSafeSerializer(secret, salt="identity sample")
        self.client = Client("sample", NAME, self.issuer, CLIENT_ID, _derived(secret, "client").hex())
        number = int.from_bytes(_derived(secret, "key"), "big") % (_P256_ORDER - 1) + 1
        self._key = ECKey.import_key(ec.derive_private_key(number, ec.SECP256R1()), {"kid": "sample", "use": "sig"})

    def configuration(self) -> dict[str, Any]:
        """Discovery document."""
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "jwks_uri": f"{self.issuer}/keys",
            "response_types_supported": ["code"],
            "code_challenge_methods_supported": ["S256"],
            "id_token_signing_alg_values_supported": ["ES256"],
        }

    def keys(self) -> dict[str, Any]:
        """The public key, as a JWK set."""
        return dict(KeySet([self._key]).as_dict(private=False))

    def read(self, asked: Mapping[str, str]) -> Request:
        """An authorization request.

        Raises:
            RefusedError: it is not from our portal, or without PKCE.
        """
        good = (
            asked.get("client_id") == CLIENT_ID
            and asked.get("redirect_uri") == self._redirect_uri
            and asked.get("response_type") == "code"
            and "openid" in asked.get("scope", "").split()
            and asked.get("code_challenge_method") == "S256"
        )
        found = Request(
            asked.get("redirect_uri", ""),
            asked.get("state", ""),
            asked.get("nonce", ""),
            asked.get("code_challenge", ""),
        )
        if not good or not (found.state and found.nonce and found.challenge):
            raise RefusedError("invalid_request")
        return found

    def code(self, request: Request, person: str, *, now: datetime) -> str:
        """What the browser brings back.

        Raises:
            RefusedError: nobody of that name.
        """
        if person not in PEOPLE:
            raise RefusedError("access_denied")
        said = {"person": person, "nonce": request.nonce, "challenge": request.challenge, "at": now.timestamp()}
        return str(self._signer.dumps(said))

    def tokens(self, form: Mapping[str, str], authorization: str, *, now: datetime) -> dict[str, Any]:
        """The code against tokens.

        Raises:
            RefusedError: not our portal, an old or altered code, or not who began (PKCE).
        """
        both = base64.b64encode(f"{CLIENT_ID}:{self.client.client_secret}".encode()).decode()
        if not hmac.compare_digest(f"Basic {both}", authorization):
            raise RefusedError("invalid_client")
        said = self._loads(form.get("code", ""))
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        old = now.timestamp() - float(said.get("at", 0)) > _CODE_SECONDS
        if old or challenge != said.get("challenge") or form.get("redirect_uri") != self._redirect_uri:
            raise RefusedError("invalid_grant")
        issued = int(now.timestamp())
        claims = {
            "iss": self.issuer,
            "sub": said["person"],
            "aud": CLIENT_ID,
            "iat": issued,
            "auth_time": issued,
            "exp": issued + int(_TOKEN_TIME.total_seconds()),
            "nonce": said["nonce"],
        }
        return {
            "access_token": self._signer.dumps({"access": said["person"]}),
            "token_type": "Bearer",
            "expires_in": int(_TOKEN_TIME.total_seconds()),
            "id_token": jwt.encode({"alg": "ES256", "kid": "sample"}, claims, self._key),
        }

    def userinfo(self, authorization: str) -> dict[str, Any]:
        """The four basic facts.

        Raises:
            RefusedError: not a token of ours.
        """
        code = str(self._loads(authorization.removeprefix("Bearer ")).get("access", ""))
        if code not in PEOPLE:
            raise RefusedError("invalid_token")
        person = PEOPLE[code]
        address = {"formatted": person.address}
        return {
            "sub": code,
            "name": person.name,
            "address": address,
            "birthdate": person.birthdate,
            "gender": person.gender,
        }

    def _loads(self, text: str) -> dict[str, Any]:
        try:
            found = self._signer.loads(text)
        except BadSignature as error:
            raise RefusedError("invalid_grant") from error
        return found if isinstance(found, dict) else {}


def _derived(secret: str, purpose: str) -> bytes:
    return HKDF(SHA256(), 32, salt=None, info=f"identity sample {purpose}".encode()).derive(secret.encode())
