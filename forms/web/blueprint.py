"""The blueprint that the pages of forms hang on; `portal.app` registers it."""

from __future__ import annotations

from flask import Blueprint

bp = Blueprint("forms", __name__, template_folder="templates")
