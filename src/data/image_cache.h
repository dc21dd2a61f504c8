#ifndef CAIRN_DATA_IMAGE_CACHE_H
#define CAIRN_DATA_IMAGE_CACHE_H
/* Images that are made when they are wanted, and kept as far as a bound on memory allows. Which images are kept changes
 * no bit of what a reader gets, only how often an image is made.
 *
 * Once the memory is full, three quarters of it stay as they are and the rest is a ring of the latest: where every
 * image is wanted once in each pass, in an order of its own, that saves almost as many makings as there is memory for,
 * and keeping the last used ones would save far fewer. */
#include "data/image.h"

#include <stdbool.h>

typedef struct cairn_image_cache cairn_image_cache;

typedef struct cairn_image_cache_options {
    int count;       /* images, numbered from 0 */
    size_t bytes;    /* of the pixels of one */
    uint64_t memory; /* bytes for the images that are kept; one image is kept in any case */
    /* Makes image i, from several threads at once. The same pixels at every call. */
    cairn_status (*make)(void *payload, int i, cairn_image *out);
    void *payload;
} cairn_image_cache_options;

cairn_status cairn_image_cache_create(cairn_image_cache **out, const cairn_image_cache_options *options);
/* Waits for the threads that make images ahead. Accepts NULL. */
void cairn_image_cache_destroy(cairn_image_cache **cache);
/* A copy of image i, made now if it is not there. Any thread.
 * error  that of `make`, which is asked again at the next call; CAIRN_E_NOMEM
 * owner  the caller frees *out */
cairn_status cairn_image_cache_read(cairn_image *out, cairn_image_cache *cache, int i);
/* These will be read soon, in this order: threads, one for each core, make them. Replaces what was expected before; the
 * end of a list for which there is no room is not made ahead. */
void cairn_image_cache_expect(cairn_image_cache *cache, const int *images, int count);
/* How often an image was made so far; what is kept now, and how many are kept at most. */
typedef struct cairn_image_cache_counts {
    int64_t made;
    int kept, most;
} cairn_image_cache_counts;
cairn_image_cache_counts cairn_image_cache_count(cairn_image_cache *cache);
#endif
