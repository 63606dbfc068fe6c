# The C headers as Cython sees them: the only file that names them.
from libc.stddef cimport size_t
from libc.stdint cimport int64_t

cdef extern from "convpool/convpool.h" nogil:
    enum: CONVPOOL_RANK, CONVPOOL_AXES
    enum: CONVPOOL_SLACK
    enum: CONVPOOL_DEPTH, CONVPOOL_ROW, CONVPOOL_COLUMN
    enum: CONVPOOL_AT_BATCH, CONVPOOL_AT_CHANNEL
    enum: CONVPOOL_F32, CONVPOOL_F64, CONVPOOL_F16, CONVPOOL_U8, CONVPOOL_U16
    enum: CONVPOOL_CONSTANT, CONVPOOL_REFLECT, CONVPOOL_REPLICATE, CONVPOOL_CIRCULAR
    enum: CONVPOOL_LINEAR, CONVPOOL_RELU, CONVPOOL_LEAKY_RELU, CONVPOOL_ELU, CONVPOOL_SIGMOID
    enum: CONVPOOL_HARDSIGMOID, CONVPOOL_TANH, CONVPOOL_SILU, CONVPOOL_HARDSWISH
    enum: CONVPOOL_HARDTANH, CONVPOOL_SOFTPLUS
    enum: CONVPOOL_ISAS

    ctypedef struct convpool_axis:
        int64_t size, kernel, stride, dilation, before, after, out

    ctypedef struct convpool_conv:
        int64_t batch, groups, channels, out_channels
        convpool_axis axis[3]
        int64_t x_stride[5]
        int64_t out_stride[5]
        int64_t residual_stride[5]
        int border
        double border_value
        int activation
        double activation_parameter[2]

    ctypedef struct convpool_stage:
        int64_t row_phases, column_phases, rows, columns, lanes

    ctypedef struct convpool_pool:
        int64_t batch, channels
        convpool_axis axis[3]
        int64_t x_stride[5]
        int64_t out_stride[5]
        int64_t index_stride[5]
        int average, include_padding
        int64_t divisor

    ctypedef struct convpool_pool_block:
        int64_t channel, channels, depth, row, rows, column, columns

    ctypedef struct convpool_kernels:
        size_t element_size, real_size
        int64_t rows, columns
        void (*pack_pixels)(const convpool_conv*, const void*, int64_t, int64_t, int64_t, int64_t,
                            int64_t, int64_t, void*) noexcept nogil
        void (*pack_weights)(const convpool_conv*, const void*, const int64_t*, int64_t, int64_t,
                             void*) noexcept nogil
        void (*gemm_tile)(int64_t, int64_t, int64_t, const void*, const void*, void*,
                          int) noexcept nogil
        void (*store_tile)(const convpool_conv*, const void*, int64_t, int, int64_t, int64_t,
                           int64_t, int64_t, const void*, const void*, void*) noexcept nogil
        void (*stage_patch)(const convpool_conv*, const convpool_stage*, const void*, int64_t,
                            int64_t, int64_t, void*) noexcept nogil
        void (*stencil)(const void*, const int64_t*, const void*, int64_t, int64_t,
                        void*) noexcept nogil
        void (*stencil_lanes)(const void*, const int64_t*, const void*, int64_t, int64_t, int64_t,
                              int64_t, int64_t, void*) noexcept nogil
        void (*store_row)(const convpool_conv*, const void*, int64_t, int64_t, int64_t, int64_t,
                          int64_t, const void*, const void*, void*) noexcept nogil
        void (*pool_block)(const convpool_pool*, int, const convpool_pool_block*, const void*,
                           void*, int64_t*) noexcept nogil

    unsigned convpool_cpu_capabilities()
    const char* convpool_isa_name(int isa)
    const convpool_kernels* convpool_find_kernels(int dtype, int isa)
    void convpool_merge_rows(convpool_conv* conv, int with_residual)
    convpool_stage convpool_stage_for(const convpool_conv* conv, int64_t rows, int64_t columns,
                                      int64_t lanes)
    int64_t convpool_stage_size(const convpool_conv* conv, const convpool_stage* stage)
    void convpool_stage_offsets(const convpool_conv* conv, const convpool_stage* stage,
                                int64_t* offset)
    int64_t convpool_pixels(const convpool_axis* axis)
    int64_t convpool_taps(const convpool_axis* axis)
    convpool_pool_block convpool_pool_cut(const convpool_pool* pool, int channels_last)
