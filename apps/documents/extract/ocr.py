"""Text of pages that are pictures, by Tesseract where it is installed."""

# pypdfium2 has no types.
# mypy: disable-error-code="no-untyped-call"
from __future__ import annotations

import ctypes
import os
import re
import shutil
import signal
import subprocess
from functools import cache

import pypdfium2

from apps.documents.extract.allowance import Allowance

_PROGRAM = "tesseract"
# Names of languages, joined by "+"; all that are installed, up to _MAX_LANGUAGES, if it is unset.
_LANGUAGES_VARIABLE = "KENWARD_OCR_LANGUAGES"
# Each one more costs the time of the first again.
_MAX_LANGUAGES = 4
_LANGUAGES = re.compile(r"[A-Za-z_]{2,30}(?:/[A-Za-z_]{2,30})?(?:\+[A-Za-z_]{2,30})*")
_NO_LANGUAGES = frozenset({"osd", "equ"})
_LIST_TIMEOUT_S = 10.0
_PAGE_TIMEOUT_S = 30.0
# What Tesseract's models were trained on; very large pages get less.
_DOTS_PER_INCH = 300
_POINTS_PER_INCH = 72
_MAX_DOTS = 12_000_000
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


class NotRecognised(Exception):
    """A page was not recognised: no time, no pages left, or Tesseract failed on it."""


@cache
def languages() -> str:
    """Return the languages to recognise, joined by `+`; empty where Tesseract is not installed."""
    if shutil.which(_PROGRAM) is None:
        return ""
    wanted = os.environ.get(_LANGUAGES_VARIABLE, "")
    if _LANGUAGES.fullmatch(wanted):
        return wanted
    try:
        listed = subprocess.run(  # noqa: S603  a fixed command
            [_PROGRAM, "--list-langs"], capture_output=True, timeout=_LIST_TIMEOUT_S, check=True
        )
    except (subprocess.SubprocessError, OSError):
        return ""
    names = listed.stdout.decode(errors="replace").split("\n")[1:]
    found = [name for name in names if _LANGUAGES.fullmatch(name) and name not in _NO_LANGUAGES]
    # English first: it knows the Latin letters that most scans are written in.
    return "+".join(sorted(found, key=lambda name: name != "eng")[:_MAX_LANGUAGES])


def page_text(page: pypdfium2.PdfPage, allowance: Allowance) -> str:
    """Return what stands on a page's picture, paragraphs apart by blank lines.

    Args:
        page: of a PDF.
        allowance: of which it takes a page and its seconds.

    Raises:
        NotRecognised: there is none left, or Tesseract failed.
    """
    if allowance.recognised_pages <= 0 or not allowance.seconds_left:
        raise NotRecognised
    allowance.recognised_pages -= 1
    command = [_PROGRAM, "stdin", "stdout", "-l", languages(), "--dpi", str(_DOTS_PER_INCH)]
    try:
        done = subprocess.run(  # noqa: S603  a fixed command; the picture is one that we drew
            command,
            input=_picture(page),
            capture_output=True,
            timeout=min(_PAGE_TIMEOUT_S, allowance.seconds_left),
            check=True,
            env={**os.environ, "OMP_THREAD_LIMIT": "1"},
            # Memory and processor time are limited as those of this process, which it ends with.
            preexec_fn=_die_with_parent,
        )
    except (subprocess.SubprocessError, OSError, pypdfium2.PdfiumError) as error:
        raise NotRecognised from error
    return done.stdout.decode(errors="replace").replace("\f", "").strip()


def _picture(page: pypdfium2.PdfPage) -> bytes:
    """Return the page in shades of grey, as PGM."""
    width, height = page.get_size()
    scale = _DOTS_PER_INCH / _POINTS_PER_INCH
    dots = width * height * scale * scale
    scale *= min(1.0, (_MAX_DOTS / dots) ** 0.5) if dots else 1.0
    bitmap = page.render(scale=scale, grayscale=True)
    rows = memoryview(bitmap.buffer).cast("B")
    lines = (
        rows[start : start + bitmap.width]
        for start in range(0, bitmap.stride * bitmap.height, bitmap.stride)
    )
    return b"P5 %d %d 255\n" % (bitmap.width, bitmap.height) + b"".join(lines)


def _die_with_parent() -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
