# cython: language_level=3, cdivision=True
"""Scratch memory of the drivers."""
cimport cython
from cpython.mem cimport PyMem_RawFree, PyMem_RawMalloc

cdef extern from *:
    """
    #if defined(__linux__)
    #include <sys/mman.h>
    #endif

    /* Asks for pages of 2 MB where memory has room for them: with small ones, reading what is large
     * waits for their addresses, too. What the system cannot give it does not. */
    static void convpool_advise_pages(void *memory, size_t size)
    {
    #if defined(MADV_HUGEPAGE)
        const uintptr_t page = (uintptr_t)1 << 21, first = (uintptr_t)memory;
        const uintptr_t begin = (first + page - 1) / page * page;
        const uintptr_t end = (first + size) / page * page;
        if (begin < end) {
            (void)madvise((void *)begin, end - begin, MADV_HUGEPAGE);
        }
    #else
        (void)memory;
        (void)size;
    #endif
    }
    """
    void convpool_advise_pages(void* memory, size_t size) noexcept nogil

cdef enum:
    LARGE = 4 << 20  # bytes, from which on pages matter


@cython.final
@cython.freelist(8)
cdef class Block:
    def __cinit__(self, int64_t size):
        self.memory = PyMem_RawMalloc(<size_t>(size + ALIGNMENT))
        if self.memory == NULL:
            raise MemoryError(f"no memory for {size} bytes of working space")
        if size >= LARGE:
            convpool_advise_pages(self.memory, <size_t>size)
        self.data = <bytes_out>aligned(<int64_t>self.memory)

    def __dealloc__(self):
        PyMem_RawFree(self.memory)
