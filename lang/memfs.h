/* memfs.h - packages that the embedder gives: files in memory, and those its callback finds. */
#ifndef GOL_LANG_MEMFS_H
#define GOL_LANG_MEMFS_H

#include "lang/compile.h"
#include "lang/mem.h"

typedef VEC(const MemoryFile *) MemoryFiles;
typedef struct MemFs MemFs;

/* Of the compile at hand; reads `in` whenever it is asked. */
MemFs *memfs_new(const CompileInput *in);
/* All files of the package, by name; "" is the main package. NULL: there is none. The host is asked
 * once for each path that the files given do not have. */
const MemoryFiles *memfs_package(MemFs *fs, const char *path);
/* Gives back what callbacks left, also after a compile that was unwound. */
void memfs_forget(void);

#endif
