"""Kernels that do something to a picture, ready for `convpool.filter2d`.

Each is a float64 array that `filter2d` lays over every pixel: products of neighbours, summed. The
sum of a kernel's numbers says what it does to the brightness: 1 keeps it, 0 leaves an even area
black.
"""

from collections.abc import Callable
from typing import Any, SupportsIndex

import numpy as np
from numpy.typing import NDArray

from ._arguments import integer, real

__all__ = [
    "BANK",
    "box_blur",
    "emboss",
    "gaussian",
    "get",
    "identity",
    "laplacian",
    "outline",
    "sharpen",
    "sobel_x",
    "sobel_y",
]

Kernel = NDArray[np.float64]


def identity(size: SupportsIndex = 3) -> Kernel:
    """Leave the picture as it is: a 1 at the centre of zeros.

    Parameters
    ----------
    size : int
        Height and width.

    Returns
    -------
    numpy.ndarray, (size, size), float64

    Raises
    ------
    TypeError, ValueError
        If `size` is no int from 1 on.

    Examples
    --------
    >>> from convpool import filters
    >>> filters.identity()
    array([[0., 0., 0.],
           [0., 1., 0.],
           [0., 0., 0.]])
    """
    number = integer("size", size, 1)
    kernel = np.zeros((number, number))
    kernel[number // 2, number // 2] = 1
    return kernel


def box_blur(size: SupportsIndex = 3) -> Kernel:
    """Blur the picture: each pixel becomes the mean of the square around it.

    All numbers are 1 / size**2.

    Parameters
    ----------
    size : int
        Height and width; the larger, the more blurred.

    Returns
    -------
    numpy.ndarray, (size, size), float64

    Raises
    ------
    TypeError, ValueError
        If `size` is no int from 1 on.

    Examples
    --------
    >>> from convpool import filters
    >>> filters.box_blur(2)
    array([[0.25, 0.25],
           [0.25, 0.25]])
    """
    number = integer("size", size, 1)
    return np.full((number, number), 1 / number**2)


def gaussian(sigma: float = 1.0, size: SupportsIndex | None = None) -> Kernel:
    r"""Blur the picture softly, without the corners that a box leaves.

    .. math:: k(i, j) \propto e^{-(i^2 + j^2) / (2 \sigma^2)}

    with i and j counted from the centre, and the sum 1.

    Parameters
    ----------
    sigma : float
        How far the blur reaches, in pixels.
    size : int, optional
        Height and width; if not given, 3 sigma to either side of the centre.

    Returns
    -------
    numpy.ndarray, (size, size), float64

    Raises
    ------
    TypeError, ValueError
        If `sigma` is no finite number above 0 or `size` no int from 1 on.

    Examples
    --------
    >>> from convpool import filters
    >>> filters.gaussian(sigma=2).shape
    (13, 13)
    >>> filters.gaussian(sigma=0.5, size=3).round(3)
    array([[0.011, 0.084, 0.011],
           [0.084, 0.619, 0.084],
           [0.011, 0.084, 0.011]])
    """
    width = real("sigma", sigma)
    # Above a million pixels the kernel itself would not fit any memory.
    if not 0 < width <= 1e6:
        raise ValueError(f"sigma: got {width:g}, expected a number above 0, at most 1e6")
    number = 2 * int(np.ceil(3 * width)) + 1 if size is None else integer("size", size, 1)
    distance = np.arange(number) - (number - 1) / 2
    # Relative to the nearest tap, so that a tiny sigma leaves a 1 there instead of 0 / 0.
    exponent = distance**2 - (distance**2).min()
    with np.errstate(over="ignore"):  # e to minus infinity is 0, as it should be
        line = np.exp(-exponent / 2 / width / width)
    line /= line.sum()
    return np.outer(line, line)


def sharpen() -> Kernel:
    """Sharpen the picture: add to each pixel what sets it apart from its four neighbours.

    Returns
    -------
    numpy.ndarray, (3, 3), float64

    Examples
    --------
    >>> from convpool import filters
    >>> filters.sharpen()
    array([[ 0., -1.,  0.],
           [-1.,  5., -1.],
           [ 0., -1.,  0.]])
    """
    return np.array([[0.0, -1, 0], [-1, 5, -1], [0, -1, 0]])


def emboss() -> Kernel:
    """Make the picture look raised, lit from the upper left: dark before edges, light behind.

    Returns
    -------
    numpy.ndarray, (3, 3), float64

    Examples
    --------
    >>> from convpool import filters
    >>> filters.emboss()
    array([[-2., -1.,  0.],
           [-1.,  1.,  1.],
           [ 0.,  1.,  2.]])
    """
    return np.array([[-2.0, -1, 0], [-1, 1, 1], [0, 1, 2]])


def outline() -> Kernel:
    """Keep only outlines: a pixel like its eight neighbours turns black.

    Returns
    -------
    numpy.ndarray, (3, 3), float64

    Examples
    --------
    >>> from convpool import filters
    >>> filters.outline()
    array([[-1., -1., -1.],
           [-1.,  8., -1.],
           [-1., -1., -1.]])
    """
    kernel = np.full((3, 3), -1.0)
    kernel[1, 1] = 8
    return kernel


def sobel_x() -> Kernel:
    """Find vertical edges: positive where the picture gets brighter to the right.

    The derivative along a row, smoothed across rows (Sobel and Feldman, 1968).

    Returns
    -------
    numpy.ndarray, (3, 3), float64

    Examples
    --------
    >>> from convpool import filters
    >>> filters.sobel_x()
    array([[-1.,  0.,  1.],
           [-2.,  0.,  2.],
           [-1.,  0.,  1.]])
    """
    return np.array([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]])


def sobel_y() -> Kernel:
    """Find horizontal edges: positive where the picture gets brighter downwards.

    Returns
    -------
    numpy.ndarray, (3, 3), float64

    Examples
    --------
    >>> from convpool import filters
    >>> filters.sobel_y()
    array([[-1., -2., -1.],
           [ 0.,  0.,  0.],
           [ 1.,  2.,  1.]])
    """
    return np.ascontiguousarray(sobel_x().T)


def laplacian() -> Kernel:
    """Find edges of any direction: the sum of the second derivatives along rows and columns.

    Returns
    -------
    numpy.ndarray, (3, 3), float64

    Examples
    --------
    >>> from convpool import filters
    >>> filters.laplacian()
    array([[ 0.,  1.,  0.],
           [ 1., -4.,  1.],
           [ 0.,  1.,  0.]])
    """
    return np.array([[0.0, 1, 0], [1, -4, 1], [0, 1, 0]])


BANK: dict[str, Callable[..., Kernel]] = {
    "identity": identity,
    "box_blur": box_blur,
    "gaussian": gaussian,
    "sharpen": sharpen,
    "emboss": emboss,
    "outline": outline,
    "sobel_x": sobel_x,
    "sobel_y": sobel_y,
    "laplacian": laplacian,
}


def get(name: str, **arguments: Any) -> Kernel:
    """Make the kernel of that name.

    Parameters
    ----------
    name : str
        A key of `BANK`.
    **arguments
        What its function takes: ``size``, ``sigma``.

    Returns
    -------
    numpy.ndarray, float64

    Raises
    ------
    ValueError
        If there is no such kernel; the message lists those there are.
    TypeError
        If the kernel takes no such argument.

    Examples
    --------
    >>> from convpool import filters
    >>> filters.get("box_blur", size=5).shape
    (5, 5)
    """
    if name not in BANK:
        raise ValueError(f"kernel: got {name!r}, expected one of {', '.join(BANK)}")
    return BANK[name](**arguments)
