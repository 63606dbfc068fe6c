"""What the tests measure convpool against: the definitions, in float64, as loops.

Nothing here is fast and nothing is shared with the library. Next to each operation stands the
largest error that arithmetic in the library's types may make (a priori, from the sizes alone): a
sum of K products, in whatever order, errs by at most gamma_K * sum |w| |x| with
gamma_K = K u / (1 - K u), u = 2^-24 for sums in float32 (float16 input too) and 2^-53 in float64
(Higham, Accuracy and Stability of Numerical Algorithms, 2nd edition, section 3.1). Bias and
residual are two more terms; storing the result rounds it once more. There is no other tolerance.
"""

import fractions
import itertools
import math

import numpy as np

UNIT_OF_SUMS = {"float16": 2.0**-24, "float32": 2.0**-24, "float64": 2.0**-53}
UNIT = {"float16": 2.0**-11, "float32": 2.0**-24, "float64": 2.0**-53}


# Geometry


def per_axis(value, spatial):
    return (value,) * spatial if isinstance(value, int) else tuple(value)


def resolve_padding(padding, sizes, kernel, stride, dilation):
    """(before, after) an axis; "same" gives ceil(size / stride) outputs, as TensorFlow does."""
    if padding == "valid":
        return [(0, 0)] * len(sizes)
    if padding in ("same", "same_lower"):
        pairs = []
        for size, taps, step, gap in zip(sizes, kernel, stride, dilation, strict=True):
            outputs = math.ceil(size / step)
            total = max((outputs - 1) * step + (taps - 1) * gap + 1 - size, 0)
            small, large = total // 2, total - total // 2
            pairs.append((small, large) if padding == "same" else (large, small))
        return pairs
    return [
        (pad, pad) if isinstance(pad, int) else tuple(pad) for pad in per_axis(padding, len(sizes))
    ]


def source(position, size, mode):
    """The index that a position beyond the edge stands for; None: the constant."""
    if 0 <= position < size:
        return position
    if mode == "replicate":
        return min(max(position, 0), size - 1)
    if mode == "circular":
        return position % size
    if mode == "reflect":  # ... 2 1 | 0 1 2 3 | 2 1 0 1 2 ...
        period = max(2 * (size - 1), 1)
        return min(position % period, period - position % period) if size > 1 else 0
    return None


def pad(planes, pads, mode="zeros", value=0.0):
    """Pad the last axes of an array."""
    for axis, (before, after) in enumerate(pads, planes.ndim - len(pads)):
        size = planes.shape[axis]
        constant = np.full_like(planes.take(0, axis), value)
        indices = [source(i, size, mode) for i in range(-before, size + after)]
        planes = np.stack([constant if i is None else planes.take(i, axis) for i in indices], axis)
    return planes


def channels_first(x, spatial, layout):
    """(batch, channels, *spatial) in float64, and how to turn a result back."""
    x = np.asarray(x, np.float64)
    batchless = x.ndim == spatial + 1
    x = x[None] if batchless else x
    last = layout is not None and layout.endswith("C")
    x = np.moveaxis(x, -1, 1) if last else x

    def restore(y):
        y = np.moveaxis(y, 1, -1) if last else y
        return y[0] if batchless else y

    return x, restore


# Activations: default parameters, formula, the steepest slope, and the error of evaluating y = f(x)
# in units of u. Sums and products round once, and so do parameters; exp, expm1 and log1p are to be
# good to two units of the last place, which are four u.


def _sigmoid(x):
    e = np.exp(-np.abs(x))
    return np.where(x < 0, e, 1.0) / (1 + e)


ACTIVATIONS = {
    "relu": ((), lambda x: np.where(x < 0, 0, x), lambda: 1, lambda x, y: 0 * y),
    "relu6": ((), lambda x: np.clip(x, 0, 6), lambda: 1, lambda x, y: 0 * y),
    "leaky_relu": (
        (0.01,),
        lambda x, a: np.where(x < 0, a * x, x),
        lambda a: max(1, abs(a)),
        lambda x, y, a: 2 * abs(y),
    ),
    "elu": (
        (1.0,),
        lambda x, a: np.where(x < 0, a * np.expm1(np.minimum(x, 0)), x),
        lambda a: max(1, abs(a)),
        lambda x, y, a: 6 * abs(y),
    ),
    "sigmoid": ((), _sigmoid, lambda: 0.25, lambda x, y: 6 * y),
    "hardsigmoid": (
        (1 / 6, 0.5),
        lambda x, a, b: np.clip(a * x + b, 0, 1),
        lambda a, b: abs(a),
        lambda x, y, a, b: 3 * abs(a * x) + 2 * abs(b),
    ),
    "tanh": ((), np.tanh, lambda: 1, lambda x, y: 10 * abs(y)),
    "silu": ((), lambda x: x * _sigmoid(x), lambda: 1.1, lambda x, y: 7 * abs(y)),
    "hardswish": (
        (),
        lambda x: x * np.clip(x / 6 + 0.5, 0, 1),
        lambda: 1.5,
        lambda x, y: 4 * abs(x),
    ),
    "hardtanh": (
        (-1.0, 1.0),
        lambda x, low, high: np.clip(x, low, high),
        lambda low, high: 1,
        lambda x, y, low, high: abs(y),
    ),
    "softplus": (
        (1.0,),
        lambda x, b: np.logaddexp(0, b * x) / b,
        lambda b: 1,
        lambda x, y, b: 12 * abs(y) + 2 * abs(x) * _sigmoid(b * x),
    ),
}
TRANSCENDENTAL = {"elu", "sigmoid", "tanh", "silu", "softplus"}


def _named(activation):
    name, given = (activation, None) if isinstance(activation, str) else activation
    defaults, *functions = ACTIVATIONS[name]
    parameters = (
        defaults if given is None else given if isinstance(given, tuple | list) else (given,)
    )
    return name, parameters, functions


def activate(x, activation):
    if activation is None:
        return x
    _, parameters, (formula, _, _) = _named(activation)
    return formula(x, *parameters)


def activation_error(x, error, activation, dtype):
    """How far activation(x) may be off, where x itself may be off by `error`."""
    if activation is None:
        return error
    name, parameters, (formula, slope, units) = _named(activation)
    y = formula(x, *parameters)
    u = UNIT_OF_SUMS[np.dtype(dtype).name]
    own = u * units(abs(x) + error if name == "hardswish" else x, y, *parameters)
    # Below the smallest normal number digits are lost one by one: two of it cover that.
    tiny = 2 * np.finfo("f8" if np.dtype(dtype).name == "float64" else "f4").tiny
    return slope(*parameters) * error + own + tiny * (name in TRANSCENDENTAL)


# Convolution


def convolve(
    x,
    weight,
    bias=None,
    *,
    stride=1,
    padding=0,
    dilation=1,
    groups=1,
    padding_mode="zeros",
    padding_value=0.0,
    flip=False,
    activation=None,
    residual=None,
    layout=None,
):
    """Convolution with one to three spatial axes: for each output position, its window's sums."""
    weight = np.asarray(weight, np.float64)
    spatial = weight.ndim - 2
    x, restore = channels_first(x, spatial, layout)
    if flip:
        weight = weight[(..., *[slice(None, None, -1)] * spatial)]
    kernel, sizes = weight.shape[2:], x.shape[2:]
    stride, dilation = per_axis(stride, spatial), per_axis(dilation, spatial)
    pads = resolve_padding(padding, sizes, kernel, stride, dilation)
    x = pad(x, pads, padding_mode, padding_value)
    reach = [(taps - 1) * gap + 1 for taps, gap in zip(kernel, dilation, strict=True)]
    counts = [
        (size - r) // step + 1 for size, r, step in zip(x.shape[2:], reach, stride, strict=True)
    ]
    batch, inputs, outputs = len(x), weight.shape[1], len(weight)
    weight = weight.reshape(groups, outputs // groups, -1)
    y = np.empty((batch, outputs, *counts))
    for position in itertools.product(*map(range, counts)):
        window = tuple(
            slice(i * step, i * step + r, gap)
            for i, step, r, gap in zip(position, stride, reach, dilation, strict=True)
        )
        taps = x[(..., *window)].reshape(batch, groups, inputs * math.prod(kernel), 1)
        y[(..., *position)] = (weight @ taps).reshape(batch, outputs)
    if bias is not None:
        y += np.asarray(bias, np.float64).reshape(-1, *[1] * spatial)
    if residual is not None:
        y += channels_first(residual, spatial, layout)[0]
    return restore(activate(y, activation))


def convolution_error(x, weight, bias=None, *, activation=None, residual=None, **arguments):
    """How far each value of convolve(...) in x's type may be off, before it is stored."""
    arguments["padding_value"] = abs(arguments.get("padding_value", 0.0))
    magnitude = convolve(
        *(None if a is None else abs(np.asarray(a, np.float64)) for a in (x, weight, bias)),
        residual=None if residual is None else abs(np.asarray(residual, np.float64)),
        **arguments,
    )
    dtype, terms = np.asarray(x).dtype, np.asarray(weight)[0].size + 2
    error = sum_error(terms, magnitude, dtype)
    sums = convolve(x, weight, bias, residual=residual, **arguments)
    return activation_error(sums, error, activation, dtype)


def conv_transpose(
    x,
    weight,
    bias=None,
    *,
    stride=1,
    padding=0,
    output_padding=0,
    output_size=None,
    dilation=1,
    groups=1,
    layout=None,
):
    """Each input pixel adds its kernel to the uncut output, from which the result is cut."""
    weight = np.asarray(weight, np.float64)
    spatial = weight.ndim - 2
    x, restore = channels_first(x, spatial, layout)
    kernel, sizes = weight.shape[2:], x.shape[2:]
    stride, dilation = per_axis(stride, spatial), per_axis(dilation, spatial)
    pads = resolve_padding(padding, sizes, kernel, stride, dilation)
    natural = [
        (size - 1) * step + (taps - 1) * gap + 1
        for size, step, taps, gap in zip(sizes, stride, kernel, dilation, strict=True)
    ]
    if output_size is None:
        extra = per_axis(output_padding, spatial)
    else:
        wanted = per_axis(output_size, spatial)
        extra = [w - n + sum(p) for w, n, p in zip(wanted, natural, pads, strict=True)]
    batch, inputs = x.shape[:2]
    x = x.reshape(batch, groups, inputs // groups, *sizes)
    weight = weight.reshape(groups, inputs // groups, -1, *kernel)
    outputs = weight.shape[2]
    y = np.zeros(
        (batch, groups, outputs, *[n + max(e, 0) for n, e in zip(natural, extra, strict=True)])
    )
    for pixel in itertools.product(*map(range, sizes)):
        for tap in itertools.product(*map(range, kernel)):
            at = [i * s + u * d for i, s, u, d in zip(pixel, stride, tap, dilation, strict=True)]
            y[(..., *at)] += np.einsum("ngc,gco->ngo", x[(..., *pixel)], weight[(..., *tap)])
    cut = tuple(
        slice(before, n + e - after)
        for n, e, (before, after) in zip(natural, extra, pads, strict=True)
    )
    y = y.reshape(batch, groups * outputs, *y.shape[3:])[(..., *cut)]
    if bias is not None:
        y = y + np.asarray(bias, np.float64).reshape(-1, *[1] * spatial)
    return restore(y)


def conv_transpose_error(x, weight, bias=None, *, groups=1, **arguments):
    """As convolution_error: of a kernel's taps each output meets no more than all."""
    magnitude = conv_transpose(
        *(None if a is None else abs(np.asarray(a, np.float64)) for a in (x, weight, bias)),
        groups=groups,
        **arguments,
    )
    shape = np.shape(weight)
    terms = shape[0] // groups * math.prod(shape[2:]) + 2
    return sum_error(terms, magnitude, np.asarray(x).dtype)


# Pooling


def pool_windows(size, taps, step, gap, before, after, ceil_mode):
    """The number of windows along an axis, by PyTorch's rule."""
    room = size + before + after - ((taps - 1) * gap + 1)
    count = (math.ceil if ceil_mode else math.floor)(room / step) + 1
    if ceil_mode and (count - 1) * step >= size + before:
        count -= 1  # the last one would begin in the padding after the input
    return count


def _pool(x, kernel_size, stride, padding, dilation, ceil_mode, spatial):
    kernel = per_axis(kernel_size, spatial)
    stride = kernel if stride is None else per_axis(stride, spatial)
    dilation = per_axis(dilation, spatial)
    sizes = x.shape[2:]
    pads = resolve_padding(padding, sizes, kernel, stride, dilation)
    counts = [
        pool_windows(*axis, *pair, ceil_mode)
        for *axis, pair in zip(sizes, kernel, stride, dilation, pads, strict=True)
    ]
    begins = {
        position: [i * s - b for i, s, (b, _) in zip(position, stride, pads, strict=True)]
        for position in itertools.product(*map(range, counts))
    }
    return kernel, dilation, sizes, pads, counts, begins


def max_pool(
    x, kernel_size, *, stride=None, padding=0, dilation=1, ceil_mode=False, layout=None, spatial=2
):
    """Maxima and their positions in the flattened plane; -1 where a window meets no pixel.

    The first of equal values counts, and the last of several NaN, as in PyTorch.
    """
    x, restore = channels_first(x, spatial, layout)
    kernel, dilation, sizes, _, counts, begins = _pool(
        x, kernel_size, stride, padding, dilation, ceil_mode, spatial
    )
    values = np.full((*x.shape[:2], *counts), -np.inf)
    indices = np.full(values.shape, -1)
    for position, begin in begins.items():
        for tap in itertools.product(*map(range, kernel)):
            at = [b + t * d for b, t, d in zip(begin, tap, dilation, strict=True)]
            if all(0 <= i < size for i, size in zip(at, sizes, strict=True)):
                value, here = x[(..., *at)], (..., *position)
                better = (value > values[here]) | np.isnan(value) | (indices[here] < 0)
                values[here] = np.where(better, value, values[here])
                indices[here] = np.where(better, np.ravel_multi_index(at, sizes), indices[here])
    return restore(values), restore(indices)


def below(taps, end):
    """Those of a range that are less than end."""
    return taps[: max(0, math.ceil((end - taps.start) / taps.step))]


def avg_pool(
    x,
    kernel_size,
    *,
    stride=None,
    padding=0,
    dilation=1,
    ceil_mode=False,
    count_include_pad=True,
    divisor_override=None,
    layout=None,
    spatial=2,
):
    """Means by PyTorch's rules of what is counted; NaN of no cells at all."""
    x, restore = channels_first(x, spatial, layout)
    kernel, gaps, sizes, pads, counts, begins = _pool(
        x, kernel_size, stride, padding, dilation, ceil_mode, spatial
    )
    y = np.empty((*x.shape[:2], *counts))
    for position, begin in begins.items():
        taps = [range(b, b + k * g, g) for b, k, g in zip(begin, kernel, gaps, strict=True)]
        # A window is cut where the padding ends, then where the input ends.
        padded = [below(t, n + a) for t, n, (_, a) in zip(taps, sizes, pads, strict=True)]
        inside = [below(t, n)[-(min(t.start, 0) // t.step) :] for t, n in zip(taps, sizes,
                                                                          strict=True)]  # fmt: skip
        total = x[(..., *[slice(t.start, t.stop, t.step) if t else slice(0) for t in inside])]
        if divisor_override is not None:
            divisor = divisor_override
        else:
            divisor = math.prod(map(len, padded if count_include_pad else inside))
        with np.errstate(invalid="ignore"):
            y[(..., *position)] = total.sum(tuple(range(2, 2 + spatial))) / np.float64(divisor)
    return restore(y)


def avg_pool_error(x, kernel_size, *, divisor_override=None, spatial=2, **arguments):
    """As convolution_error: one product (by 1 / divisor, itself rounded) after the sum."""
    magnitude = avg_pool(
        abs(np.asarray(x, np.float64)),
        kernel_size,
        divisor_override=None if divisor_override is None else abs(divisor_override),
        spatial=spatial,
        **arguments,
    )
    terms = math.prod(per_axis(kernel_size, spatial)) + 1
    return sum_error(terms, magnitude, np.asarray(x).dtype)


def lp_pool(x, norm_type, kernel_size, *, spatial=2, **arguments):
    """The p-norm of each window."""
    powers = abs(np.asarray(x, np.float64)) ** norm_type
    sums = avg_pool(powers, kernel_size, divisor_override=1, spatial=spatial, **arguments)
    return sums ** (1 / norm_type)


def adaptive_windows(size, outputs):
    """[floor(i size / outputs), ceil((i + 1) size / outputs)) for each i."""
    return [
        range(i * size // outputs, math.ceil(fractions.Fraction((i + 1) * size, outputs)))
        for i in range(outputs)
    ]


def adaptive_pool(x, output_size, *, layout=None, spatial=2):
    """Means, maxima and where these stand, of as many windows as asked for."""
    x, restore = channels_first(x, spatial, layout)
    sizes = x.shape[2:]
    output_size = (output_size,) * spatial if output_size is None else output_size
    outputs = [
        n if o is None else o for n, o in zip(sizes, per_axis(output_size, spatial), strict=True)
    ]
    means, maxima = np.empty((2, *x.shape[:2], *outputs))
    indices = np.empty(maxima.shape, np.int64)
    windows = [adaptive_windows(n, o) for n, o in zip(sizes, outputs, strict=True)]
    for position in itertools.product(*map(range, outputs)):
        cells = list(itertools.product(*(w[i] for w, i in zip(windows, position, strict=True))))
        values = np.stack([x[(..., *cell)] for cell in cells], -1)
        places = np.array([np.ravel_multi_index(cell, sizes) for cell in cells])
        # The first of equal values, but the last of several NaN.
        last = values.shape[-1] - 1 - np.isnan(values)[..., ::-1].argmax(-1)
        best = np.where(np.isnan(values).any(-1), last, values.argmax(-1))
        here = (..., *position)
        means[here], indices[here] = values.mean(-1), places[best]
        maxima[here] = np.take_along_axis(values, best[..., None], -1)[..., 0]
    return restore(means), restore(maxima), restore(indices)


def max_unpool(x, indices, sizes, *, layout=None, spatial=2):
    """Values at their places, the last of those with the same one, and 0."""
    x, restore = channels_first(x, spatial, layout)
    indices = channels_first(indices, spatial, layout)[0].astype(int)
    y = np.zeros((*x.shape[:2], math.prod(sizes)))
    for plane in np.ndindex(*x.shape[:2]):
        for value, place in zip(x[plane].flat, indices[plane].flat, strict=True):
            y[(*plane, place)] = value
    return restore(y.reshape(*x.shape[:2], *sizes))


# Images


def filter2d(image, kernel, *, padding_mode="reflect", padding_value=0, flip=False):
    """Sums in float64, not yet rounded to the image's type.

    Output pixel i uses input pixels i + k - size // 2. With flip, everything is mirrored: the
    kernel and, where its size is even, its centre: scipy.ndimage's correlate and convolve.
    """
    image, kernel = np.asarray(image, np.float64), np.asarray(kernel, np.float64)
    planes = image[None] if image.ndim == 2 else np.moveaxis(image, -1, 0)
    if flip:
        kernel = kernel[::-1, ::-1]
    pads = [((k - 1) // 2, k // 2) if flip else (k // 2, (k - 1) // 2) for k in kernel.shape]
    padded = pad(planes, pads, padding_mode, padding_value)
    y = np.empty(planes.shape)
    for i, j in itertools.product(*map(range, planes.shape[1:])):
        window = padded[:, i : i + kernel.shape[0], j : j + kernel.shape[1]]
        y[:, i, j] = (window * kernel).sum((1, 2))
    return y[0] if image.ndim == 2 else np.moveaxis(y, 0, -1)


def filter2d_error(image, kernel, *, padding_value=0, **arguments):
    """As convolution_error; one more rounding is the kernel's, to the type of the sums."""
    magnitude = filter2d(
        abs(np.asarray(image, np.float64)),
        abs(np.asarray(kernel, np.float64)),
        padding_value=abs(padding_value),
        **arguments,
    )
    dtype = np.float32 if np.asarray(image).dtype.name == "float32" else np.float64
    return sum_error(np.asarray(kernel).size + 1, magnitude, np.dtype(dtype))


def to_image(sums, dtype):
    """Rounded half to even and saturated."""
    limits = np.iinfo(dtype)
    return np.clip(np.rint(sums), limits.min, limits.max).astype(dtype)


# Errors


def gamma(terms, u):
    return terms * u / (1 - terms * u)


def sum_error(terms, magnitude, dtype):
    """The error of a sum in the library's type, and of the same sum here in float64."""
    return (gamma(terms, UNIT_OF_SUMS[dtype.name]) + gamma(terms, 2.0**-53)) * magnitude


def assert_close(actual, expected, error, dtype):
    """Each value of `actual` is within `error` of `expected`, but for one rounding to `dtype`."""
    dtype = np.dtype(dtype)
    assert isinstance(actual, np.ndarray)
    assert actual.dtype == dtype
    assert actual.dtype.isnative
    assert actual.shape == expected.shape
    smallest = float(np.finfo(dtype).smallest_subnormal)
    allowed = error + UNIT[dtype.name] * (abs(expected) + error) + smallest
    wrong = ~(abs(actual.astype(np.float64) - expected) <= allowed)
    if wrong.any():
        worst = np.argwhere(wrong)[0]
        at = tuple(int(i) for i in worst)
        raise AssertionError(
            f"{wrong.sum()} of {wrong.size} values are off, the first at {at}: "
            f"{actual[at]!r}, expected {expected[at]!r} within {allowed[at]:.3g}"
        )


def assert_same_bits(actual, expected):
    """Same type, shape and bits; signs of zero and payloads of NaN included."""
    assert actual.dtype == expected.dtype
    assert actual.shape == expected.shape
    assert actual.tobytes() == expected.tobytes()


def assert_convolves(actual, x, weight, bias=None, **arguments):
    """`actual` is convolve(x, weight, bias, **arguments) up to the error bound."""
    expected = convolve(x, weight, bias, **arguments)
    error = convolution_error(x, weight, bias, **arguments)
    assert_close(actual, expected, error, np.asarray(x).dtype.newbyteorder("="))


def assert_transposes(actual, x, weight, bias=None, **arguments):
    expected = conv_transpose(x, weight, bias, **arguments)
    error = conv_transpose_error(x, weight, bias, **arguments)
    assert_close(actual, expected, error, np.asarray(x).dtype.newbyteorder("="))


def assert_averages(actual, x, kernel_size, **arguments):
    expected = avg_pool(x, kernel_size, **arguments)
    error = avg_pool_error(x, kernel_size, **arguments)
    assert_close(actual, expected, error, np.asarray(x).dtype.newbyteorder("="))


def assert_maxima(actual, x, kernel_size, **arguments):
    """Maxima are copies of inputs: equal, NaN where NaN."""
    expected, _ = max_pool(x, kernel_size, **arguments)
    assert actual.dtype == np.asarray(x).dtype.newbyteorder("=")
    np.testing.assert_array_equal(actual, expected.astype(actual.dtype), strict=True)


def assert_filters(actual, image, kernel, **arguments):
    """For an image of integers: the nearest one to a sum that is within the error bound."""
    expected = filter2d(image, kernel, **arguments)
    error = filter2d_error(image, kernel, **arguments)
    dtype = np.asarray(image).dtype.newbyteorder("=")
    if dtype.kind == "f":
        assert_close(actual, expected, error, dtype)
        return
    assert actual.dtype == dtype
    assert actual.shape == expected.shape
    assert (actual >= to_image(expected - error, dtype)).all()
    assert (actual <= to_image(expected + error, dtype)).all()


# The same values, lying differently in memory


def _spread(array):
    space = np.full([3 * n for n in array.shape], 77, array.dtype)
    space[tuple(slice(1, None, 3) for _ in array.shape)] = array
    return space[tuple(slice(1, None, 3) for _ in array.shape)]


def _backwards(array):
    mirror = (slice(None, None, -1),) * array.ndim
    return array[mirror].copy()[mirror]


def _misaligned(array):
    store = np.empty(array.nbytes + 1, np.uint8)
    view = store[1:].view(array.dtype).reshape(array.shape)
    view[...] = array
    return view


def _record_field(array):
    """Strides are no multiple of the element's size."""
    records = np.zeros(array.shape, [("flag", "u1"), ("value", array.dtype)])
    records["value"] = array
    return records["value"]


def _read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


MEMORY = {
    "contiguous": np.ascontiguousarray,
    "fortran": np.asfortranarray,
    "channels last": lambda a: np.moveaxis(np.moveaxis(a, 0, -1).copy(), -1, 0),
    "spread": _spread,
    "backwards": _backwards,
    "misaligned": _misaligned,
    "record field": _record_field,
    "byte-swapped": lambda a: a.astype(a.dtype.newbyteorder()),
    "read-only": _read_only,
}
WRITEABLE_MEMORY = {
    name: form for name, form in MEMORY.items() if name not in ("byte-swapped", "read-only")
}
