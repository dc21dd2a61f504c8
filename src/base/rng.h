#ifndef CAIRN_BASE_RNG_H
#define CAIRN_BASE_RNG_H
/* Counter-based random numbers: Philox 4x32-10 (Salmon et al., SC 2011).
 *
 * A stream is named by five numbers and holds no other state, so that a resumed run, or a run with another number of
 * threads, draws the same numbers: key = (seed, stage), counter = (step, sample, purpose, block). */
#include <stdint.h>

typedef struct cairn_rng {
    uint32_t key[2];
    uint32_t counter[4]; /* counter[3] is the block within the stream */
    uint32_t block[4];
    int used; /* words of `block` already handed out */
    int has_spare;
    double spare; /* second value of the last pair of normals */
} cairn_rng;

cairn_rng cairn_rng_stream(uint32_t seed, uint32_t stage, uint32_t step, uint32_t sample, uint32_t purpose);
uint32_t cairn_rng_u32(cairn_rng *rng);
double cairn_rng_uniform(cairn_rng *rng);                         /* [0, 1), 32 bits */
double cairn_rng_between(cairn_rng *rng, double low, double high); /* [low, high) */
int cairn_rng_integer(cairn_rng *rng, int low, int high);         /* low..high inclusive, low <= high */
double cairn_rng_normal(cairn_rng *rng);                          /* mean 0, deviation 1 (Box-Muller) */
/* Normal, redrawn until it lies within two deviations of the mean. */
double cairn_rng_truncated(cairn_rng *rng, double mean, double deviation);
/* A random order of 0..count-1 (Fisher-Yates). */
void cairn_rng_shuffle(cairn_rng *rng, uint32_t *order, uint32_t count);
#endif
