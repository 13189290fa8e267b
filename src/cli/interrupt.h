/*
 * interrupt - Ctrl-C as a question that long commands ask between two steps.
 *
 * What is under way is finished and told; nothing is torn.  A second Ctrl-C ends the program as usual.
 */
#ifndef BH_CLI_INTERRUPT_H
#define BH_CLI_INTERRUPT_H

#include <stdbool.h>

/* From here on SIGINT and SIGTERM are remembered, once. */
void bh_interrupt_watch(void);

bool bh_interrupted(void);

#endif
