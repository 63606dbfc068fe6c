# What `cimport convpool` gives: the types and functions of convpool/convpool.h, under the same
# names. Modules that use it are compiled with include_dirs=[convpool.get_include()].
from convpool._kernels cimport *
