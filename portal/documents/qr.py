"""QR codes (ISO/IEC 18004), by segno."""

from __future__ import annotations

import io

import segno


def svg(text: str, *, scale: int = 4, title: str | None = None) -> str:
    """An SVG element for an HTML page: no script, no inline style, the title read out by screen readers.

    Args:
        text: what the code holds, at most some 2,000 characters of UTF-8.
        scale: points a module.
        title: words for those who do not see the picture.
    """
    stream = io.BytesIO()
    segno.make_qr(text, error="m").save(
        stream, kind="svg", scale=scale, border=4, xmldecl=False, svgns=True, nl=False, title=title, omitsize=False
    )
    return stream.getvalue().decode()


def data_uri(text: str, *, scale: int = 4) -> str:
    """A `data:image/svg+xml` address for an `<img>`, in pages and in PDFs."""
    uri: str = segno.make_qr(text, error="m").svg_data_uri(scale=scale, border=4)
    return uri
