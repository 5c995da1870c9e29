"""HTML templates to PDF, with WeasyPrint.

Templates use tables, never flexbox or grid (1 minute against 2 s for 3,500 characters in a peer's product).
Nothing is fetched: a template may refer to `data:` addresses and to files under `portal/static` only.
The first body font is IPAmj Mincho, which has the characters of the family and resident registers; then Noto CJK.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import structlog
from weasyprint import HTML
from weasyprint.urls import URLFetcher, URLFetcherResponse

from portal.documents import variants
from portal.kernel import texts

FILES = Path(__file__).resolve().parents[1] / "static"
_log = structlog.get_logger()


class ResourceRefusedError(RuntimeError):
    """A template asked for something outside the package. Its scheme is all that is kept of the address."""


@dataclass
class _Findings:
    """What happened while one document was made; counts, because the characters may be a person's name."""

    missing_glyphs: int = 0
    refused: list[str] = field(default_factory=list)


_current = threading.local()


def _count(record: logging.LogRecord) -> bool:
    """Count glyphs that no font has; let no message through, because WeasyPrint quotes the document's text."""
    findings: _Findings | None = getattr(_current, "findings", None)
    if findings is not None and ".notdef glyph" in str(record.msg):
        findings.missing_glyphs += 1
    return False


for _name in ("weasyprint", "weasyprint.progress"):
    logging.getLogger(_name).addFilter(_count)


class PackageFiles(URLFetcher):  # type: ignore[misc]  # WeasyPrint has no type information
    """Reads `data:` and files of this package; refuses everything else, the network first of all."""

    def __init__(self, findings: _Findings) -> None:
        super().__init__(allowed_protocols=("data", "file"), allow_redirects=False)
        self._findings = findings

    def fetch(self, url: str, headers: dict[str, str] | None = None) -> URLFetcherResponse:
        """The resource at `url`.

        Raises:
            ValueError: it is neither `data:` nor a file under `portal/static`.
        """
        parts = urlsplit(url)
        inside = parts.scheme == "file" and Path(unquote(parts.path)).resolve().is_relative_to(FILES)
        if not inside and parts.scheme != "data":
            self._findings.refused.append(parts.scheme)
            raise ValueError(f"address not allowed: {parts.scheme}")
        return super().fetch(url, headers)


@contextmanager
def _watched() -> Iterator[_Findings]:
    _current.findings = findings = _Findings()
    try:
        yield findings
    finally:
        _current.findings = None


def from_html(html: str) -> tuple[bytes, int]:
    """One PDF (tagged, PDF/UA-1) from a whole HTML document, and how many glyphs no installed font has.

    Raises:
        ResourceRefusedError: the document refers to something outside the package.
    """
    with _watched() as findings:
        document = HTML(string=html, base_url=FILES.as_uri() + "/", url_fetcher=PackageFiles(findings))
        if variants.SEQUENCE.search(html):
            variants.mark(document.etree_element)
        content: bytes = document.write_pdf(pdf_variant="pdf/ua-1")
    if findings.refused:
        raise ResourceRefusedError(findings.refused[0])
    return content, findings.missing_glyphs


def render(template: str, locale: str, **context: Any) -> bytes:
    """A PDF from a template such as "forms/pdf/receipt.html", usually one that extends "portal/pdf/base.html".

    Context of the base template: `title` (str, asked for), `number` (document number), `city_name`, `issued_on` (text),
    `sample` (bool: 見本 on every page). It takes about 0.3 s a page: call it from a job or outside a transaction.

    Raises:
        ResourceRefusedError: the template refers to something outside the package.
    """
    content, missing = from_html(texts.render(template, locale, **context))
    if missing:
        _log.warning("pdf_missing_glyphs", template=template, count=missing)
    return content
