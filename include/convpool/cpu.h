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

/* Instruction sets, in the order of preference; each is a bit of a capability mask. */
typedef enum convpool_isa {
    CONVPOOL_BASELINE = 0,
    CONVPOOL_AVX2 = 1, /* AVX2 with FMA */
    CONVPOOL_ISAS = 2
} convpool_isa;

/* Result: the instruction set's name, NULL for a number that names none. */
CONVPOOL_INLINE const char *convpool_isa_name(int isa)
{
    switch (isa) {
    case CONVPOOL_BASELINE: return "baseline";
    case CONVPOOL_AVX2: return "avx2";
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

/* Precondition: cpuid says that the operating system has enabled xgetbv. */
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

/* Result: bit 1 << isa is set for each convpool_isa that can run here. Baseline always can. */
CONVPOOL_INLINE unsigned convpool_cpu_capabilities(void)
{
    unsigned mask = 1u << CONVPOOL_BASELINE;
#if CONVPOOL_X86
    uint32_t leaf[4];
    convpool_cpuid(1, 0, leaf);
    const int fma = (leaf[2] >> 12) & 1, xgetbv = (leaf[2] >> 27) & 1, avx = (leaf[2] >> 28) & 1;
    if (fma && xgetbv && avx && (convpool_saved_registers() & 6) == 6) {
        convpool_cpuid(7, 0, leaf);
        if ((leaf[1] >> 5) & 1) {
            mask |= 1u << CONVPOOL_AVX2;
        }
    }
#endif
    return mask;
}

#endif
