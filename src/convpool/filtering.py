"""`filter2d`: one kernel laid over every channel of an image, and the arithmetic it is summed in.

Images of real numbers are summed in their own type. Images of integers come out as if each sum
were formed in float64, tap by tap, and rounded half to even; that takes float64 only where nothing
cheaper is sure to round the same way:

- where all taps are multiples of a power of two, and so coarse that every partial sum has at most
  24 digits, sums in float32 are exact;
- otherwise float32, two passes of a separable kernel, the products of a folded one, and, of bytes,
  sums of integers with taps of 16 bits err by at most a bound that follows from the kernel alone.
  The driver forms those sums again that lie within it of half between two integers, which is rare;
  of bytes in integers with more digits first, which leave next to none for float64.

A kernel is separable if a column times a row gives every tap to within its rounding. Tall ones that
are not are folded: filter_fold.inc.h says how.
"""

import itertools
import math
from typing import Any, NamedTuple, SupportsIndex

import numpy as np
from numpy.typing import ArrayLike

from . import _filter
from ._arguments import (
    DTYPES,
    Array,
    arrays_of,
    border_code,
    output_array,
    readable,
    real,
    truth,
)
from ._threads import asked_threads

_DIGITS = {np.dtype(np.float32): 24, np.dtype(np.float64): 53}
# Digits between taps of 16 bits and what makes up for their rounding, as in the driver.
_FINE = 12
# As the driver numbers the types of sums.
_ARITHMETIC = {np.dtype(np.float32): 0, np.dtype(np.float64): 1, np.dtype(np.int32): 2}

# Two passes take their own time for lines between them: in multiply-adds a pixel.
_PASS = 10
# A level of folding likewise.
_FOLD = 40
# Lines of pairs of integers, and the doubts that few digits leave whatever the kernel's size.
_PAIRS = 20
# What one sum costs that has to be formed again, in multiply-adds of float32 a tap.
_AGAIN = 32
# What a multiply-add in float64 costs in those.
_WIDE = 2


class _WholeTaps(NamedTuple):
    """Taps of 16 bits, times 2^shift: `taps[0]`, and with more digits taps[0] + taps[1] / 2^_FINE.

    Sums over bytes less 128 want `offset` added, which holds a half so that they can be rounded
    down, and are off by less than `doubt`; those with more digits likewise.
    """

    taps: Array
    shift: int
    offset: int
    doubt: float
    fine_offset: int
    fine_doubt: float
    fine: Array | None = None

    def beside(self, channels: int) -> "_WholeTaps":
        """Set `fine`, as they meet an image of so many channels.

        Not for many taps, whose sums could overflow, nor for so many channels that most of what
        they met were others.
        """
        if self.taps[0].size >= 2**13 or channels > 4:
            return self
        columns = self.taps.shape[2]
        pitch = -(-((columns - 1) * channels + 1) // 16) * 16
        fine = np.zeros((*self.taps.shape[:2], pitch), np.int16)
        fine[..., : columns * channels : channels] = self.taps
        return self._replace(fine=fine)


class _Sums(NamedTuple):
    """How sums are formed: with `weight`, after `along`, if any, along each row.

    `weight` holds (products, rows, columns) of taps in the type of sums, which are off by less than
    `doubt`; that is negative where they are exact or need not be. Integers are pairs of taps of 16
    bits.
    """

    weight: Array
    along: Array | None
    doubt: float

    @property
    def levels(self) -> int:
        """Levels of folding; each makes three products of one."""
        return {1: 0, 3: 1, 9: 2}[len(self.weight)]

    def cost(self, taps: int) -> float:
        each = self.weight.size / 2**self.levels + _FOLD * self.levels
        each += _PAIRS if self.weight.dtype == np.int32 else 0
        each += 0 if self.along is None else self.along.size + _PASS
        wide = self.weight.dtype == np.float64
        return float(each * (_WIDE if wide else 1) + 2 * max(self.doubt, 0.0) * taps * _AGAIN)


def _factors(taps: Array, tolerance: float) -> tuple[Array, Array] | None:
    """Find a column and a row whose products are the taps to within a relative error.

    Taps of the row add up to at most 1, so that sums along it overflow no sooner than the image.
    """
    magnitude = np.abs(taps)
    peak = np.unravel_index(int(np.argmax(magnitude)), taps.shape)
    line = magnitude[peak[0]]
    if not 0 < line[peak[1]] < np.inf:
        return None
    # Dividing by the smallest tap keeps small integers whole, and powers of two are exact.
    least = int(np.argmin(np.where(line > 0, line, np.inf)))
    row = taps[peak[0]] / taps[peak[0], least]
    row = np.ldexp(row, -int(np.frexp(np.abs(row).sum())[1]))
    column = taps[:, least] / row[least]
    if not (np.abs(np.outer(column, row) - taps) <= tolerance * magnitude).all():
        return None
    return column, row


def _whole(taps: Array) -> float:
    """Return 2^s for the coarsest 2^-s that divides all taps, or 0 where that is below 2^-24."""
    scaled = np.ldexp(taps, 24)
    if not (np.abs(scaled) < 2.0**53).all() or (scaled != np.rint(scaled)).any():
        return 0.0
    digits = int(np.bitwise_or.reduce(scaled.astype(np.int64), axis=None))
    return 2.0**24 / ((digits & -digits) or 1)


def _dense_sums(taps: Array, largest: float, dtype: Any) -> _Sums:
    """Sum all taps in one chain."""
    weight = taps.astype(dtype)
    if weight.dtype == np.float64:
        return _Sums(weight[None], None, -1.0)  # by definition
    unit = _whole(taps)
    if unit and np.abs(taps).sum() * largest * unit <= 2.0**24:
        return _Sums(weight[None], None, -1.0)
    # Each addition rounds what the taps so far can have come to, each product its own.
    rounded = np.abs(weight.astype(np.float64))
    partial = np.cumsum(rounded).sum() + 2 * rounded.sum()
    error = np.abs(weight - taps).sum() + 2.0**-24 * 1.01 * partial
    return _Sums(weight[None], None, float(error * largest) + 2.0**-24)


def _whole_taps(taps: Array) -> _WholeTaps | None:
    """Round taps to 16 bits, for sums of 32 bits over bytes less 128; None: they cannot be."""
    total, largest = float(np.abs(taps).sum()), float(np.abs(taps).max())
    if not 2.0**-64 < largest < 2.0**16:
        return None
    # A sum, the 128 and a half stay below 2^31, and so does 255 with the half.
    room = (2.0**31 - 64 * taps.size - 4) / (256 * max(total, 1.0) + 1)
    shift = math.floor(math.log2(max(min(32767 / largest, room), 1.0)))
    if shift < 1:
        return None
    unit = 2.0**shift
    whole = np.rint(taps * unit)
    offset = 128 * taps.sum()
    # What the sum of the definition is off, and rounding `offset`.
    beside = 2.0**-50 * taps.size * 256 * total
    doubt = float(np.abs(whole / unit - taps).sum() * 128) + beside
    more = np.rint(np.ldexp(taps * unit - whole, _FINE))
    error = np.abs(np.ldexp(more, -_FINE) + whole - taps * unit).sum() / unit * 128
    return _WholeTaps(
        np.stack([whole, more]).astype(np.int16),
        shift,
        round(offset * unit + unit / 2),
        doubt + 1 / unit,
        round((offset + 0.5) * unit * 2.0**_FINE),
        float(error) + beside,
    )


def _paired_sums(whole: _WholeTaps) -> _Sums:
    """Sum pairs of taps in integers."""
    rows, columns = whole.taps.shape[1:]
    pairs = np.zeros((rows, (columns + 1) // 2 * 2), np.int32)
    pairs[:, :columns] = whole.taps[0]
    weight = pairs[:, ::2] & 0xFFFF | pairs[:, 1::2] << 16
    return _Sums(weight[None], None, whole.doubt)


def _folded(taps: Array, levels: int) -> Array:
    """Return the taps of each product of a kernel folded so often: (products, rows, columns)."""
    rows = -(-len(taps) // 2**levels) * 2**levels
    folded = np.zeros((1, rows, taps.shape[1]))
    folded[0, : len(taps)] = taps
    for _ in range(levels):
        even, odd = folded[:, ::2], folded[:, 1::2]
        folded = np.stack([even, even + odd, odd], 1).reshape(-1, *even.shape[1:])
    return folded


def _folded_sums(taps: Array, levels: int, largest: float, dtype: Any) -> _Sums:
    """Sum the products of a folded kernel, and then those."""
    folded = _folded(taps, levels)
    weight = folded.astype(dtype)
    unit = 2.0 ** -_DIGITS[weight.dtype]
    rounded = weight.astype(np.float64)
    magnitude = np.abs(rounded).sum((1, 2))
    partial = np.cumsum(np.abs(rounded).reshape(len(folded), -1), axis=1).sum(1)
    error = np.abs(folded - rounded).sum((1, 2))
    error += unit * 1.01 * (partial + (2 + 2 * levels) * magnitude)
    # Differences of lines reach as far as one pixel; those of such differences twice as far.
    error = error.reshape((3,) * levels)
    for axes in itertools.combinations(range(levels), 2):
        error[np.ix_(*[(0, 2) if axis in axes else (0, 1, 2) for axis in range(levels)])] *= 2
    # Every output is made of two neighbouring products a level.
    for axis in range(levels):
        first, last = np.delete(error, 2, axis), np.delete(error, 0, axis)
        error = first + last
    return _Sums(weight, None, float(error.max() * largest) + unit)


def _separable_sums(taps: Array, factors: tuple[Array, Array], largest: float, dtype: Any) -> _Sums:
    """Sum a row of taps along each line, then a column of them."""
    column, row = (factor.astype(dtype) for factor in factors)
    digits = _DIGITS[column.dtype]
    products = np.outer(column.astype(np.float64), row.astype(np.float64))
    total = np.abs(products).sum()
    units = _whole(factors[0]) * _whole(factors[1])
    if units and (products == taps).all() and (
        max(total * units, np.abs(factors[1]).sum() * _whole(factors[1])) * largest <= 2.0**digits
    ):  # fmt: skip
        return _Sums(column[None, :, None], row, -1.0)
    terms = sum(taps.shape) + 4
    error = np.abs(products - taps).sum() + 2.0**-digits * 1.01 * terms * total
    return _Sums(column[None, :, None], row, float(error * largest) + 2.0**-digits)


def _sums(
    taps: Array,
    whole: _WholeTaps | None,
    dtype: np.dtype[Any],
    border: int,
    border_value: float,
) -> _Sums:
    """Find the cheapest sums that serve an image of this type."""
    inner = taps.shape[0] * taps.shape[1] > 2 * sum(taps.shape)
    if dtype.kind == "f":
        weight = taps.astype(dtype)
        # The bound holds: passes save more roundings than factors are off.
        factors = _factors(taps, 2.0**-24 if dtype == np.float32 else 2.0**-51) if inner else None
        if factors is not None:
            column, row = (factor.astype(dtype) for factor in factors)
            error = np.abs(np.outer(column.astype(np.float64), row.astype(np.float64)) - taps)
            allowed = 4 * 2.0 ** -_DIGITS[dtype] * np.abs(taps) + np.finfo(dtype).smallest_subnormal
            if (error <= allowed).all():
                return _Sums(column[None, :, None], row, -1.0)
        ways = [_Sums(weight[None], None, -1.0)]
        if np.isfinite(np.abs(taps).sum()):
            ways += [_Sums(_folded(taps, n).astype(dtype), None, -1.0) for n in (1, 2)]
        return min(ways, key=lambda way: way.cost(0))
    largest = float(np.iinfo(dtype).max)
    known = border != 0 or (0 <= border_value <= largest and border_value == int(border_value))
    definition = _dense_sums(taps, largest, np.float64)
    if not known or not np.isfinite(np.abs(taps).sum()):
        return definition
    factors = _factors(taps, 2.0**-50) if inner else None
    ways = [definition, _dense_sums(taps, largest, np.float32)]
    if factors is not None:
        ways += [_separable_sums(taps, factors, largest, t) for t in (np.float32, np.float64)]
    ways += [_folded_sums(taps, n, largest, t) for n in (1, 2) for t in (np.float32, np.float64)]
    # Multiples of 2^-n are often halves, which integers leave in doubt.
    if whole is not None and not 0 < _whole(taps) <= 2.0**12:
        ways.append(_paired_sums(whole))
    ways = [way for way in ways if way.doubt < 0.5]
    return min(ways, key=lambda way: way.cost(taps.size))


def centre(shape: tuple[int, ...], flip: bool) -> tuple[int, int]:
    """Rows and columns of a kernel before the tap that lies on the output's own pixel."""
    rows, columns = ((n - 1) - n // 2 if flip else n // 2 for n in shape)
    return rows, columns


def filter2d(
    image: ArrayLike,
    kernel: ArrayLike,
    *,
    padding_mode: str = "reflect",
    padding_value: float = 0,
    flip: bool = False,
    out: Array | None = None,
    num_threads: SupportsIndex | None = None,
) -> Array:
    r"""Filter an image with one kernel, every channel alike; the size stays.

    .. math:: out(i, j) = \sum_{u, v} k(u, v)\, image(i + u - \lfloor h / 2 \rfloor,
              j + v - \lfloor w / 2 \rfloor)

    for a kernel of h x w: what `scipy.ndimage.correlate` computes, and with `flip`
    `scipy.ndimage.convolve`.

    Parameters
    ----------
    image : array_like, (height, width) or (height, width, channels)
        uint8, uint16, float32 or float64.
    kernel : array_like, (h, w)
        Any real type and size, odd or even.
    padding_mode : {"reflect", "constant", "zeros", "replicate", "circular"}
        What lies beyond the edge, however far: the image mirrored without its edge,
        `padding_value`, 0, the edge, the other side.
    padding_value : float
        For padding_mode "constant".
    flip : bool
        Mirror the kernel, and for even sizes its centre with it: convolution in the sense of
        mathematics.
    out : numpy.ndarray, optional
        Where to write the result: image's shape and type, any strides. It may overlap the image.
    num_threads : int, optional
        For this call; otherwise as `convpool.set_num_threads` or the environment say.

    Returns
    -------
    numpy.ndarray
        Of image's shape and type.

    Raises
    ------
    TypeError, ValueError
        If a type, shape or value is not as above. Nothing has been written to `out` then.

    Notes
    -----
    Of uint8 and uint16 results are exactly what sums in float64 give, tap by tap and row by row,
    rounded half to even and saturated: cheaper sums serve wherever they must round the same way.

    Of float32 and float64 sums are formed in that type. Small kernels are summed tap by tap,
    separable ones in two passes; with u its unit roundoff, 2^-24 or 2^-53, results are off by at
    most (h w + 1) u times the sum of abs(kernel) abs(image). Kernels of about 15 rows and more are
    summed in fewer products, which hold differences of neighbouring rows: the bound is then
    3 (h w + h + w) u times the sum of abs(kernel) times the largest abs(image) there, and what is
    not finite reaches outputs up to three rows further. Results have the same bits for any number
    of threads.

    Examples
    --------
    A kernel of nine times 1/9 blurs:

    >>> import numpy as np, convpool
    >>> dot = np.zeros((5, 5), np.uint8)
    >>> dot[2, 2] = 90
    >>> convpool.filter2d(dot, np.full((3, 3), 1 / 9))
    array([[ 0,  0,  0,  0,  0],
           [ 0, 10, 10, 10,  0],
           [ 0, 10, 10, 10,  0],
           [ 0, 10, 10, 10,  0],
           [ 0,  0,  0,  0,  0]], dtype=uint8)
    """
    border, border_value = border_code(padding_mode, real("padding_value", padding_value))
    flip = truth("flip", flip)
    num_threads = asked_threads(num_threads)
    picture, taps = arrays_of(image=image, kernel=kernel)
    if picture.dtype.char not in "BHfd":
        raise TypeError(
            f"image: got dtype {picture.dtype}, expected uint8, uint16, float32 or float64; "
            "convert it, e.g. image.astype(numpy.float32)"
        )
    if picture.ndim not in (2, 3) or 0 in picture.shape:
        raise ValueError(
            f"image: got shape {picture.shape}, expected (height, width) or "
            "(height, width, channels), at least 1 each"
        )
    picture = readable(picture)
    if taps.dtype.kind not in "biuf":
        raise TypeError(f"kernel: got dtype {taps.dtype}, expected real numbers")
    if taps.ndim != 2 or 0 in taps.shape:
        raise ValueError(f"kernel: got shape {taps.shape}, expected (height, width), at least 1")
    taps = taps.astype(np.float64)
    if flip:
        taps = taps[::-1, ::-1]
    taps = np.ascontiguousarray(taps)
    before = centre(taps.shape, flip)
    with np.errstate(all="ignore"):
        whole = _whole_taps(taps) if picture.dtype == np.uint8 else None
        sums = _sums(taps, whole, picture.dtype, border, border_value)
    if whole is not None and picture.strides[1:] in [(1,), (picture.shape[-1], 1)]:
        whole = whole.beside(1 if picture.ndim == 2 else picture.shape[2])
    result, copy = output_array(out, picture.shape, picture.dtype, (picture,))
    _filter.filter_image(
        np.atleast_3d(picture),
        np.atleast_3d(result),
        dtype=DTYPES[picture.dtype.char],
        arithmetic=_ARITHMETIC[sums.weight.dtype],
        taps=taps,
        weight=np.ascontiguousarray(sums.weight),
        along=sums.along,
        before=before,
        border=border,
        border_value=border_value,
        doubt=sums.doubt,
        levels=sums.levels,
        whole=whole,
        num_threads=num_threads,
    )
    if out is None:
        return result
    if copy:
        out[...] = result
    return out
