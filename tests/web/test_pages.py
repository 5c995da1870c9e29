"""Every page of the shell answers."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

PUBLIC = [
    "/", "/privacy", "/terms", "/contact", "/about", "/sign-in", "/register", "/register/done", "/register/confirm",
    "/sign-in/reset", "/sign-in/passkey",
]  # fmt: skip


@pytest.mark.parametrize("path", PUBLIC)
@pytest.mark.parametrize("locale", ["ja", "en"])
def test_a_public_page_answers_in_both_languages(koga: str, client: FlaskClient, path: str, locale: str) -> None:
    answer = client.get(path, query_string={"lang": locale})
    assert answer.status_code == 200, answer.text
    assert f'<html lang="{locale}">' in answer.text
