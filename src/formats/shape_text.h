#ifndef CAIRN_FORMATS_SHAPE_TEXT_H
#define CAIRN_FORMATS_SHAPE_TEXT_H
/* A tensor's shape in a message: "[64,1,3,3]"; a negative size, which stands for any, as "?". */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

static inline void cairn_shape_text(char *text, size_t size, int rank, const int64_t *shape)
{
    size_t n = (size_t)snprintf(text, size, "[");
    for (int i = 0; i < rank && n + 24 < size; i++)
        n += (size_t)(shape[i] < 0 ? snprintf(text + n, size - n, "%s?", i ? "," : "")
                                   : snprintf(text + n, size - n, "%s%lld", i ? "," : "", (long long)shape[i]));
    snprintf(text + n, size - n, "]");
}
#endif
