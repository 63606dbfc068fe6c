"""Transposed convolution as functions: documented, and handed to `_transposed`."""

from typing import Literal, SupportsIndex

from numpy.typing import ArrayLike

from ._arguments import Array, IntPerAxis, Padding
from ._transposed import conv_transpose


def conv_transpose1d(
    x: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    *,
    stride: IntPerAxis = 1,
    padding: Padding = 0,
    output_padding: IntPerAxis = 0,
    output_size: IntPerAxis | None = None,
    dilation: IntPerAxis = 1,
    groups: SupportsIndex = 1,
    layout: Literal["NCW", "NWC"] = "NCW",
    out: Array | None = None,
    num_threads: SupportsIndex | None = None,
) -> Array:
    """Spread signals by kernels: transposed convolution, the gradient of `conv1d`.

    `conv_transpose2d` with one spatial axis; its page describes every parameter.

    Parameters
    ----------
    x : array_like, (batch, in_channels, width)
        Or (batch, width, in_channels) with layout "NWC"; the batch axis may be missing.
    weight : array_like, (in_channels, out_channels // groups, kernel)
        The kernels.
    bias, stride, padding, output_padding, output_size, dilation, groups
        As in `conv_transpose2d`.
    layout, out, num_threads
        As in `conv_transpose2d`.

    Returns
    -------
    numpy.ndarray, (batch, out_channels, out_width)
        In x's layout and type.

    Raises
    ------
    TypeError, ValueError
        As in `conv_transpose2d`.

    Examples
    --------
    >>> import numpy as np, convpool
    >>> x, kernel = np.float32([[[1, 2, 3]]]), np.float32([[[1, 10]]])
    >>> convpool.conv_transpose1d(x, kernel)
    array([[[ 1., 12., 23., 30.]]], dtype=float32)
    >>> convpool.conv_transpose1d(x, kernel, stride=3, output_padding=1)
    array([[[ 1., 10.,  0.,  2., 20.,  0.,  3., 30.,  0.]]], dtype=float32)
    """
    return conv_transpose(
        1, x, weight, bias, stride, padding, output_padding, output_size, dilation, groups, layout,
        out, num_threads,
    )  # fmt: skip


def conv_transpose2d(
    x: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    *,
    stride: IntPerAxis = 1,
    padding: Padding = 0,
    output_padding: IntPerAxis = 0,
    output_size: IntPerAxis | None = None,
    dilation: IntPerAxis = 1,
    groups: SupportsIndex = 1,
    layout: Literal["NCHW", "NHWC"] = "NCHW",
    out: Array | None = None,
    num_threads: SupportsIndex | None = None,
) -> Array:
    r"""Spread images by kernels: transposed convolution, the gradient of `conv2d`.

    Also known as deconvolution or fractionally strided convolution. Each input pixel adds the
    kernel, times its value, to the output:

    .. math::

        out(n, o, i s_0 + u d_0 - p_0, j s_1 + v d_1 - p_1) \mathrel{+}=
        \sum_c w(c, o, u, v)\, x(n, c, i, j)

    over all pixels (i, j) and taps (u, v), from b(o) on, with stride s, dilation d, padding p and
    bias b; c runs over the channels of o's group, and what falls outside the output is dropped.

    Parameters
    ----------
    x : array_like, (batch, in_channels, height, width)
        Or (batch, height, width, in_channels) with layout "NHWC". The batch axis may be missing,
        and the answer then has none either. float32, float64 or float16, any strides.
    weight : array_like, (in_channels, out_channels // groups, kernel_height, kernel_width)
        The kernels, in that order whatever the layout, of x's type: the weight of the `conv2d`
        that this one transposes.
    bias : array_like, (out_channels,), optional
        Added to each output channel; of x's type.
    stride : int or one int an axis
        Output pixels from one input pixel to the next.
    padding : int, one int an axis or one (before, after) pair an axis
        Pixels cut from the edges of the output: what the transposed `conv2d` pads.
    output_padding : int or one int an axis
        Pixels added after the cut output, less than the stride or the dilation. Kernels reach
        them if the cut dropped something there.
    output_size : int or one int an axis, optional
        The result's height and width instead of `output_padding`: one of the sizes that a
        convolution with this stride takes to x's. A shape with as many axes as x serves too, of
        which the spatial ones count.
    dilation : int or one int an axis
        Pixels from one tap of the kernel to the next.
    groups : int
        Channels are split into so many groups, each of which goes from its share of the input to
        its share of the output.
    layout : {"NCHW", "NHWC"}
        The order of axes of `x` and the result.
    out : numpy.ndarray, optional
        Where to write the result: its shape and type, any strides. It may overlap the inputs.
    num_threads : int, optional
        For this call; otherwise as `convpool.set_num_threads` or the environment say.

    Returns
    -------
    numpy.ndarray, (batch, out_channels, out_height, out_width)
        In x's layout and type, where out_height = (height - 1) * stride
        + dilation * (kernel_height - 1) + 1 - before - after + output_padding.

    Raises
    ------
    TypeError
        If a type is not one of those above: integers and booleans have to be converted.
    ValueError
        If a shape or value does not fit the others. Nothing has been written to `out` then.
    MemoryError
        If the result or the packed weight does not fit. With a stride, part of `out` may have been
        written.

    Notes
    -----
    Every stride-th output pixel, along each axis, is a convolution of x with stride 1 and every
    (stride / g)-th tap, where g is the greatest common divisor of stride and dilation. No zeros
    are inserted, and results are the same to the last bit for any number of threads, and for
    whatever batch an image comes in. Errors are bounded as those of `conv2d` are, Winograd's
    algorithm included, with K = in_channels // groups times ceil(kernel * g / stride) for each
    axis.

    ONNX's ConvTranspose may give ``output_shape``, or ``auto_pad``, which stands for an output
    shape of size * stride. Of total = (size - 1) * stride + output_padding + dilation * (kernel -
    1) + 1 - output_shape pixels an axis total // 2 are then cut before with SAME_UPPER, after
    otherwise, and the rest at the other end; a negative total is -total more of `output_padding`.

    Examples
    --------
    Twice the size, each pixel a square of 2x2:

    >>> import numpy as np, convpool
    >>> x = np.float32([[[[1, 2], [3, 4]]]])
    >>> convpool.conv_transpose2d(x, np.ones((1, 1, 2, 2), np.float32), stride=2)[0, 0]
    array([[1., 1., 2., 2.],
           [1., 1., 2., 2.],
           [3., 3., 4., 4.],
           [3., 3., 4., 4.]], dtype=float32)

    Back to the size that a convolution came from, which a stride of 2 leaves open:

    >>> image, kernels = np.ones((1, 3, 8, 8), np.float32), np.ones((4, 3, 3, 3), np.float32)
    >>> maps = convpool.conv2d(image, kernels, stride=2, padding=1)
    >>> maps.shape
    (1, 4, 4, 4)
    >>> convpool.conv_transpose2d(maps, kernels, stride=2, padding=1).shape
    (1, 3, 7, 7)
    >>> convpool.conv_transpose2d(
    ...     maps, kernels, stride=2, padding=1, output_size=image.shape
    ... ).shape
    (1, 3, 8, 8)
    """
    return conv_transpose(
        2, x, weight, bias, stride, padding, output_padding, output_size, dilation, groups, layout,
        out, num_threads,
    )  # fmt: skip


def conv_transpose3d(
    x: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    *,
    stride: IntPerAxis = 1,
    padding: Padding = 0,
    output_padding: IntPerAxis = 0,
    output_size: IntPerAxis | None = None,
    dilation: IntPerAxis = 1,
    groups: SupportsIndex = 1,
    layout: Literal["NCDHW", "NDHWC"] = "NCDHW",
    out: Array | None = None,
    num_threads: SupportsIndex | None = None,
) -> Array:
    """Spread volumes by kernels: transposed convolution, the gradient of `conv3d`.

    `conv_transpose2d` with three spatial axes; its page describes every parameter.

    Parameters
    ----------
    x : array_like, (batch, in_channels, depth, height, width)
        Or (batch, depth, height, width, in_channels) with layout "NDHWC"; the batch axis may be
        missing.
    weight : array_like, (in_channels, out_channels // groups, *kernel)
        The kernels, with three axes each.
    bias, stride, padding, output_padding, output_size, dilation, groups
        As in `conv_transpose2d`.
    layout, out, num_threads
        As in `conv_transpose2d`.

    Returns
    -------
    numpy.ndarray, (batch, out_channels, out_depth, out_height, out_width)
        In x's layout and type.

    Raises
    ------
    TypeError, ValueError
        As in `conv_transpose2d`.

    Examples
    --------
    >>> import numpy as np, convpool
    >>> volume = np.ones((1, 4, 2, 3, 3), np.float32)
    >>> convpool.conv_transpose3d(volume, np.ones((4, 2, 2, 2, 2), np.float32), stride=2).shape
    (1, 2, 4, 6, 6)
    """
    return conv_transpose(
        3, x, weight, bias, stride, padding, output_padding, output_size, dilation, groups, layout,
        out, num_threads,
    )  # fmt: skip
