#ifndef CAIRN_BASE_HASH_H
#define CAIRN_BASE_HASH_H
/* FNV-1a, 64 bits: names and contents of files, where nobody gains by a collision. The same on every machine. */
#include <stddef.h>
#include <stdint.h>

#define CAIRN_HASH_START UINT64_C(14695981039346656037)

/* Goes on from `hash`, which is CAIRN_HASH_START or what an earlier call returned. */
static inline uint64_t cairn_hash_bytes(uint64_t hash, const void *data, size_t size)
{
    const uint8_t *bytes = data;
    for (size_t i = 0; i < size; i++) hash = (hash ^ bytes[i]) * UINT64_C(1099511628211);
    return hash;
}

/* The bytes of a text without its final zero. */
static inline uint64_t cairn_hash_text(uint64_t hash, const char *text)
{
    while (*text) hash = (hash ^ (uint8_t)*text++) * UINT64_C(1099511628211);
    return hash;
}
#endif
