# The drivers of convolution, for callers that have checked everything.
cimport numpy as cnp
from libc.stdint cimport int64_t

from convpool._kernels cimport CONVPOOL_AXES, convpool_conv, convpool_kernels
from convpool._memory cimport Block, bytes_in, bytes_out

cdef enum:  # as _arguments.ALGORITHMS numbers them
    AUTO = 0
    DIRECT = 1
    WINOGRAD = 2

cdef class Strips:
    cdef Block rows, columns, small_tiles, large_tiles
    cdef bint whole  # so that the weight need not be kept: an array of its shape and type will do
    cdef bint used   # by a call
    cdef tuple met   # those of parts of the taps, see strips_of_met
    cdef cnp.ndarray weight           # such a part,
    cdef int64_t[CONVPOOL_AXES] first, taps  # and where it lies in the whole

cdef Strips pack_weight(const convpool_conv* conv, cnp.ndarray weight,
                        const convpool_kernels* kernels, bint channels_last, int algorithm,
                        num_threads)
cdef int run_convolution(convpool_conv* conv, bytes_in x, cnp.ndarray weight, cnp.ndarray taps,
                         bytes_in bias, bytes_in residual, bytes_out out, Strips strips,
                         const convpool_kernels* kernels, bint channels_last, int algorithm,
                         num_threads) except -1
