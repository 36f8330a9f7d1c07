/* repl_output.h - output that does not garble the line being edited. */
#ifndef GOL_CLI_REPL_OUTPUT_H
#define GOL_CLI_REPL_OUTPUT_H

#include <stdbool.h>

/* Once, at a terminal: from now on descriptors 1 and 2 lead through this module. clear and redraw take
 * the edited line off the screen and put it back; they are called with the lock held. */
void output_open(void (*clear)(void), void (*redraw)(void));
/* What was written so far is on the screen, and the descriptors are the terminal's again. */
void output_close(void);
void output_drain(void);

/* The terminal itself: for the prompt and for editors. */
int output_terminal(void);

/* Whoever changes the edited line holds the lock. editing: a line is on the screen. */
void output_lock(void);
void output_unlock(bool editing);

#endif
