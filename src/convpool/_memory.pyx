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

    /* Leaves memory, or NULL, where the next caller finds it, whatever thread that is in.
     * Result: what was there. */
    #if defined(__SANITIZE_ADDRESS__)
    #define CONVPOOL_FORGETS 1
    #elif defined(__has_feature)
    #if __has_feature(address_sanitizer)
    #define CONVPOOL_FORGETS 1
    #endif
    #endif
    #if defined(CONVPOOL_FORGETS) /* so that the sanitizer sees all bounds */
    #define convpool_exchange(memory) (memory)
    #else
    static void *volatile convpool_spare;
    #if defined(_MSC_VER)
    #include <intrin.h>
    #define convpool_exchange(memory) \
        _InterlockedExchangePointer((void *volatile *)&convpool_spare, memory)
    #else
    #define convpool_exchange(memory) \
        __atomic_exchange_n(&convpool_spare, memory, __ATOMIC_ACQ_REL)
    #endif
    #endif
    """
    void convpool_advise_pages(void* memory, size_t size) noexcept nogil
    void* convpool_exchange(void* memory) noexcept nogil

cdef enum:
    LARGE = 4 << 20  # bytes, from which on pages matter
    KEPT = 4 << 20   # bytes that stay from call to call, at most


# All memory begins with its size.
cdef inline size_t size_of(void* memory) noexcept:
    return (<size_t*>memory)[0]


@cython.final
@cython.freelist(8)
cdef class Block:
    def __cinit__(self, int64_t size, bint passing=False):
        cdef size_t needed = <size_t>(size + ALIGNMENT) + sizeof(size_t)
        self.passing = passing
        if passing:
            self.memory = convpool_exchange(NULL)
        if self.memory != NULL and size_of(self.memory) < needed:
            PyMem_RawFree(self.memory)
            self.memory = NULL
        if self.memory == NULL:
            self.memory = PyMem_RawMalloc(needed)
            if self.memory == NULL:
                raise MemoryError(f"no memory for {size} bytes of working space")
            (<size_t*>self.memory)[0] = needed
            if size >= LARGE:
                convpool_advise_pages(self.memory, <size_t>size)
        self.data = <bytes_out>aligned(<int64_t>self.memory + <int64_t>sizeof(size_t))

    def __dealloc__(self):
        cdef void* spare = self.memory
        cdef size_t size = 0 if spare == NULL else size_of(spare)  # before others may free it
        if self.passing and 0 < size <= KEPT:
            spare = convpool_exchange(spare)
            if spare != NULL and size_of(spare) > size:  # another thread's
                spare = convpool_exchange(spare)
        PyMem_RawFree(spare)


def release():
    """Gives back what waits for the next call, for tests that count memory."""
    PyMem_RawFree(convpool_exchange(NULL))
