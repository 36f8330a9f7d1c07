/* repl_keep.h - the entries of a session as the user wrote them: for :save, :load and :edit. */
#ifndef GOL_CLI_REPL_KEEP_H
#define GOL_CLI_REPL_KEEP_H

#include <stdbool.h>
#include <stddef.h>

/* An entry has been run. lasting: it is to be saved; an expression that was only shown is not. */
void keep_entry(const char *text, bool lasting);
/* Forgets what is to be saved. */
void keep_forget(void);

/* Writes a file that keep_is_saved knows. False: errno. */
bool keep_save(const char *path);
bool keep_is_saved(const char *text);
/* A text of line comments only: they belong to what follows them at once. */
bool keep_is_comment(const char *text, size_t len);
/* The next entry of such a text, malloc'd, and *at behind it; NULL: no more. */
char *keep_next(const char **at);

/* The last entry as the user's editor leaves it, malloc'd; NULL: the editor failed. */
char *keep_edit(void);

#endif
