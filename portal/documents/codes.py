"""Reads the QR and bar codes of a picture that a phone took (a slip, a permit). No database, nothing is kept."""

from __future__ import annotations

import io
from collections.abc import Sequence

import pillow_heif
import zxingcpp
from PIL import Image, ImageOps, UnidentifiedImageError

LARGEST = 10 * 1024 * 1024
"""Bytes of an uploaded picture."""
MOST_PIXELS = 60_000_000
WIDEST = 2400
"""Pixels of the longer side that the decoder looks at; phones take twice as many."""

pillow_heif.register_heif_opener()


class UnreadablePictureError(ValueError):
    """Not a picture, too large, or broken."""


def codes(content: bytes) -> Sequence[str]:
    """The texts of every code in the picture, QR codes first.

    Raises:
        UnreadablePictureError: it is no picture that can be read here.
    """
    if not content or len(content) > LARGEST:
        raise UnreadablePictureError
    try:
        with Image.open(io.BytesIO(content)) as opened:
            if opened.width * opened.height > MOST_PIXELS:
                raise UnreadablePictureError
            picture = ImageOps.exif_transpose(opened).convert("L")
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError) as error:
        raise UnreadablePictureError from error
    picture.thumbnail((WIDEST, WIDEST))
    found = zxingcpp.read_barcodes(picture)
    ordered = sorted(found, key=lambda code: code.format != zxingcpp.BarcodeFormat.QRCode)
    return [code.text for code in ordered if code.text]
