"""An identity provider over OpenID Connect: authorization code with PKCE, in the shape of デジタル認証アプリ.

Sources: OpenID Connect Core 1.0 §3.1 (the ID token's checks), RFC 7636 (PKCE, S256), デジタル庁「デジタル認証アプリ APIリファレンス」
(scopes openid name address birthdate gender; state, nonce and S256 are asked for).

The provider is outside: whatever it does, a person waits for it `LIMIT` seconds at the most, and gets one reason (`SourceError`).
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeVar
from urllib.parse import urlsplit

from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidClaimError, JoseError
from joserfc.jwk import ECKey, KeySet, RSAKey
from requests import RequestException

from portal.accounts.identity.claims import BasicFacts, NoFactsError, OnlyKnown, basic_facts

T = TypeVar("T")
Reason = Literal["slow", "unreachable", "answer", "token", "signature", "nonce", "claims", "facts"]

LIMIT = 2.0
"""Longest that a person waits for the provider at one click, in seconds."""
SCOPES = "openid name address birthdate gender"
ALGORITHMS = ["ES256", "RS256", "PS256", "ES384", "RS384", "RS512"]
_LEEWAY = 60
_KNOWN_FOR = 600.0
_ASSERTION_SECONDS = 60
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
#: What is still waiting for a dead provider, beside us; when all are taken the next person is told at once after `LIMIT`.
_waiting = ThreadPoolExecutor(max_workers=8, thread_name_prefix="identity")


class SourceError(Exception):
    """The provider cannot be used now, or what it said cannot be believed.

    Attributes:
        reason: slow, unreachable (refused, an error of its own), answer (not what the protocol says), token (the code was not taken),
            signature, nonce, claims (issuer, audience, time), facts (no name).
    """

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Client:
    """How the portal is known to a provider.

    Attributes:
        code: "oidc" or "sample".
        name: of the provider, as people know it.
        issuer: its address.
        client_id: our name there.
        client_secret: client_secret_basic; or
        client_key: a private JWK or PEM: private_key_jwt.
    """

    code: str
    name: str
    issuer: str
    client_id: str
    client_secret: str = ""
    client_key: str = ""


@dataclass(frozen=True, slots=True)
class Flow:
    """What has to come back, and what only we know: kept in the person's own session until then."""

    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True, slots=True)
class _Known:
    """What the provider says of itself, for `_KNOWN_FOR` seconds."""

    endpoints: Mapping[str, str]
    keys: KeySet
    at: float


class Provider:
    """One provider; safe to share between threads.

    Args:
        client: how it knows us.
        limit: seconds that a person waits, see `LIMIT`.
    """

    def __init__(self, client: Client, *, limit: float = LIMIT) -> None:
        self.client = client
        self.limit = limit
        self._loopback = urlsplit(client.issuer).hostname in _LOOPBACK
        self._known: _Known | None = None

    def begin(self, redirect_uri: str) -> tuple[str, Flow]:
        """The address to send the person to, and what to remember until they come back.

        Raises:
            SourceError: the provider does not answer.
        """
        flow = Flow(secrets.token_urlsafe(24), secrets.token_urlsafe(24), secrets.token_urlsafe(48))
        known = self._within(self._configuration)
        address, _state = self._session(redirect_uri).create_authorization_url(
            known.endpoints["authorization_endpoint"], state=flow.state, nonce=flow.nonce, code_verifier=flow.verifier
        )
        return str(address), flow

    def finish(self, code: str, flow: Flow, redirect_uri: str, *, now: datetime) -> BasicFacts:
        """Who it is: the code against tokens, every check of the ID token, then the facts.

        Raises:
            SourceError: why it cannot be said.
        """
        return self._within(lambda: self._finish(code, flow, redirect_uri, now))

    # -- the provider, in its own thread -----------------------------------------------------------------------

    def _within(self, work: Callable[[], T]) -> T:
        """The work's result, after `limit` seconds at the most: also where a byte a second keeps a socket awake."""
        waiting = _waiting.submit(work)
        try:
            return waiting.result(self.limit)
        except TimeoutError as error:
            waiting.cancel()
            raise SourceError("slow") from error

    def _session(self, redirect_uri: str = "") -> OAuth2Session:
        client = self.client
        method = "private_key_jwt" if client.client_key else "client_secret_basic"
        made = OAuth2Session(
            client.client_id,
            _key(client.client_key) if client.client_key else client.client_secret,
            scope=SCOPES,
            redirect_uri=redirect_uri,
            code_challenge_method="S256",
            token_endpoint_auth_method=method,
            default_timeout=self.limit,
        )
        made.max_redirects = 0
        made.trust_env = not self._loopback
        return made

    def _configuration(self) -> _Known:
        """Where the provider's endpoints are, and its keys."""
        known = self._known
        if known is None or time.monotonic() - known.at > _KNOWN_FOR:
            known = self._known = self._read_configuration()
        return known

    def _read_configuration(self) -> _Known:
        with self._session() as session:
            found = _json(session, f"{self.client.issuer.rstrip('/')}/.well-known/openid-configuration")
            names = ("authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint")
            endpoints = {name: str(found[name]) for name in names if found.get(name)}
            if found.get("issuer") != self.client.issuer or len(endpoints) < len(names) - 1:
                raise SourceError("answer")
            if not all(self._trusted(address) for address in endpoints.values()):
                raise SourceError("answer")
            try:
                keys = KeySet.import_key_set(_json(session, endpoints["jwks_uri"]))  # type: ignore[arg-type]  # checked by the library
            except (JoseError, ValueError, TypeError, KeyError) as error:
                raise SourceError("answer") from error
        return _Known(endpoints, keys, time.monotonic())

    def _trusted(self, address: str) -> bool:
        """An https address; on loopback (development, tests) plain http as well."""
        parts = urlsplit(address)
        return parts.scheme == "https" or (self._loopback and parts.hostname in _LOOPBACK)

    def _finish(self, code: str, flow: Flow, redirect_uri: str, now: datetime) -> BasicFacts:
        known = self._configuration()
        with self._session(redirect_uri) as session:
            if self.client.client_key:
                session.register_client_auth_method(self._assertion(known.endpoints["token_endpoint"]))
            try:
                answer = session.fetch_token(known.endpoints["token_endpoint"], code=code, code_verifier=flow.verifier)
                raw, access = str(answer["id_token"]), str(answer["access_token"])
            except RequestException as error:
                raise _unreachable(error) from error
            except (OAuthError, ValueError, KeyError, TypeError) as error:
                raise SourceError("token") from error
            claims = self._believed(raw, known, flow, access, now)
            told = dict(claims)
            if "userinfo_endpoint" in known.endpoints:
                told |= self._userinfo(session, known, str(claims["sub"]))
        try:
            return basic_facts(told)
        except NoFactsError as error:
            raise SourceError("facts") from error

    def _assertion(self, token_endpoint: str) -> PrivateKeyJWT:
        algorithm = "ES256" if isinstance(_key(self.client.client_key), ECKey) else "RS256"
        return PrivateKeyJWT(token_endpoint, claims={"exp": int(time.time()) + _ASSERTION_SECONDS}, alg=algorithm)

    def _decoded(self, raw: str, known: _Known) -> jwt.Token:
        """A signed answer; the keys are read anew once, where none of ours fits (the provider changed them).

        Raises:
            SourceError: nobody that we trust signed it.
        """
        try:
            return jwt.decode(raw, known.keys, algorithms=ALGORITHMS, decoder_cls=OnlyKnown)
        except (JoseError, ValueError, TypeError):
            self._known = None
        try:
            return jwt.decode(raw, self._configuration().keys, algorithms=ALGORITHMS, decoder_cls=OnlyKnown)
        except (JoseError, ValueError, TypeError) as error:
            raise SourceError("signature") from error

    def _believed(self, raw: str, known: _Known, flow: Flow, access: str, now: datetime) -> Mapping[str, Any]:
        token = self._decoded(raw, known)
        claims = CodeIDToken(
            token.claims,
            token.header,
            options={
                "iss": {"essential": True, "value": self.client.issuer},
                "aud": {"essential": True, "value": self.client.client_id},
                "nonce": {"essential": True},
            },
            params={"nonce": flow.nonce, "client_id": self.client.client_id, "access_token": access},
        )
        try:
            claims.validate(now=int(now.timestamp()), leeway=_LEEWAY)
        except JoseError as error:
            about = error.claim if isinstance(error, InvalidClaimError) else getattr(error, "claim", "")
            raise SourceError("nonce" if about == "nonce" else "claims") from error
        return dict(claims)

    def _userinfo(self, session: OAuth2Session, known: _Known, subject: str) -> Mapping[str, Any]:
        """The facts that the ID token does not carry; of the same person, or nothing is believed."""
        try:
            answer = session.get(known.endpoints["userinfo_endpoint"])
        except RequestException as error:
            raise _unreachable(error) from error
        if answer.status_code != 200:
            raise SourceError("unreachable")
        if answer.headers.get("Content-Type", "").startswith("application/jwt"):
            found: Any = self._decoded(answer.text, known).claims
        else:
            found = _decode(answer.content)
        if not isinstance(found, dict) or found.get("sub") != subject:
            raise SourceError("claims")
        return {key: value for key, value in found.items() if key in {"name", "address", "birthdate", "gender"}}


def _key(text: str) -> ECKey | RSAKey:
    """A private key, from a JWK or a PEM.

    Raises:
        ValueError: it is neither an EC nor an RSA key.
    """
    value: Any = json.loads(text) if text.lstrip().startswith("{") else text
    for kind in (ECKey, RSAKey):
        try:
            return kind.import_key(value)
        except (JoseError, ValueError, TypeError, KeyError):
            continue
    message = "not a private EC or RSA key"
    raise ValueError(message)


def _unreachable(error: RequestException) -> SourceError:
    return SourceError("slow" if type(error).__name__ in {"ReadTimeout", "ConnectTimeout"} else "unreachable")


def _json(session: OAuth2Session, address: str) -> dict[str, Any]:
    """What the provider says of itself (nothing about a person)."""
    try:
        answer = session.get(address, withhold_token=True)
        if answer.status_code != 200:
            raise SourceError("unreachable")
        found = answer.json()
    except RequestException as error:
        raise SourceError("answer") if isinstance(error, ValueError) else _unreachable(error) from error
    if not isinstance(found, dict):
        raise SourceError("answer")
    return found


def _decode(content: bytes) -> Any:
    try:
        return json.loads(content, cls=OnlyKnown)
    except ValueError as error:
        raise SourceError("answer") from error
