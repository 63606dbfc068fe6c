# cython: language_level=3
"""A module outside convpool that uses its C side by `cimport convpool`."""
from libc.stdint cimport int64_t
from libc.string cimport memset
cimport convpool

cdef enum:
    LENGTH = 300
    TAPS = 8

version = (convpool.CONVPOOL_VERSION_MAJOR, convpool.CONVPOOL_VERSION_MINOR,
           convpool.CONVPOOL_VERSION_PATCH)


def matches(x, weight):
    """The sums over t of weight[t] x[i + t], for each i: a convolution along one axis."""
    cdef const convpool.convpool_kernels* k = convpool.convpool_find_kernels(
        convpool.CONVPOOL_F32, convpool.CONVPOOL_BASELINE)
    cdef convpool.convpool_conv conv
    cdef convpool.convpool_axis* axis
    cdef float[LENGTH] numbers, out
    cdef float[TAPS] taps
    cdef float[TAPS * convpool.CONVPOOL_MAX_WIDTH] weights
    cdef float[(TAPS + 1) * convpool.CONVPOOL_MAX_WIDTH] panel
    cdef float[convpool.CONVPOOL_MAX_WIDTH * convpool.CONVPOOL_MAX_WIDTH] tile
    cdef int64_t[convpool.CONVPOOL_RANK] stride
    cdef int64_t i, count, depth = len(weight), outputs = len(x) - len(weight) + 1
    if not 1 <= depth <= TAPS or not 1 <= outputs <= LENGTH - TAPS:
        raise ValueError("expected up to 8 weights and up to 300 numbers")
    for i in range(depth):
        taps[i] = weight[i]
    for i in range(outputs + depth - 1):
        numbers[i] = x[i]

    memset(&conv, 0, sizeof(conv))
    conv.batch = conv.groups = conv.channels = conv.out_channels = 1
    for i in range(convpool.CONVPOOL_AXES):
        axis = &conv.axis[i]
        axis.size = axis.kernel = axis.stride = axis.dilation = axis.out = 1
    axis = &conv.axis[convpool.CONVPOOL_COLUMN]
    axis.size, axis.kernel, axis.out = outputs + depth - 1, depth, outputs
    memset(stride, 0, sizeof(stride))
    stride[convpool.CONVPOOL_AT_COLUMN] = 1
    conv.x_stride[convpool.CONVPOOL_AT_COLUMN] = 1
    conv.out_stride[convpool.CONVPOOL_AT_COLUMN] = 1

    k.pack_weights(&conv, taps, stride, 0, k.rows, weights, depth, depth * k.rows)
    for i in range(0, outputs, k.columns):
        count = min(outputs - i, k.columns)
        k.pack_pixels(&conv, numbers, 0, depth, i, count, k.columns, depth * k.columns, panel)
        k.gemm_tile(1, count, depth, weights, panel, k.columns, tile, k.columns,
                    convpool.CONVPOOL_CHAIN_STARTS, weights)
        k.store_tile(&conv, tile, k.columns, 0, 0, 1, i, count, NULL, NULL, out)
    return [out[i] for i in range(outputs)]
