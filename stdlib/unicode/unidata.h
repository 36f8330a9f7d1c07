/* unidata.h - what C code may ask about a code point (answered in unicode.c). Any thread. */
#ifndef GOL_STDLIB_UNIDATA_H
#define GOL_STDLIB_UNIDATA_H

#include <stdbool.h>
#include <stdint.h>

bool unidata_is_print(int32_t r);
bool unidata_is_graphic(int32_t r);
bool unidata_is_space(int32_t r);

#endif
