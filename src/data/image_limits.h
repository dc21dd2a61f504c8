#ifndef CAIRN_DATA_IMAGE_LIMITS_H
#define CAIRN_DATA_IMAGE_LIMITS_H
/* What an image may measure at most, in memory and in files. */
#define CAIRN_IMAGE_MAX_SIDE 16384
#define CAIRN_IMAGE_MAX_PIXELS (1 << 27)
#define CAIRN_IMAGE_MAX_FILE ((size_t)1 << 29) /* bytes; three bytes for each of the 2^27 pixels, and some */
#endif
