/* goembed.h - //go:embed: files that become the values of package variables. */
#ifndef GOL_LANG_GOEMBED_H
#define GOL_LANG_GOEMBED_H

#include "lang/ast.h"
#include "lang/memfs.h"

typedef struct EmbedFile {
    const char *name; /* relative to the package's folder, slashes */
    const char *data;
    size_t len;
} EmbedFile;

/* What the directives above one variable name. */
typedef struct Embed {
    Pos pos, end;            /* the variable's name */
    VEC(EmbedFile) files;    /* by name, each once */
    bool bad;                /* reported */
} Embed;

/* Where a package's files are: a folder, or the embedder's files. */
typedef struct EmbedPlace {
    const char *dir;
    const MemoryFiles *files;
    bool script;             /* embed need not be imported */
} EmbedPlace;

/* Finds the file's directives, the variables below them and the files that they name; sets
 * Decl.value.embed. */
void goembed_attach(DiagList *d, File *f, const EmbedPlace *place);
/* The value of a variable of type embed.FS: see stdlib/embed/embed.gol. */
Const *goembed_image(const Embed *e);

#endif
