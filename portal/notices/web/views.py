"""`/staff/it/jobs`: what did not go through and what to do about it. `/dev/mail`: the mails of this development machine."""

from __future__ import annotations

from pathlib import Path

from flask import Blueprint, current_app, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.accounts.models import Role
from portal.kernel import audit, jobs
from portal.kernel.database import unit_of_work
from portal.kernel.errors import NotFound
from portal.notices import catcher, queries, services
from portal.web import access

bp = Blueprint("notices", __name__, url_prefix="/staff/it", template_folder="templates")
dev = Blueprint("mail_catcher", __name__, url_prefix="/dev/mail", template_folder="templates")


@bp.get("/jobs")
@access.staff(Role.IT_STRATEGY)
def overview() -> ResponseReturnValue:
    """Jobs that gave up, jobs left behind, mails that did not arrive."""
    with unit_of_work() as session:
        found = queries.overview(session)
    return render_template("notices/jobs.html", overview=found)


@bp.post("/jobs/<int:job_id>/retry")
@access.staff(Role.IT_STRATEGY)
def retry_job(job_id: int) -> ResponseReturnValue:
    """Put a failed job back into the queue."""
    with unit_of_work() as session:
        if not jobs.retry_failed(session, job_id):
            raise NotFound
        audit.record(
            session, actor=access.visitor().actor, action="job.retry", subject_kind="job", subject_ref=str(job_id)
        )
    flash(_("処理をもう一度始めます。少し待ってから、この画面を開きなおしてください。"), "success")
    return redirect(url_for("notices.overview"), 303)


@bp.post("/mails/<int:notice_id>/retry")
@access.staff(Role.IT_STRATEGY)
def retry_mail(notice_id: int) -> ResponseReturnValue:
    """Try a failed or bounced mail again."""
    with unit_of_work() as session:
        services.send_again(session, notice_id, actor=access.visitor().actor)
    flash(_("メールをもう一度送ります。少し待ってから、この画面を開きなおしてください。"), "success")
    return redirect(url_for("notices.overview"), 303)


def _folder() -> Path:
    return Path(current_app.extensions["portal"].data) / "mail"


@dev.get("")
@access.public
def inbox() -> ResponseReturnValue:
    """Every mail that the catcher took, newest first."""
    return render_template("notices/inbox.html", mails=catcher.mails(_folder()))


@dev.get("/<ident>")
@access.public
def mail(ident: str) -> ResponseReturnValue:
    """One caught mail."""
    found = catcher.mail(_folder(), ident)
    if found is None:
        raise NotFound
    return render_template("notices/mail.html", mail=found)
