from convpool._kernels cimport convpool_kernels

cdef const convpool_kernels* kernels_for(int dtype)
cdef const convpool_kernels* quad_kernels_for(int dtype)
cdef int threads_for(object requested, double work) except -1
