/* repl_input.h - lines for the prompt: readline at a terminal, plain lines elsewhere. */
#ifndef GOL_CLI_REPL_INPUT_H
#define GOL_CLI_REPL_INPUT_H

#include <stdbool.h>
#include <stddef.h>

/* Names that complete `word`, one a line, malloc'd; what does not begin with it is left out here. */
typedef char *(*InputNames)(void *ctx, const char *word);

/* Once. about: a name that was found with its signature, malloc'd, or NULL. terminal: prompt, edit and keep a history. */
void input_open(bool terminal, InputNames names, InputNames about, void *ctx);
/* A line without its newline, malloc'd. NULL: end of input, or *interrupted by Ctrl-C. */
char *input_line(const char *prompt, bool *interrupted);
/* A whole entry goes to the history. */
void input_remember(const char *entry);
/* Writes the history. */
void input_close(void);
/* For the SIGINT handler. */
void input_interrupt(void);

#endif
