# cython: language_level=3, cdivision=True
"""Scratch memory of the drivers."""
cimport cython
from cpython.mem cimport PyMem_RawFree, PyMem_RawMalloc


@cython.final
@cython.freelist(8)
cdef class Block:
    def __cinit__(self, int64_t size):
        self.memory = PyMem_RawMalloc(<size_t>(size + ALIGNMENT))
        if self.memory == NULL:
            raise MemoryError(f"no memory for {size} bytes of working space")
        self.data = <bytes_out>aligned(<int64_t>self.memory)

    def __dealloc__(self):
        PyMem_RawFree(self.memory)
