#ifndef CAIRN_DATA_IMAGE_STREAM_H
#define CAIRN_DATA_IMAGE_STREAM_H
/* Images one after the other, decoded ahead on all cores while the caller works on those before. */
#include "data/image.h"

typedef struct cairn_image_stream cairn_image_stream;

typedef struct cairn_image_stream_options {
    int count; /* images, numbered from 0 */
    int ahead; /* at most so many decoded images wait, 1..1024: the bound of the memory */
    /* Makes image i; called from several threads at once. */
    cairn_status (*load)(void *payload, int i, cairn_image *out);
    void *payload;
} cairn_image_stream_options;

cairn_status cairn_image_stream_open(cairn_image_stream **out, const cairn_image_stream_options *options);
/* Waits for what is being decoded. Accepts NULL. */
void cairn_image_stream_close(cairn_image_stream **stream);
/* The next image in the order of the numbers; not more often than `count` times. A failure is that image's alone.
 * error  that of `load`, with its message
 * owner  the caller frees *out */
cairn_status cairn_image_stream_next(cairn_image_stream *stream, cairn_image *out);
#endif
