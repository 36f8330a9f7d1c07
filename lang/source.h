/* source.h - source files on disk: which files of a folder belong to a package, and their text. */
#ifndef GOL_LANG_SOURCE_H
#define GOL_LANG_SOURCE_H

#include "lang/diag.h"

typedef VEC(const char *) PathList;

/* The .gol and .go files of a folder that this platform's build takes, sorted: its _test files or the
 * others. Hidden files and files whose name excludes them are left out (X.go where X.gol exists,
 * too). *excluded counts those left out for the platform. False: the folder cannot be read (errno). */
bool source_list(const char *dir, bool tests, PathList *out, uint32_t *excluded);
/* The same of names alone. */
void source_select(const PathList *names, bool tests, PathList *out, uint32_t *excluded);
/* Sub-folders, sorted. */
void source_folders(const char *dir, PathList *out);
/* The text of a file, NUL-terminated, in compile memory; NULL with *why. */
char *source_read(const char *path, size_t *len, const char **why);
/* Does the //go:build line above the package clause admit the file? *go_minor: raised or lowered to
 * the version it asks for (0: none). */
bool source_admits(const char *text, size_t len, int *go_minor);
bool source_is_binary(const char *text, size_t len);
bool source_is_folder(const char *path);
bool source_exists(const char *path);
/* "a/b/../c/./d" -> "a/c/d". */
char *source_clean(const char *path);
char *source_join(const char *dir, const char *name);
char *source_dir_of(const char *path); /* "." if there is no slash */

#endif
