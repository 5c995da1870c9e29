"""An identity provider on loopback: speaks OpenID Connect, and does wrong whatever a test asks it to (`wrong`)."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from portal.accounts.identity.oidc import Client, Provider
from portal.kernel import clock

CLIENT_ID, SECRET = "madoguchi", "both know this"
#: The provider's own answer about the person who confirms who they are.
HANAKO = {
    "sub": "A0001",
    "name": "古河 花子",
    "address": {"formatted": "茨城県古河市中央町一丁目2番3号"},
    "birthdate": "1980-04-01",
    "gender": "female",
}


class OidcServer:
    """One provider.

    Attributes:
        person: what it says in userinfo.
        in_token: what it says in the ID token besides.
        wrong: "hangs", "drips" (a byte now and then keeps the socket awake), "error", "not_json", "token" (refuses the code), "nonce",
            "signature", "issuer", "audience", "expired", "unsigned", "subject" or "".
        at: the endpoint that does wrong.
        asked: (path, headers, form) of every request.
    """

    def __init__(self) -> None:
        self.person: dict[str, Any] = dict(HANAKO)
        self.in_token: dict[str, Any] = {}
        self.wrong = ""
        self.at = "/token"
        self.asked: list[tuple[str, dict[str, str], dict[str, str]]] = []
        self.key = ECKey.generate_key("P-256", {"kid": "one", "use": "sig"})
        self.client_keys: KeySet | None = None
        self.released = threading.Event()
        self._codes: dict[str, dict[str, str]] = {}
        handler = type("Handler", (_Handler,), {"owner": self})
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._http.daemon_threads = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def provider(self, *, limit: float = 2.0, client_key: str = "") -> Provider:
        """The portal's side of it."""
        secret = "" if client_key else SECRET
        return Provider(Client("oidc", "本人確認サービス", self.url, CLIENT_ID, secret, client_key), limit=limit)

    @contextmanager
    def running(self) -> Iterator[OidcServer]:
        thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.released.set()
            self._http.shutdown()
            self._http.server_close()
            thread.join()

    def person_agrees(self, address: str) -> str:
        """What the person does on the provider's page; path and query of where their browser goes next."""
        asked = {name: texts[0] for name, texts in parse_qs(urlsplit(address).query).items()}
        assert asked["client_id"] == CLIENT_ID
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        assert set(asked["scope"].split()) == {"openid", "name", "address", "birthdate", "gender"}
        code = f"code-{len(self._codes)}"
        self._codes[code] = asked
        back = urlsplit(asked["redirect_uri"])
        return f"{back.path}?code={code}&state={asked['state']}"

    # -- the answers -------------------------------------------------------------------------------------------------

    def answer(self, path: str, headers: dict[str, str], form: dict[str, str]) -> tuple[int, Any]:
        if path == "/.well-known/openid-configuration":
            names = {"authorization": "authorize", "token": "token", "userinfo": "userinfo"}
            found = {f"{name}_endpoint": f"{self.url}/{end}" for name, end in names.items()}
            return 200, {"issuer": self.url, "jwks_uri": f"{self.url}/keys", **found}
        if path == "/keys":
            return 200, KeySet([self.key]).as_dict(private=False)
        if path == "/token":
            return self._token(headers, form)
        if path == "/userinfo":
            assert headers["Authorization"] == "Bearer the-access-token"
            return 200, {**self.person, **({"sub": "somebody else"} if self.wrong == "subject" else {})}
        return 404, {}

    def _token(self, headers: dict[str, str], form: dict[str, str]) -> tuple[int, Any]:
        asked = self._codes.pop(form.get("code", ""), None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        proved = asked is not None and challenge.decode().rstrip("=") == asked["code_challenge"]
        if self.wrong == "token" or not proved or not self._knows(headers, form) or asked is None:
            return 400, {"error": "invalid_grant"}
        if form["redirect_uri"] != asked["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        now = int(clock.now().timestamp())
        claims = {
            "iss": "https://somebody.example" if self.wrong == "issuer" else self.url,
            "aud": "another" if self.wrong == "audience" else CLIENT_ID,
            "sub": self.person["sub"],
            "iat": now - 7200 if self.wrong == "expired" else now,
            "exp": now - 3600 if self.wrong == "expired" else now + 300,
            "nonce": "of another time" if self.wrong == "nonce" else asked["nonce"],
            **self.in_token,
        }
        key = ECKey.generate_key("P-256", {"kid": "one"}) if self.wrong == "signature" else self.key
        signed = jwt.encode({"alg": "ES256", "kid": "one"}, claims, key)
        if self.wrong == "unsigned":
            head = base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
            signed = f"{head}.{signed.split('.')[1]}."
        return 200, {"access_token": "the-access-token", "token_type": "Bearer", "expires_in": 300, "id_token": signed}

    def _knows(self, headers: dict[str, str], form: dict[str, str]) -> bool:
        if self.client_keys is not None:
            said = jwt.decode(form["client_assertion"], self.client_keys, algorithms=["ES256"]).claims
            return bool(said["iss"] == said["sub"] == CLIENT_ID and said["aud"] == f"{self.url}/token")
        both = base64.b64encode(f"{CLIENT_ID}:{SECRET}".encode()).decode()
        return headers.get("Authorization") == f"Basic {both}"


class _Handler(BaseHTTPRequestHandler):
    owner: OidcServer

    def do_GET(self) -> None:
        self._answer({})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self._answer({name: texts[0] for name, texts in parse_qs(body).items()})

    def _answer(self, form: dict[str, str]) -> None:
        owner, path = self.owner, urlsplit(self.path).path
        headers = dict(self.headers.items())
        owner.asked.append((path, headers, form))
        if path == owner.at and owner.wrong in {"hangs", "drips"}:
            self._never()
            return
        status, found = owner.answer(path, headers, form)
        body = json.dumps(found, ensure_ascii=False).encode()
        if path == owner.at and owner.wrong == "error":
            status, body = 500, b"out of order"
        if path == owner.at and owner.wrong == "not_json":
            body = b"<html>"
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _never(self) -> None:
        """Say nothing, or next to nothing, until the test is over or the other side has gone."""
        sent = False
        try:
            while not self.owner.released.wait(0.1):
                if self.owner.wrong == "drips":
                    self.connection.sendall(b"HTTP/1.1 200 OK\r\nX: " if not sent else b"x")
                    sent = True
        except OSError:
            pass
        self.close_connection = True

    def log_message(self, *_message: Any) -> None:
        """Nothing on the screen."""
