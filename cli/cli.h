/* cli.h - what the gol command's files share. */
#ifndef GOL_CLI_CLI_H
#define GOL_CLI_CLI_H

#include <stdbool.h>

/* Diagnostics on standard error in colour? */
bool cli_want_color(void);

/* gol test: cli/test.c. The exit status. */
int cli_test(int argc, char **argv);

#endif
