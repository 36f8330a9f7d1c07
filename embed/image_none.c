/* image_none.c - the first-stage build has no std image. */
#include "embed/image.h"

const unsigned char image_start[16];
const uint64_t image_size = 0;
