# The driver of pooling, for callers that have checked everything.
from libc.stdint cimport int64_t

from convpool._kernels cimport convpool_pool
from convpool._memory cimport bytes_in, bytes_out

cdef int run_pool(const convpool_pool* pool, bytes_in x, bytes_out out, int64_t* index, int dtype,
                  bint channels_last, num_threads) except -1
