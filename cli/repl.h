/* repl.h - sessions at a terminal and in pipes. */
#ifndef GOL_CLI_REPL_H
#define GOL_CLI_REPL_H

#include <stdbool.h>

/* Runs a session on standard input until it ends; gives the exit status. color: of diagnostics. */
int repl_main(bool color);

#endif
