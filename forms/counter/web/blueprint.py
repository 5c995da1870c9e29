"""The blueprint that the counter's pages hang on."""

from __future__ import annotations

from flask import Blueprint

bp = Blueprint("counter", __name__, url_prefix="/staff/counter", template_folder="templates")
