cimport numpy as cnp
from libc.stdint cimport int64_t

from convpool._kernels cimport convpool_conv, convpool_kernels
from convpool._memory cimport bytes_in, bytes_out

cdef bint is_depthwise(int64_t channels, int64_t out_channels) noexcept
cdef bint suits_stencil(const convpool_kernels* kernels, const convpool_conv* conv,
                        bint channels_last) noexcept
cdef int run_stencil(const convpool_conv* conv, const convpool_kernels* kernels,
                     bint channels_last, bytes_in x,
                     cnp.ndarray weight, bytes_in bias, bytes_in residual, bytes_out out,
                     int threads) except -1
