"""Every page of the shell answers."""

from __future__ import annotations

import re

import pytest
from flask import Flask, render_template_string
from flask.testing import FlaskClient
from flask_babel import get_translations

from portal.accounts.models import Role
from portal.kernel.money import Yen
from tests import people

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


def test_money_is_written_in_the_language_of_the_page(app: Flask) -> None:
    template = "{{ sum }} {% trans %}a {{ sum }}{% endtrans %} {{ _('b %(sum)s', sum=sum) }}"
    for lang, words in (("ja", "3,000円 a 3,000円 b 3,000円"), ("en", "3,000 yen a 3,000 yen b 3,000 yen")):
        with app.test_request_context("/", headers={"Accept-Language": lang}):
            assert render_template_string(template, sum=Yen(3000)) == words


def test_the_catalogues_are_read_once_and_not_for_each_request(app: Flask) -> None:
    read = []
    for _request in range(2):
        with app.test_request_context("/?lang=en"):
            app.preprocess_request()
            assert render_template_string("{{ _('手続き') }}") == "Procedures"
            read.append(get_translations())
    assert read[0] is read[1]


def _current(page: str) -> list[tuple[str, str]]:
    return re.findall(r'<a href="([^"]+)" aria-current="(page|true)">', page)


def test_the_menu_of_staff_marks_the_page_itself_what_it_stands_below_or_nothing(
    koga: str, client: FlaskClient
) -> None:
    people.sign_in(client, people.make_staff(Role.FACILITY_MANAGER, "S01"))
    for path, marked in (
        ("/staff", [("/staff", "page")]),
        ("/staff/bookings", [("/staff/bookings", "page")]),
        ("/staff/desk/2026-12-04", [("/staff/desk", "true")]),
        ("/staff/groups", []),
    ):
        answer = client.get(path)
        assert answer.status_code == 200, path
        assert _current(answer.text.split("</nav>")[1] + answer.text.split("</nav>")[0]) == marked, path
