#include "base/rng.h"

#include <math.h>

static void philox(const uint32_t key_in[2], const uint32_t counter[4], uint32_t out[4])
{
    uint32_t k0 = key_in[0], k1 = key_in[1], c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
        uint32_t n0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0, n2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c1 = (uint32_t)p1;
        c3 = (uint32_t)p0;
        c0 = n0;
        c2 = n2;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

cairn_rng cairn_rng_stream(uint32_t seed, uint32_t stage, uint32_t step, uint32_t sample, uint32_t purpose)
{
    return (cairn_rng){.key = {seed, stage}, .counter = {step, sample, purpose, 0}, .used = 4};
}

uint32_t cairn_rng_u32(cairn_rng *rng)
{
    if (rng->used == 4) {
        philox(rng->key, rng->counter, rng->block);
        rng->counter[3]++;
        rng->used = 0;
    }
    return rng->block[rng->used++];
}

double cairn_rng_uniform(cairn_rng *rng)
{
    return cairn_rng_u32(rng) * 0x1p-32;
}

double cairn_rng_between(cairn_rng *rng, double low, double high)
{
    return low + (high - low) * cairn_rng_uniform(rng);
}

int cairn_rng_integer(cairn_rng *rng, int low, int high)
{
    uint32_t span = (uint32_t)(high - low) + 1u;
    return low + (int)(((uint64_t)cairn_rng_u32(rng) * span) >> 32);
}

double cairn_rng_normal(cairn_rng *rng)
{
    if (rng->has_spare) {
        rng->has_spare = 0;
        return rng->spare;
    }
    double radius = sqrt(-2.0 * log(1.0 - cairn_rng_uniform(rng)));
    double angle = 6.283185307179586 * cairn_rng_uniform(rng);
    rng->spare = radius * sin(angle);
    rng->has_spare = 1;
    return radius * cos(angle);
}

double cairn_rng_truncated(cairn_rng *rng, double mean, double deviation)
{
    double z;
    do z = cairn_rng_normal(rng);
    while (fabs(z) > 2.0);
    return mean + deviation * z;
}

void cairn_rng_shuffle(cairn_rng *rng, uint32_t *order, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) order[i] = i;
    for (uint32_t i = count; i > 1; i--) {
        uint32_t j = (uint32_t)cairn_rng_integer(rng, 0, (int)i - 1), t = order[i - 1];
        order[i - 1] = order[j];
        order[j] = t;
    }
}
