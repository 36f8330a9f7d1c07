/* image.h - the std image inside the library: image.S has the bytes, image_none.c stands in for it
 * in the first-stage build. */
#ifndef GOL_EMBED_IMAGE_H
#define GOL_EMBED_IMAGE_H

#include <stdint.h>

extern const unsigned char image_start[];
extern const uint64_t image_size; /* 0: none */

#endif
