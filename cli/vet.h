/* vet.h - the vet command. */
#ifndef GOL_CLI_VET_H
#define GOL_CLI_VET_H

#include <stdbool.h>

int vet_main(int argc, char **argv, bool color);

#endif
