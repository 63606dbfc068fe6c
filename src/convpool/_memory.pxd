# Scratch memory of the drivers, and the arithmetic of sizes.
from libc.stdint cimport int64_t

ctypedef const char* bytes_in
ctypedef char* bytes_out

cdef enum:
    ALIGNMENT = 64  # of strips and patches: a cache line


cdef inline int64_t ceil_div(int64_t a, int64_t b) noexcept nogil:
    return (a + b - 1) // b


cdef inline int64_t cut(int64_t total, int64_t blocks, int64_t block) noexcept nogil:
    """Where a block begins, of blocks as even as can be."""
    return total * block // blocks


cdef inline int64_t first_of(int64_t count, int64_t unit, int64_t blocks,
                             int64_t block) noexcept nogil:
    """Where a block begins of so many that share `count` of something in whole units."""
    return min(count, unit * cut(ceil_div(count, unit), blocks, block))


cdef inline int64_t blocks_for(int64_t fewest, int64_t tasks, int64_t threads) noexcept nogil:
    """The fewest blocks, `fewest` or more, of so many tasks each that threads get equally many, or
    nearly so."""
    return ceil_div(ceil_div(fewest * tasks, threads) * threads, tasks)


cdef inline int64_t aligned(int64_t size) noexcept nogil:
    return ceil_div(size, ALIGNMENT) * ALIGNMENT


cdef inline bytes_in beyond(bytes_in base, int64_t offset) noexcept nogil:
    """base + offset, or NULL where an optional array is missing."""
    return base if base == NULL else base + offset


cdef class Block:
    """So many bytes from an aligned `data` on, freed with the object; or if they are only passing,
    kept for the next call: fresh memory costs a fault for each page, which can take longer than the
    call."""
    cdef void* memory
    cdef bint passing
    cdef bytes_out data
