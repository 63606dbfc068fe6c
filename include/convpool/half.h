/* half.h - IEEE 754 binary16 to and from binary32, exact and rounded half to even, without
 * hardware or compiler support: the bits are the same on every machine.
 */
#ifndef CONVPOOL_HALF_H
#define CONVPOOL_HALF_H

#include "types.h"

typedef struct convpool_half {
    uint16_t bits;
} convpool_half;

CONVPOOL_INLINE float convpool_float_of_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

CONVPOOL_INLINE uint32_t convpool_bits_of_float(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

CONVPOOL_INLINE float convpool_half_to_float(convpool_half half)
{
    const uint32_t sign = (uint32_t)(half.bits & 0x8000u) << 16;
    const uint32_t magnitude = half.bits & 0x7fffu;
    /* Moving the exponent's bias from 15 to 127 is one multiplication, which also normalises
     * subnormal numbers. Infinity and NaN keep an exponent of all ones. */
    const float scaled = convpool_float_of_bits(magnitude << 13) * 0x1p112f;
    const uint32_t finite = convpool_bits_of_float(scaled);
    const uint32_t special = 0x7f800000u | (magnitude << 13);
    return convpool_float_of_bits(sign | (magnitude >= 0x7c00u ? special : finite));
}

CONVPOOL_INLINE convpool_half convpool_half_from_float(float value)
{
    const uint32_t bits = convpool_bits_of_float(value);
    const uint32_t sign = (bits >> 16) & 0x8000u;
    const uint32_t magnitude = bits & 0x7fffffffu;
    convpool_half half;
    uint32_t rounded;
    if (magnitude > 0x7f800000u) {
        rounded = 0x7e00u; /* NaN */
    } else if (magnitude >= 0x477ff000u) {
        rounded = 0x7c00u; /* 65520 and above round to infinity */
    } else if (magnitude < 0x38800000u) {
        /* Subnormal: adding 1/2 puts the unit of the last half bit at the last float bit, so
         * that the addition itself rounds half to even. */
        const float shifted = convpool_float_of_bits(magnitude) + 0.5f;
        rounded = convpool_bits_of_float(shifted) - 0x3f000000u;
    } else {
        rounded = (magnitude - 0x38000000u + 0xfffu + ((magnitude >> 13) & 1u)) >> 13;
    }
    half.bits = (uint16_t)(sign | rounded);
    return half;
}

#endif
