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


cdef inline int64_t aligned(int64_t size) noexcept nogil:
    return ceil_div(size, ALIGNMENT) * ALIGNMENT


cdef inline bytes_in beyond(bytes_in base, int64_t offset) noexcept nogil:
    """base + offset, or NULL where an optional array is missing."""
    return base if base == NULL else base + offset


cdef class Block:
    """So many bytes from an aligned `data` on, freed with the object."""
    cdef void* memory
    cdef bytes_out data
