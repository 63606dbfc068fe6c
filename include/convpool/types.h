/* types.h - the words every other header uses: element types, modes, and the macros that
 * hide what differs between compilers.
 *
 * Everything here is C11 and C++17, allocates nothing and keeps no state.
 */
#ifndef CONVPOOL_TYPES_H
#define CONVPOOL_TYPES_H

#include <stdint.h>
#include <string.h>

#if defined(_MSC_VER) && !defined(__clang__)
#define CONVPOOL_INLINE static __inline
#define CONVPOOL_FORCE_INLINE static __forceinline
#define CONVPOOL_NOINLINE static __declspec(noinline)
#define CONVPOOL_RESTRICT __restrict
#else
#define CONVPOOL_INLINE static inline
#define CONVPOOL_FORCE_INLINE static inline __attribute__((always_inline))
#define CONVPOOL_NOINLINE static __attribute__((noinline, unused))
#define CONVPOOL_RESTRICT __restrict__
#endif

/* Hints that what p points to, which need not exist, will be read soon, or written. */
#if defined(__GNUC__) || defined(__clang__)
#define CONVPOOL_PREFETCH(p) __builtin_prefetch(p)
#define CONVPOOL_PREFETCH_OUT(p) __builtin_prefetch(p, 1)
#else
#define CONVPOOL_PREFETCH(p) ((void)(p))
#define CONVPOOL_PREFETCH_OUT(p) ((void)(p))
#endif

/* Before a loop of few and constant steps: unrolled, the arrays it indexes become registers. GCC
 * otherwise leaves such loops for too late, or at -O2 alone, and their vectors in memory. */
#if defined(__clang__)
#define CONVPOOL_UNROLL _Pragma("clang loop unroll(full)")
#elif defined(__GNUC__)
#define CONVPOOL_UNROLL _Pragma("GCC unroll 32")
#else
#define CONVPOOL_UNROLL
#endif

/* Before a loop of constant length with conditions or conversions: GCC makes vectors of those in
 * loops alone, which it otherwise may unroll too soon. */
#if defined(__GNUC__) && !defined(__clang__)
#define CONVPOOL_KEEP_LOOP _Pragma("GCC unroll 1")
#else
#define CONVPOOL_KEEP_LOOP
#endif

#if defined(__x86_64__) || defined(_M_X64)
#define CONVPOOL_X86 1
#else
#define CONVPOOL_X86 0
#endif

#if defined(__aarch64__) || defined(_M_ARM64)
#define CONVPOOL_ARM64 1
#else
#define CONVPOOL_ARM64 0
#endif

/* A function that uses vectors of an instruction set carries its target, as does every helper it
 * inlines; the rest of the program stays baseline. MSVC takes intrinsics without being told. */
#if defined(_MSC_VER) && !defined(__clang__)
#define CONVPOOL_TARGET_AVX2
#define CONVPOOL_TARGET_AVX512
#else
#define CONVPOOL_TARGET_AVX2 __attribute__((target("avx2,fma,f16c")))
#define CONVPOOL_TARGET_AVX512 \
    __attribute__((target("avx2,fma,f16c,avx512f,avx512vl,avx512dq,avx512bw")))
#endif

/* The same for products of quads of bytes, of which not every compiler knows: AVX-512 VNNI,
 * AVX-VNNI, and the dot products of ARMv8.2. */
#if defined(_MSC_VER) && !defined(__clang__)
#define CONVPOOL_AVX512_QUADS (_MSC_VER >= 1930)
#define CONVPOOL_AVX2_QUADS (_MSC_VER >= 1930)
#define CONVPOOL_NEON_QUADS (_MSC_VER >= 1930)
#define CONVPOOL_TARGET_AVX512_QUADS
#define CONVPOOL_TARGET_AVX2_QUADS
#define CONVPOOL_TARGET_NEON_QUADS
#else
#if defined(__clang__)
#define CONVPOOL_AVX512_QUADS 1
#define CONVPOOL_AVX2_QUADS (__clang_major__ >= 12)
#else
#define CONVPOOL_AVX512_QUADS (__GNUC__ >= 8)
#define CONVPOOL_AVX2_QUADS (__GNUC__ >= 11)
#endif
#define CONVPOOL_TARGET_AVX512_QUADS \
    __attribute__((target("avx2,fma,f16c,avx512f,avx512vl,avx512dq,avx512bw,avx512vnni")))
#define CONVPOOL_TARGET_AVX2_QUADS __attribute__((target("avx2,fma,f16c,avxvnni")))
#if defined(__ARM_FEATURE_DOTPROD)
#define CONVPOOL_NEON_QUADS 1
#define CONVPOOL_TARGET_NEON_QUADS
#elif defined(__clang__)
#define CONVPOOL_NEON_QUADS (__clang_major__ >= 16)
#define CONVPOOL_TARGET_NEON_QUADS __attribute__((target("dotprod")))
#else
#define CONVPOOL_NEON_QUADS (__GNUC__ >= 9)
#define CONVPOOL_TARGET_NEON_QUADS __attribute__((target("arch=armv8.2-a+dotprod")))
#endif
#endif

#define CONVPOOL_PASTE_(a, b, c, d) a##b##_##c##_##d
#define CONVPOOL_PASTE(a, b, c, d) CONVPOOL_PASTE_(a, b, c, d)

/* Element types of arrays; the last ones are of inputs and of outputs that have another. Sums are
 * formed in float for F16 and F32, in double for F64 and filters of pixels, and in int32_t for
 * convolutions of bytes. */
typedef enum convpool_dtype {
    CONVPOOL_F32 = 0,
    CONVPOOL_F64 = 1,
    CONVPOOL_F16 = 2,
    CONVPOOL_U8 = 3,
    CONVPOOL_U16 = 4,
    CONVPOOL_S8 = 5,
    CONVPOOL_U8_S8 = 6,
    CONVPOOL_S8_U8 = 7,
    CONVPOOL_U8_I32 = 8,
    CONVPOOL_S8_I32 = 9,
    CONVPOOL_DTYPES = 10
} convpool_dtype;

/* What a window sees beyond the edge of its input. */
typedef enum convpool_border {
    CONVPOOL_CONSTANT = 0,  /* v v v | a b c d | v v v */
    CONVPOOL_REFLECT = 1,   /* d c b | a b c d | c b a */
    CONVPOOL_REPLICATE = 2, /* a a a | a b c d | d d d */
    CONVPOOL_CIRCULAR = 3   /* b c d | a b c d | a b c */
} convpool_border;

typedef enum convpool_activation {
    CONVPOOL_LINEAR = 0,
    CONVPOOL_RELU = 1,
    CONVPOOL_LEAKY_RELU = 2,  /* x < 0 ? p0 x : x */
    CONVPOOL_ELU = 3,         /* x < 0 ? p0 (e^x - 1) : x */
    CONVPOOL_SIGMOID = 4,     /* 1 / (1 + e^-x) */
    CONVPOOL_HARDSIGMOID = 5, /* min(max(p0 x + p1, 0), 1) */
    CONVPOOL_TANH = 6,
    CONVPOOL_SILU = 7,        /* x sigmoid(x) */
    CONVPOOL_HARDSWISH = 8,   /* x min(max(x / 6 + 1/2, 0), 1) */
    CONVPOOL_HARDTANH = 9,    /* min(max(x, p0), p1); relu6 is p0 = 0, p1 = 6 */
    CONVPOOL_SOFTPLUS = 10    /* log(1 + e^(p0 x)) / p0 */
} convpool_activation;

#endif
