/* export.h - a std package's declarations as text, and back. export_text is in compile.h. */
#ifndef GOL_LANG_EXPORT_H
#define GOL_LANG_EXPORT_H

#include "lang/types.h"

/* Parses an export text into pkg->files. */
void export_parse(DiagList *d, Package *pkg, const char *text, size_t len);

#endif
