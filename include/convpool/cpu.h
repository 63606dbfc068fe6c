/* cpu.h - what this processor AND its operating system can run.
 *
 * A processor may have AVX while the system does not save its registers, so cpuid alone is not
 * enough: xgetbv says what is saved.
 */
#ifndef CONVPOOL_CPU_H
#define CONVPOOL_CPU_H

#include "types.h"

#if CONVPOOL_X86
#if defined(_MSC_VER)
#include <intrin.h>
#else
#include <cpuid.h>
#endif
#endif

#if CONVPOOL_NEON_QUADS && CONVPOOL_ARM64
#if defined(__linux__)
#include <sys/auxv.h>
#elif defined(_WIN32)
#ifndef NOMINMAX
#define NOMINMAX
#endif
#include <windows.h>
#endif
#endif

/* Instruction sets, in the order of preference; each is a bit of a capability mask. */
typedef enum convpool_isa {
    CONVPOOL_BASELINE = 0,
    CONVPOOL_AVX2 = 1,   /* AVX2 with FMA and F16C */
    CONVPOOL_AVX512 = 2, /* AVX-512 F, VL, DQ and BW */
    CONVPOOL_NEON = 3,   /* 64-bit ARM */
    CONVPOOL_ISAS = 4
} convpool_isa;

/* Bit CONVPOOL_QUADS + isa of a capability mask: the set also multiplies quads of bytes. */
enum { CONVPOOL_QUADS = 16 };

/* Result: the instruction set's name, NULL for a number that names none. */
CONVPOOL_INLINE const char *convpool_isa_name(int isa)
{
    switch (isa) {
    case CONVPOOL_BASELINE: return "baseline";
    case CONVPOOL_AVX2: return "avx2";
    case CONVPOOL_AVX512: return "avx512";
    case CONVPOOL_NEON: return "neon";
    default: return NULL;
    }
}

#if CONVPOOL_X86
CONVPOOL_INLINE void convpool_cpuid(uint32_t leaf, uint32_t subleaf, uint32_t registers[4])
{
#if defined(_MSC_VER)
    int words[4];
    __cpuidex(words, (int)leaf, (int)subleaf);
    memcpy(registers, words, sizeof words);
#else
    registers[0] = registers[1] = registers[2] = registers[3] = 0;
    __get_cpuid_count(leaf, subleaf, &registers[0], &registers[1], &registers[2], &registers[3]);
#endif
}

/* Result: a bit for each kind of register that the operating system saves: 1 xmm, 2 ymm; 5 opmask,
 * 6 and 7 zmm. Precondition: cpuid says that it has enabled xgetbv. */
CONVPOOL_INLINE uint64_t convpool_saved_registers(void)
{
#if defined(_MSC_VER)
    return _xgetbv(0);
#else
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return ((uint64_t)high << 32) | low;
#endif
}
#endif

#if CONVPOOL_ARM64
/* Result: whether this processor has the dot products of ARMv8.2, and this program could use them.
 * Where nothing tells, as it was compiled for. */
CONVPOOL_INLINE int convpool_has_dot_products(void)
{
#if !CONVPOOL_NEON_QUADS
    return 0;
#elif defined(__linux__)
    return (int)(getauxval(AT_HWCAP) >> 20 & 1);
#elif defined(_WIN32)
    return IsProcessorFeaturePresent(43) != 0; /* PF_ARM_V82_DP_INSTRUCTIONS_AVAILABLE */
#elif defined(__ARM_FEATURE_DOTPROD)
    return 1;
#else
    return 0;
#endif
}
#endif

/* Result: bit 1 << isa is set for each convpool_isa that can run here, and 1 << (CONVPOOL_QUADS +
 * isa) if quads of bytes can, too. Baseline always can. */
CONVPOOL_INLINE unsigned convpool_cpu_capabilities(void)
{
    unsigned mask = 1u << CONVPOOL_BASELINE;
#if CONVPOOL_X86
    uint32_t leaf[4];
    convpool_cpuid(1, 0, leaf);
    const uint32_t avx = 1u << 12 | 1u << 27 | 1u << 28 | 1u << 29; /* FMA, xgetbv, AVX, F16C */
    if ((leaf[2] & avx) == avx) {
        const uint64_t saved = convpool_saved_registers();
        const uint32_t avx2 = 1u << 5;
        const uint32_t avx512 = avx2 | 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31; /* F DQ BW VL */
        uint32_t more[4];
        convpool_cpuid(7, 0, leaf);
        convpool_cpuid(7, 1, more);
        if ((saved & 0x06) == 0x06 && (leaf[1] & avx2) == avx2) {
            mask |= 1u << CONVPOOL_AVX2;
            mask |= (more[0] >> 4 & 1) << (CONVPOOL_QUADS + CONVPOOL_AVX2);
        }
        if ((saved & 0xe6) == 0xe6 && (leaf[1] & avx512) == avx512) {
            mask |= 1u << CONVPOOL_AVX512;
            mask |= (leaf[2] >> 11 & 1) << (CONVPOOL_QUADS + CONVPOOL_AVX512);
        }
    }
#elif CONVPOOL_ARM64
    mask |= 1u << CONVPOOL_NEON; /* part of the architecture, on every operating system */
    mask |= (unsigned)convpool_has_dot_products() << (CONVPOOL_QUADS + CONVPOOL_NEON);
#endif
    return mask;
}

#endif
