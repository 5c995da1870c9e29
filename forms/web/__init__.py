"""The pages of forms: catalogue, apply, the resident's cases, the reviewers' queue."""

from __future__ import annotations
