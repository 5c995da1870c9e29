"""A first visit is light: at most 150 KB over the wire."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from tests.architecture.weight import first_load

LIMIT = 150 * 1024


@pytest.mark.parametrize(
    "path", ["/", "/procedures", "/procedures/dog-registration", "/facilities", "/plan", "/sign-in", "/register"]
)
def test_a_first_visit_is_light(client: FlaskClient, koga: str, path: str):
    sizes = first_load(client, path)
    assert any(".css" in address for address in sizes), "the page has its looks"
    assert sum(sizes.values()) <= LIMIT, sizes
