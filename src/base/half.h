#ifndef CAIRN_BASE_HALF_H
#define CAIRN_BASE_HALF_H
/* fp16 (IEEE 754 binary16) on the host: to nearest, ties to even, beyond 65504 to infinity, NaN to NaN, as
 * shaders/include/tensor.glsl rounds. */
#include <stdint.h>
#include <string.h>

static inline uint16_t cairn_half_from_float(float f)
{
    uint32_t bits, sign;
    memcpy(&bits, &f, 4);
    sign = bits >> 16 & 0x8000u;
    bits &= 0x7fffffffu;
    if (bits > 0x7f800000u) return (uint16_t)(sign | 0x7e00u);
    if (bits >= 0x477ff000u) return (uint16_t)(sign | 0x7c00u);
    if (bits >= 0x38800000u) return (uint16_t)(sign | (bits - 0x38000000u + 0xfffu + (bits >> 13 & 1)) >> 13);
    float small;
    memcpy(&small, &bits, 4);
    small += 0.5f; /* an ulp of 0.5 is the smallest half */
    memcpy(&bits, &small, 4);
    return (uint16_t)(sign | (bits - 0x3f000000u));
}

static inline float cairn_half_to_float(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000u) << 16, exponent = h >> 10 & 0x1fu, mantissa = h & 0x3ffu, bits;
    float f;
    if (exponent == 0) {
        f = (float)mantissa * 0x1p-24f;
        memcpy(&bits, &f, 4);
        bits |= sign;
    } else {
        bits = sign | (exponent == 31 ? 0x7f800000u : (exponent + 112) << 23) | mantissa << 13;
    }
    memcpy(&f, &bits, 4);
    return f;
}
#endif
