"""Catalogues: Japanese is the source language, English comes from `<package>/translations`.

Run as a module it keeps them: `python -m portal.kernel.i18n compile|update|missing`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from babel.support import NullTranslations, Translations

LOCALES = ("ja", "en")
PACKAGES = ("portal", "forms", "reservations", "payments")
ROOT = Path(__file__).resolve().parents[2]
_METHODS = [("**.py", "python"), ("**/templates/**.*", "jinja2"), ("**/texts/**.*", "jinja2")]
_KEYWORDS = {"_": None, "gettext": None, "lazy_gettext": None, "ngettext": (1, 2), "_l": None}


def folders() -> list[Path]:
    """The catalogue folder of each package."""
    return [ROOT / package / "translations" for package in PACKAGES]


@cache
def translations(locale: str) -> NullTranslations:
    """All packages' catalogues for one locale, merged; the source texts where there is none."""
    merged: Translations | None = None
    for folder in folders():
        if not (folder / locale / "LC_MESSAGES" / "messages.mo").exists():
            continue
        loaded = Translations.load(str(folder), [locale])
        if not isinstance(loaded, Translations):
            continue
        merged = loaded if merged is None else merged.merge(loaded)
    return merged or NullTranslations()


def gettext_for(locale: str) -> Callable[[str], str]:
    """The `gettext` of one locale, for texts made outside a request (mails, PDFs)."""
    return translations(locale).ugettext


def _catalogue_file(package: str) -> Path:
    return ROOT / package / "translations" / "en" / "LC_MESSAGES" / "messages.po"


def extract(package: str) -> Catalog:
    """Every text for people in one package's Python files and templates."""
    catalogue = Catalog(locale="en", project=package, charset="utf-8")
    found = extract_from_dir(str(ROOT / package), method_map=_METHODS, keywords=_KEYWORDS, comment_tags=())
    for filename, _line, message, comments, context in found:
        catalogue.add(message, None, [(f"{package}/{filename}", 0)], auto_comments=comments, context=context)
    return catalogue


def stored(package: str) -> Catalog:
    """The English catalogue as committed; empty where there is none."""
    file = _catalogue_file(package)
    if not file.exists():
        return Catalog(locale="en", project=package)
    with file.open("rb") as stream:
        return read_po(stream, locale="en")


def missing() -> list[tuple[str, str]]:
    """(package, text) for every text that has no English translation."""
    gaps: list[tuple[str, str]] = []
    for package in PACKAGES:
        have = stored(package)
        for message in extract(package):
            if not message.id:
                continue
            known = have.get(message.id)
            if known is None or not known.string or known.fuzzy:
                text = message.id if isinstance(message.id, str) else message.id[0]
                gaps.append((package, text))
    return gaps


def update() -> None:
    """Add new texts to the catalogues, drop the ones no longer used, keep the translations."""
    for package in PACKAGES:
        catalogue = stored(package)
        catalogue.update(extract(package), no_fuzzy_matching=True, update_creation_date=False)
        catalogue.obsolete.clear()
        file = _catalogue_file(package)
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("wb") as stream:
            write_po(stream, catalogue, width=120, sort_output=True, no_location=True, omit_header=False)
    compile_all()


def compile_all() -> None:
    """Write the .mo file beside each .po file."""
    for package in PACKAGES:
        file = _catalogue_file(package)
        if file.exists():
            with file.with_suffix(".mo").open("wb") as stream:
                write_mo(stream, stored(package))
    translations.cache_clear()


def _main(command: str) -> int:
    if command == "compile":
        compile_all()
    elif command == "update":
        update()
    elif command == "missing":
        gaps = missing()
        sys.stdout.writelines(f"{package}\t{text}\n" for package, text in gaps)
        return 1 if gaps else 0
    else:
        sys.stderr.write("usage: python -m portal.kernel.i18n compile|update|missing\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1] if len(sys.argv) > 1 else ""))
