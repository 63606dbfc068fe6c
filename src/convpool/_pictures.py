"""Pictures in and out, by Pillow (the extra `images`)."""

import logging
import os
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._errors import UsageError

Pixels = NDArray[Any]

# Unheard, or Pillow's log of a damaged file would stand beside the one line that says so.
logging.getLogger("PIL").addHandler(logging.NullHandler())


def load(path: Path) -> Pixels:
    """Read a picture, upright as its file's orientation says.

    Its shape is (height, width) or (height, width, 3 or 4) and its type uint8, or uint16 where the
    file is grey with 16 bits.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        # What Pillow warns of either makes it fail, or does not concern the pixels.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path) as opened:
                picture = ImageOps.exif_transpose(opened)
        if picture.mode.startswith("I;16") or picture.mode == "I":
            levels: Pixels = np.clip(np.asarray(picture), 0, 65535).astype(np.uint16)
            return levels
        if picture.mode.endswith("A") or "transparency" in picture.info:
            picture = picture.convert("RGBA")
        elif picture.mode not in ("L", "RGB"):
            picture = picture.convert("L" if picture.mode == "1" else "RGB")
        return np.array(picture)
    except UnidentifiedImageError:
        raise UsageError(f"{path}: not a picture that Pillow can read") from None
    # RuntimeError is what the readers of AVIF and DDS raise.
    except (
        OSError,
        SyntaxError,
        ValueError,
        RuntimeError,
        Image.DecompressionBombError,
    ) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise UsageError(f"{path}: {reason}") from None


def check_writable(path: Path) -> None:
    """Raise before any work is done where `save` could only fail."""
    from PIL import Image

    Image.init()
    if path.suffix.lower() not in Image.EXTENSION:
        raise UsageError(f"{path}: no kind of picture ends in {path.suffix or 'nothing'!r}")
    if Image.EXTENSION[path.suffix.lower()] not in Image.SAVE:
        raise UsageError(f"{path}: Pillow cannot write {path.suffix} files")
    if path.is_dir():
        raise UsageError(f"{path}: is a folder")
    if not path.parent.is_dir():
        raise UsageError(f"{path}: there is no folder {path.parent}")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise UsageError(f"{path}: may not be written")


def save(path: Path, pixels: Pixels) -> None:
    """Write a picture whole or not at all: beside its place first, then moved there."""
    from PIL import Image

    kind = Image.EXTENSION[path.suffix.lower()]
    picture = Image.fromarray(pixels)
    place = path.resolve()  # a link stays one, what it names is replaced
    if kind == "JPEG" and picture.mode == "RGBA":
        picture = picture.convert("RGB")
    try:
        handle, beside = tempfile.mkstemp(dir=place.parent, suffix=path.suffix)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
    try:
        with os.fdopen(handle, "wb") as file:
            picture.save(file, format=kind)
        # mkstemp's file is for its owner alone; this one is like any other new file.
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(beside, 0o666 & ~mask)
        os.replace(beside, place)
    except BaseException as error:
        os.unlink(beside)
        if not isinstance(error, Exception) or isinstance(error, MemoryError):
            raise
        # What a picture does not fit a format by is an error of any type, plugin by plugin.
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise UsageError(f"{path}: {reason}") from None
