"""Every operator on arrays, each with a call that is right: for tests of what holds for all."""

import inspect
from operator import attrgetter

import numpy as np

import convpool


def operators(side=6, dtype=np.float32):
    """By name: a function and its arguments, of which all arrays own their memory.

    Volumes are `side` long, high and wide, more or less; images have as many pixels.
    """
    rng = np.random.default_rng(side)
    calls = {}

    def normal(*shape):
        return rng.standard_normal(shape).astype(dtype)

    def whole(low, high, *shape, dtype):
        return rng.integers(low, high, shape, dtype)

    def add(name, **arguments):
        calls[name] = attrgetter(name)(convpool), arguments

    def add_all(spatial, sizes):
        x = normal(2, 4, *sizes)
        taps = (3,) * spatial
        windows = {"stride": (2,) * spatial, "padding": (1,) * spatial}
        shared = {**windows, "dilation": (1,) * spatial, "groups": 2}
        shape = convpool.conv_output_shape(x.shape, (6, 2, *taps), **shared)
        weight, y = normal(6, 2, *taps), normal(*shape)
        add(f"conv{spatial}d", x=x, weight=weight, bias=normal(6), residual=normal(*shape),
            padding_mode="constant", padding_value=0.5, flip=False, **shared)  # fmt: skip
        add(f"conv_transpose{spatial}d", x=y, weight=weight, bias=normal(4),
            output_size=sizes, **shared)  # fmt: skip
        add(
            f"grad.conv{spatial}d_input", input_size=x.shape, weight=weight, grad_output=y, **shared
        )
        add(f"grad.conv{spatial}d_weight", x=x, weight_size=weight.shape, grad_output=y, **shared)

        pool = {"kernel_size": taps, **windows}
        max_pool = getattr(convpool, f"max_pool{spatial}d")
        pooled, places = max_pool(x, return_indices=True, **pool)
        slope, places = normal(*pooled.shape), places.copy()
        add(f"max_pool{spatial}d", x=x, dilation=(1,) * spatial, ceil_mode=False,
            return_indices=True, **pool)  # fmt: skip
        add(f"avg_pool{spatial}d", x=x, count_include_pad=True, divisor_override=7, **pool)
        add(f"lp_pool{spatial}d", x=x, norm_type=3.0, **pool)
        add(f"adaptive_avg_pool{spatial}d", x=x, output_size=(5,) * spatial)
        add(f"adaptive_max_pool{spatial}d", x=x, output_size=(5,) * spatial)
        add(f"max_unpool{spatial}d", x=pooled, indices=places, output_size=sizes, **pool)
        add(f"grad.max_pool{spatial}d_input", input_size=x.shape, indices=places, grad_output=slope)
        add(f"grad.avg_pool{spatial}d_input", input_size=x.shape, grad_output=slope,
            count_include_pad=False, **pool)  # fmt: skip
        add(f"grad.lp_pool{spatial}d_input", x=x, grad_output=slope, norm_type=3.0, **pool)
        add(f"grad.adaptive_avg_pool{spatial}d_input", input_size=x.shape,
            grad_output=normal(2, 4, *[5] * spatial))  # fmt: skip
        add(f"grad.adaptive_max_pool{spatial}d_input", input_size=x.shape, indices=places,
            grad_output=slope)  # fmt: skip
        add(f"grad.max_unpool{spatial}d_input", indices=places, grad_output=x)

        steps = {"x_scale": 0.1, "x_zero_point": 9, "weight_scale": 0.2, "out_scale": 3.0}
        levels = whole(0, 256, *x.shape, dtype=np.uint8)
        kernels = whole(-128, 128, *weight.shape, dtype=np.int8)
        biases = whole(-99, 99, 6, dtype=np.int32)
        add(f"quantized.conv{spatial}d", x=levels, weight=kernels, weight_zero_point=3, bias=biases,
            out_zero_point=120, **steps, **shared)  # fmt: skip
        add(f"quantized.conv_integer{spatial}d", x=levels, weight=kernels, x_zero_point=7, **shared)

    add_all(1, (side**3,))
    add_all(2, (side * 2, side * side // 2))
    add_all(3, (side, side - 1, side + 1))
    rows, x = normal(side**2, 40), normal(2, 3, side, side**2)
    add("linear", x=rows, weight=normal(12, 40), bias=normal(12))
    add("global_avg_pool", x=x)
    add("global_max_pool", x=x, return_indices=True)
    add("grad.global_avg_pool_input", input_size=x.shape, grad_output=normal(2, 3, 1, 1))
    add("grad.global_max_pool_input", input_size=x.shape, grad_output=normal(2, 3, 1, 1),
        indices=whole(0, side**3, 2, 3, 1, 1, dtype=np.int64))  # fmt: skip
    picture = normal(side**2, side, 3)
    picture = picture.astype(np.float32) if dtype == np.float16 else picture
    add("filter2d", image=picture, kernel=normal(3, 5), flip=False,
        padding_mode="constant", padding_value=0.5)  # fmt: skip
    levels = whole(0, 256, side**2, 40, dtype=np.uint8)
    kernels = whole(-128, 128, 12, 40, dtype=np.int8)
    add("quantized.linear_integer", x=levels, weight=kernels, x_zero_point=3)
    add("quantized.linear", x=levels, weight=kernels, bias=whole(-99, 99, 12, dtype=np.int32),
        x_scale=0.1, weight_scale=0.2, out_scale=3.0)  # fmt: skip
    add("quantized.quantize", x=rows, scale=0.1, zero_point=128)
    add("quantized.dequantize", x=levels, scale=0.1, zero_point=5)
    return calls


def bits(result):
    """The bytes of a result, of each array where there are several."""
    return [array.tobytes() for array in (result if isinstance(result, tuple) else (result,))]


def takes(function, argument):
    """Whether a function has a parameter of a name."""
    return argument in inspect.signature(function).parameters
