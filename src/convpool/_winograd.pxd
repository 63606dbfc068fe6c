# Winograd convolutions, as `_conv` calls them.
from libc.stdint cimport int64_t
from convpool._kernels cimport convpool_conv, convpool_kernels
from convpool._memory cimport Block, bytes_in, bytes_out
cimport numpy as cnp

cdef bint fits_winograd(const convpool_conv* conv) noexcept
cdef int winograd_side(const convpool_conv* conv, bint always) noexcept
cdef Block transform_weights(const convpool_conv* conv, int side, const convpool_kernels* kernels,
                             cnp.ndarray weight, int threads)
cdef int run_winograd(const convpool_conv* conv, int side, const convpool_kernels* kernels,
                      Block packed, cnp.ndarray weight, bytes_in x, bytes_in bias,
                      bytes_in residual, bytes_out out, int threads) except -1
