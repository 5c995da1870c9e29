"""What people hand in as files: kept with the case, shown to those who may see it."""

from __future__ import annotations

import base64
import io
import re
import socketserver
import threading
from collections.abc import Callable, Iterator

import pikepdf
import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from forms import commands
from forms.attachments import scanner, services
from forms.attachments.models import Attachment, AttachmentContent
from forms.models import Application, ApplicationAnswers
from forms.services import casework, drafts
from portal.accounts.models import Account, Role
from portal.kernel import clock, sealed
from portal.kernel.audit import Actor, AuditEntry
from portal.kernel.database import unit_of_work
from tests import people
from tests.forms.conftest import fields, sha_on
from tests.forms.uploads import jpeg

SLUG = "road-damage"
DAMAGE = {"kind": "hole", "spot.spot": "市役所の前", "spot.latitude": "", "spot.longitude": "", "seen_on": "2026-11-24",
          "details": "", "photos": ""}  # fmt: skip
CONTACT = {"wants_answer": "no"}


@pytest.fixture
def browser(client: FlaskClient, hanako: Account) -> FlaskClient:
    people.sign_in(client, hanako)
    return client


def begin(browser: FlaskClient) -> str:
    return people.location(people.post(browser, f"/apply/{SLUG}")).partition("?")[0]


def hand_in(
    browser: FlaskClient, step: str, *files: tuple[bytes, str], action: str = "send_file:photos", **more: str
) -> str:
    sent = [(io.BytesIO(content), name) for content, name in files]
    answer = people.post(browser, f"{step}/files", {**fields(DAMAGE | more), "f.photos": sent, "action": action})
    return answer.get_data(as_text=True) if answer.status_code != 303 else people.location(answer)


def test_a_photo_survives_a_mistake_on_the_page_can_be_taken_back_and_goes_with_the_draft(
    browser: FlaskClient, session: Session
) -> None:
    step = begin(browser)
    page = hand_in(browser, step, (jpeg(), "穴.jpg"), action="next", seen_on="2099-01-01")
    assert "f-seen_on-error" in page
    assert "穴.jpg" in page
    assert "f-photos-error" not in page
    assert hand_in(browser, step, (jpeg(), "b.jpg"), (jpeg(), "c.jpg")).startswith(step)
    assert "3個まで" in hand_in(browser, step, (jpeg(), "d.jpg"))
    assert session.scalar(select(func.count()).select_from(Attachment)) == 3
    first = session.scalars(select(Attachment).order_by(Attachment.added_at)).first()
    assert first is not None
    raw = session.scalars(select(AttachmentContent.sealed)).all()
    assert not any(b"JFIF" in content for content in raw), "encrypted at rest"
    gone = str(first.id)
    hand_in(browser, step, action=f"remove_file:{gone}")
    session.expire_all()
    draft = session.scalars(select(Application)).one()
    assert draft.draft is not None
    assert len(draft.draft.answers["photos"]) == 2
    assert gone not in {f["id"] for f in draft.draft.answers["photos"]}
    people.post(browser, f"/apply/{SLUG}/{draft.key}/discard")
    assert session.scalar(select(func.count()).select_from(AttachmentContent)) == 0


def test_the_button_without_a_chosen_file_says_so(browser: FlaskClient) -> None:
    page = hand_in(browser, begin(browser))
    assert "先にファイルをえらんでから" in page
    assert "市役所の前" in page, "what was typed stays"


def test_a_day_that_is_too_early_is_told_with_the_first_day_that_can_be_written(browser: FlaskClient) -> None:
    page = hand_in(browser, begin(browser), (jpeg(), "a.jpg"), action="next", seen_on="1900-01-01")
    assert "か、それより後の日を書いてください" in page, "the first day itself is taken"


def test_the_browser_cannot_write_references_of_files(browser: FlaskClient, session: Session) -> None:
    step = begin(browser)
    forged = '{"id": "0", "name": "a", "media_type": "image/jpeg", "size": 1, "pages": null, "sha256": "0"}'
    people.post(browser, step, fields(DAMAGE) | {"f.photos": forged})
    draft = session.scalars(select(Application)).one().draft
    assert draft is not None
    assert draft.answers["photos"] is None


def filed(browser: FlaskClient, session: Session, name: str = "穴.jpg") -> Application:
    step = begin(browser)
    hand_in(browser, step, (jpeg(), name), action="next")
    path = step.rpartition("/steps/")[0]
    people.post(browser, f"{path}/steps/contact", fields(CONTACT))
    review = browser.get(f"{path}/review")
    assert name in review.get_data(as_text=True)
    answer = people.post(browser, f"{path}/review", {"sha256": sha_on(review)})
    assert answer.status_code == 303, answer.get_data(as_text=True)
    return session.scalars(select(Application).order_by(Application.id.desc()).limit(1)).one()


def test_a_filed_photo_is_a_download_for_its_owner_and_its_section_and_nothing_for_a_stranger(
    browser: FlaskClient, session: Session, client: FlaskClient, stranger: Account, run_jobs: Callable[[], None]
) -> None:
    case = filed(browser, session)
    (reference,) = case.filings[0].answers["photos"]
    url = f"/applications/{case.reference}/files/{reference['id']}"
    answer = browser.get(url)
    assert answer.status_code == 200
    assert answer.data.startswith(b"\xff\xd8")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert browser.get(url + "?small=1").headers["Content-Disposition"] == "inline"
    looks = session.scalars(select(AuditEntry.action).where(AuditEntry.subject_ref == case.reference)).all()
    assert {"attachment.read", "attachment.preview"} <= set(looks)

    run_jobs()
    session.expire_all()
    paper = next(d for d in case.documents if d.kind == "application")
    content = browser.get(f"/applications/{case.reference}/documents/{paper.id}").data
    with pikepdf.open(io.BytesIO(content)) as made:
        pictures = [i for page in made.pages for i in page.get_images()]
    assert pictures, "the photo is on the paper"

    people.sign_in(client, stranger)
    assert client.get(url).status_code == 404
    clerk = people.make_staff(Role.REVIEWER, "roads-rivers", email="roads@example.jp")
    people.sign_in(client, clerk)
    page = client.get(f"/staff/applications/{case.reference}").get_data(as_text=True)
    assert f"/staff/applications/{case.reference}/files/{reference['id']}" in page
    assert client.get(f"/staff/applications/{case.reference}/files/{reference['id']}").status_code == 200
    other = people.make_staff(Role.REVIEWER, "property-tax", email="tax@example.jp")
    people.sign_in(client, other)
    assert client.get(f"/staff/applications/{case.reference}/files/{reference['id']}").status_code == 404


def test_a_correction_asks_for_a_new_photo_and_the_reviewer_sees_both(
    browser: FlaskClient, session: Session, reviewer: Account
) -> None:
    case = filed(browser, session)
    number = str(case.reference)
    with unit_of_work() as other:
        casework.ask_correction(
            other, reference=number, requests=[("photos", "明るい写真をください。")], actor=Actor(reviewer.id, "staff"),
            revision=None, now=clock.now(),
        )  # fmt: skip
    url = f"/applications/{number}/correction"
    page = browser.get(url).get_data(as_text=True)
    assert f'action="{url}/files"' in page
    assert "multipart/form-data" in page
    wrong = people.post(
        browser, url + "/files", {"asked": "photos", "f.photos": (io.BytesIO(b"no picture"), "a.jpg"), "action": "send"}
    )
    assert wrong.status_code == 422
    good = people.post(
        browser, url + "/files", {"asked": "photos", "f.photos": (io.BytesIO(jpeg()), "明るい.jpg"), "action": "send"}
    )
    assert good.status_code == 303, good.get_data(as_text=True)
    rows = session.scalars(select(ApplicationAnswers).order_by(ApplicationAnswers.number)).all()
    assert [[f["name"] for f in row.answers["photos"]] for row in rows] == [["穴.jpg"], ["明るい.jpg"]]
    assert session.scalar(select(func.count()).select_from(Attachment)) == 2, "the old one is still there to compare"


def test_200_megabytes_are_refused_by_their_length_before_a_byte_is_read(browser: FlaskClient) -> None:
    step = begin(browser)
    read = []

    class Endless(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def readinto(self, buffer: object) -> int:
            read.append(len(buffer))  # type: ignore[arg-type]
            return len(buffer)  # type: ignore[arg-type]

    answer = browser.post(
        f"{step}/files",
        content_type="multipart/form-data; boundary=x",
        environ_overrides={"wsgi.input": Endless(), "CONTENT_LENGTH": str(200 * 1024 * 1024)},
    )
    assert answer.status_code == 413
    assert sum(read) < 1024 * 1024
    large = browser.post(
        step,
        content_type="application/x-www-form-urlencoded",
        environ_overrides={"wsgi.input": Endless(), "CONTENT_LENGTH": str(13 * 1024 * 1024)},
    )
    assert large.status_code == 413, "other pages take no more than before"


def test_a_file_over_the_fields_limit_is_told_and_not_kept(browser: FlaskClient, session: Session) -> None:
    step = begin(browser)
    body = (
        f'--x\r\nContent-Disposition: form-data; name="csrf_token"\r\n\r\n{people.csrf(browser)}\r\n'
        '--x\r\nContent-Disposition: form-data; name="asked"\r\n\r\nphotos\r\n'
        '--x\r\nContent-Disposition: form-data; name="f.photos"; filename="large.jpg"\r\n\r\n'
    ).encode() + (jpeg() + bytes(16 * 1024 * 1024) + b"\r\n--x--\r\n")
    answer = browser.post(f"{step}/files", data=body, content_type="multipart/form-data; boundary=x")
    assert answer.status_code == 422
    assert "15 MBまで" in answer.get_data(as_text=True)
    assert session.scalar(select(func.count()).select_from(Attachment)) == 0


class _Clamd(socketserver.StreamRequestHandler):
    """Speaks clamd's INSTREAM: whatever holds EICAR is infected."""

    def handle(self) -> None:
        assert self.rfile.read(10) == b"nINSTREAM\n"
        content = b""
        while size := int.from_bytes(self.rfile.read(4)):
            content += self.rfile.read(size)
        self.wfile.write(b"stream: Eicar-Test-Signature FOUND\n" if b"EICAR" in content else b"stream: OK\n")


@pytest.fixture
def clamd() -> Iterator[socketserver.TCPServer]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Clamd) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        scanner.configure(f"127.0.0.1:{server.server_address[1]}")
        yield server
        scanner.configure("")
        server.shutdown()
        thread.join()


def test_what_the_scanner_finds_is_refused(browser: FlaskClient, clamd: object, session: Session) -> None:
    step = begin(browser)
    assert "ウイルス" in hand_in(browser, step, (jpeg() + b"EICAR", "a.jpg"))
    assert hand_in(browser, step, (jpeg(), "b.jpg")).startswith(step)
    assert session.scalars(select(Attachment.name)).all() == ["b.jpg"]


def test_nothing_is_served_before_the_scanner_has_looked(
    browser: FlaskClient, session: Session, run_jobs: Callable[[], None], clamd: socketserver.TCPServer
) -> None:
    scanner.configure("127.0.0.1:9")
    step = begin(browser)
    hand_in(browser, step, (jpeg(), "a.jpg"))
    found = session.scalars(select(Attachment)).one()
    url = f"{step.rpartition('/steps/')[0]}/files/{found.id}"
    assert browser.get(url).status_code == 404
    scanner.configure(f"127.0.0.1:{clamd.server_address[1]}")
    session.rollback()
    run_jobs()
    assert browser.get(url).status_code == 200


def test_keys_are_changed_without_asking_anybody_and_disposal_leaves_nothing(
    browser: FlaskClient, session: Session, hanako: Account
) -> None:
    step = begin(browser)
    hand_in(browser, step, (jpeg(), "a.jpg"))
    old = "old:" + base64.b64encode(bytes(32)).decode()
    new = "new:" + base64.b64encode(bytes(range(32))).decode()
    try:
        sealed.configure(old, development="")
        hand_in(browser, step, (jpeg(), "b.jpg"))
        sealed.configure(f"{new},{old}", development="")
        # The first file was sealed with the development key, which is not among these.
        session.execute(text("delete from attachment where name = 'a.jpg'"))
        session.commit()
        command = commands.attachments(lambda: None)
        assert CliRunner().invoke(command, ["reseal"]).output == "2 parts sealed anew\n"
        assert CliRunner().invoke(command, ["reseal"]).output == "0 parts sealed anew\n"
        sealed.configure(new, development="")
        found = session.scalars(select(Attachment)).one()
        assert services.opened(session, found.id, "file").startswith(b"\xff\xd8")
        with unit_of_work() as other:
            assert services.dispose(other, [found.application_id]) == 1
        assert session.scalar(select(func.count()).select_from(AttachmentContent)) == 0
    finally:
        sealed.configure("", development="development only: not a secret")


def test_old_drafts_take_their_files_along(browser: FlaskClient, session: Session) -> None:
    step = begin(browser)
    hand_in(browser, step, (jpeg(), "a.jpg"))
    key = re.search(r"/apply/[^/]+/([^/]+)/", step)
    assert key
    with unit_of_work() as other:
        drafts.discard(other, key=key[1])
    assert session.scalar(select(func.count()).select_from(Attachment)) == 0


def test_a_clerk_puts_in_the_new_photo_that_somebody_brings_to_the_counter(
    browser: FlaskClient, session: Session, reviewer: Account
) -> None:
    number = str(filed(browser, session).reference)
    with unit_of_work() as other:
        casework.ask_correction(
            other, reference=number, requests=[("photos", "明るい写真をください。")], actor=Actor(reviewer.id, "staff"),
            revision=None, now=clock.now(),
        )  # fmt: skip
    people.sign_in(browser, people.make_staff(Role.COUNTER, email="typist@example.jp"))
    url = f"/staff/counter/cases/{number}/correction"

    def sent(**more: object) -> dict[str, object]:
        revision = re.search(r'name="revision"[^>]*value="(\d+)"', browser.get(url).get_data(as_text=True))
        assert revision is not None
        return {"asked": "photos", "authority": "self", "revision": revision[1], "action": "send", **more}

    wrong = people.post(
        browser, f"{url}/files", sent(**{"f.photos": (io.BytesIO(b"no picture"), "a.jpg"), "seen": "licence"})
    )
    assert wrong.status_code == 422
    unseen = people.post(browser, f"{url}/files", sent(**{"f.photos": (io.BytesIO(jpeg()), "明るい.jpg")}))
    assert (unseen.status_code, "明るい.jpg" in unseen.get_data(as_text=True)) == (422, True)
    picture = re.search(rf"/staff/counter/cases/{number}/files/[0-9a-f-]+", unseen.get_data(as_text=True))
    assert picture is not None
    assert browser.get(picture[0]).status_code == 200
    good = people.post(browser, f"{url}/files", sent(seen="licence"))
    assert good.status_code == 303, good.get_data(as_text=True)
    rows = session.scalars(select(ApplicationAnswers).order_by(ApplicationAnswers.number)).all()
    assert [[f["name"] for f in row.answers["photos"]] for row in rows] == [["穴.jpg"], ["明るい.jpg"]]
    assert browser.get(picture[0]).status_code == 404, "what is filed is the section's"
