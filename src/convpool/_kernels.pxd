# The C headers as Cython sees them: the only file that names them.
from libc.stddef cimport size_t
from libc.stdint cimport int16_t, int32_t, int64_t

cdef extern from "convpool/convpool.h" nogil:
    enum: CONVPOOL_VERSION_MAJOR, CONVPOOL_VERSION_MINOR, CONVPOOL_VERSION_PATCH
    enum: CONVPOOL_RANK, CONVPOOL_AXES
    enum: CONVPOOL_SLACK, CONVPOOL_MAX_WIDTH, CONVPOOL_MAX_PIXELS
    enum: CONVPOOL_DEPTH, CONVPOOL_ROW, CONVPOOL_COLUMN
    enum: CONVPOOL_AT_BATCH, CONVPOOL_AT_CHANNEL, CONVPOOL_AT_DEPTH, CONVPOOL_AT_ROW
    enum: CONVPOOL_AT_COLUMN
    enum: CONVPOOL_F32, CONVPOOL_F64, CONVPOOL_F16, CONVPOOL_U8, CONVPOOL_U16
    enum: CONVPOOL_S8, CONVPOOL_U8_S8, CONVPOOL_S8_U8, CONVPOOL_U8_I32, CONVPOOL_S8_I32
    enum: CONVPOOL_CONSTANT, CONVPOOL_REFLECT, CONVPOOL_REPLICATE, CONVPOOL_CIRCULAR
    enum: CONVPOOL_LINEAR, CONVPOOL_RELU, CONVPOOL_LEAKY_RELU, CONVPOOL_ELU, CONVPOOL_SIGMOID
    enum: CONVPOOL_HARDSIGMOID, CONVPOOL_TANH, CONVPOOL_SILU, CONVPOOL_HARDSWISH
    enum: CONVPOOL_HARDTANH, CONVPOOL_SOFTPLUS
    enum: CONVPOOL_BASELINE, CONVPOOL_AVX2, CONVPOOL_AVX512, CONVPOOL_NEON, CONVPOOL_ISAS
    enum: CONVPOOL_QUADS
    enum: CONVPOOL_CHAIN_STARTS, CONVPOOL_CHAIN_GOES_ON, CONVPOOL_CHAIN_ADDS
    enum: CONVPOOL_WINOGRAD_SIDE, CONVPOOL_WINOGRAD_POINTS, CONVPOOL_WINOGRAD_TILES
    enum: CONVPOOL_WINOGRAD_CHUNK, CONVPOOL_ROW_STRIPS, CONVPOOL_LINE_ROWS
    enum: CONVPOOL_FILTER_ROWS

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
        double zero_point

    ctypedef struct convpool_stage:
        int64_t row_phases, column_phases, rows, columns, lanes, over_rows, over_columns

    ctypedef struct convpool_block:
        int64_t depth, row, column, rows, columns, lanes

    ctypedef struct convpool_plane:
        int64_t rows, columns, row_step, top, left, low, high, planes, step, out_step

    ctypedef struct convpool_stencil:
        const int64_t* offset
        int64_t taps, stride, row_step, column_step
        int shape
        double low, high

    ctypedef struct convpool_pool:
        int64_t batch, channels
        convpool_axis axis[3]
        int64_t x_stride[5]
        int64_t out_stride[5]
        int64_t index_stride[5]
        int average, include_padding, adaptive
        int64_t divisor

    ctypedef struct convpool_windows:
        int64_t channels, size, channel_step

    ctypedef struct convpool_filter:
        int64_t height, width, channels
        int64_t kernel_height, kernel_width, above, left
        int64_t x_stride[3]
        int64_t out_stride[3]
        int border
        double border_value
        const int64_t* column
        const double* taps
        int shift
        int32_t offset
        const int16_t* fine
        int64_t fine_pitch, fine_offset
        double fine_doubt
        double doubt

    ctypedef struct convpool_filter_kernels:
        size_t real_size
        int taps
        void (*line)(const convpool_filter*, const void*, int64_t, int64_t, int64_t, int64_t,
                     int64_t, void*) noexcept nogil
        void (*store)(const convpool_filter*, const void*, const void*, int64_t, int64_t, int64_t,
                      int64_t, int64_t, void*) noexcept nogil
        void (*rows)(const void**, const void*, int64_t, int64_t, int64_t, int64_t, int64_t, void*,
                     int64_t) noexcept nogil
        void (*fold)(const void**, int, int64_t, void**) noexcept nogil
        void (*unfold)(const void*, int64_t, int, int64_t, void*, int64_t) noexcept nogil

    ctypedef struct convpool_finish:
        const void* bias
        const void* residual
        void* out
        int64_t residual_line, out_line
        double low, high

    ctypedef struct convpool_pool_block:
        int64_t channel, channels, depth, row, rows, column, columns

    ctypedef struct convpool_kernels:
        size_t element_size, weight_size, out_size, real_size
        int64_t products, rows, columns, lanes
        int x_shift
        const convpool_filter_kernels* filter[3]
        void (*pack_pixels)(const convpool_conv*, const void*, int64_t, int64_t, int64_t, int64_t,
                            int64_t, int64_t, void*) noexcept nogil
        void (*pack_weights)(const convpool_conv*, const void*, const int64_t*, int64_t, int64_t,
                             void*, int64_t, int64_t) noexcept nogil
        void (*pack_taps)(const convpool_conv*, const void*, const int64_t*, int64_t, int64_t,
                          void*, int64_t, int64_t) noexcept nogil
        void (*copy_windows)(const convpool_conv*, const convpool_windows*, const void*,
                             void*) noexcept nogil
        void (*gemm_tile)(int64_t, int64_t, int64_t, const void*, const void*, int64_t, void*,
                          int64_t, int, const void*) noexcept nogil
        void (*gemm_turned)(int64_t, int64_t, int64_t, const void*, const void*, int64_t, void*,
                            int64_t, int, const void*) noexcept nogil
        void (*gemm_rows)(int64_t, int64_t, int64_t, const void*, const int64_t*, const int64_t*,
                          const void*, int64_t, void*, int64_t, int, const convpool_finish*,
                          const void*) noexcept nogil
        void (*gemm_columns)(int64_t, int64_t, int64_t, const void*, const void*, const int64_t*,
                             void*, int64_t, int, const void*) noexcept nogil
        void (*gemm_pair)(int64_t, const void*, int64_t, const void*, int64_t, void*, int64_t, int,
                          const void*) noexcept nogil
        void (*gemm_row)(int64_t, const void*, const int64_t*, const void*, int64_t, void*, int64_t,
                         int) noexcept nogil
        void (*gemm_lines)(int64_t, int64_t, int64_t, const void*, const int64_t*, const int64_t*,
                           const void*, int64_t, void*, int64_t, int) noexcept nogil
        void (*gemm_whole)(int64_t, int64_t, const void*, const void*, int64_t, const int64_t*,
                           void*, void*, int64_t, int, const convpool_finish*,
                           const void*) noexcept nogil
        void (*turn)(const void*, int64_t, int64_t, int64_t, void*, int64_t) noexcept nogil
        void (*store_tile)(const convpool_conv*, const void*, int64_t, int, int64_t, int64_t,
                           int64_t, int64_t, const void*, const void*, void*) noexcept nogil
        void (*stage_patch)(const convpool_conv*, const convpool_stage*, const convpool_block*,
                            const void*, int, void*) noexcept nogil
        void (*stage_rows)(const void*, int64_t, double, void*) noexcept nogil
        void (*stencil)(const convpool_stencil*, const void*, const void*, const void*, int64_t,
                        int64_t, void*, int64_t) noexcept nogil
        void (*stencil_planes)(const convpool_plane*, const convpool_stencil*, const void*,
                               const void*, const void*, int64_t, int64_t, void*, int64_t,
                               void*) noexcept nogil
        void (*stencil_lanes)(const convpool_stencil*, const void*, const void*, int64_t,
                              const void*, const convpool_block*, void*, int64_t,
                              int64_t) noexcept nogil
        void (*store_row)(const convpool_conv*, const convpool_block*, int64_t, void*,
                          const void*, const void*, void*) noexcept nogil
        void (*winograd_pack)(const convpool_conv*, int, const void*, int64_t, int64_t, int64_t,
                              void*, int64_t, int64_t) noexcept nogil
        void (*winograd_store)(const convpool_conv*, int, const void*, int64_t, int64_t, int64_t,
                               int64_t, int64_t, const void*, const void*, void*) noexcept nogil
        void (*winograd_weights)(const convpool_conv*, int, const void*, const int64_t*, int64_t,
                                 int64_t, void*, int64_t) noexcept nogil
        void (*pool_block)(const convpool_pool*, int, const convpool_pool_block*, const void*,
                           void*, int64_t*) noexcept nogil

    unsigned convpool_cpu_capabilities()
    const char* convpool_isa_name(int isa)
    const convpool_kernels* convpool_find_kernels(int dtype, int isa)
    const convpool_kernels* convpool_find_quad_kernels(int dtype, int isa)
    double convpool_windows_most(const convpool_conv* conv, int64_t pixels, int64_t channels)
    void convpool_copied_windows(const convpool_conv* conv, int64_t pixel, int64_t pixels,
                                 int64_t channel, int64_t channels, int phases,
                                 convpool_windows* windows)
    void convpool_copied_places(const convpool_conv* conv, const convpool_windows* windows,
                                int64_t* place)
    void convpool_copied_offsets(const convpool_conv* conv, const convpool_windows* windows,
                                 int64_t begin, int64_t end, int64_t* offset)
    int64_t convpool_pixel_at(const convpool_axis* axis, const int64_t* stride, int64_t pixel)
    void convpool_input_places(const convpool_conv* conv, int64_t pixel, int64_t pixels,
                               int64_t* place)
    bint convpool_only_bounds(const convpool_conv* conv, double* low, double* high)
    int convpool_outputs_follow(const convpool_conv* conv, int axis, int with_residual)
    int convpool_leave_out_taps(convpool_conv* conv, int64_t* first)
    void convpool_merge_rows(convpool_conv* conv, int with_residual)
    convpool_stage convpool_stage_for(const convpool_conv* conv, int64_t rows, int64_t columns,
                                      int64_t lanes)
    int64_t convpool_stage_size(const convpool_conv* conv, const convpool_stage* stage)
    void convpool_stage_offsets(const convpool_conv* conv, const convpool_stage* stage,
                                int64_t* offset)
    void convpool_input_offsets(const convpool_conv* conv, int64_t* offset)
    convpool_stencil convpool_stencil_for(const convpool_conv* conv, int lanes,
                                          const int64_t* offset, int64_t row_step,
                                          int64_t column_step)
    int convpool_stencil_shape(const convpool_conv* conv, int lanes)
    int64_t convpool_plane_vectors(int shape)
    int64_t convpool_plane_scratch(const convpool_axis* row, int64_t rows)
    void convpool_outputs_inside(const convpool_axis* axis, int64_t* begin, int64_t* end)
    int64_t convpool_pixels(const convpool_axis* axis)
    int64_t convpool_border_index(int64_t i, int64_t size, int border)
    int64_t convpool_input_index(const convpool_axis* axis, int64_t o, int64_t tap, int border)
    int64_t convpool_taps(const convpool_axis* axis)
    bint convpool_weights_follow(const convpool_conv* conv, const int64_t* stride)
    int64_t convpool_reach(const convpool_axis* axis)
    int convpool_unpadded(const convpool_axis* axis)
    convpool_pool_block convpool_pool_cut(const convpool_pool* pool, int channels_last)
