/*
 * who - who runs this command, for the audit; no proof of anything.
 */
#ifndef BH_CLI_WHO_H
#define BH_CLI_WHO_H

#define BH_WHO_MAX 128

/* "USER@HOST", or "SOMEBODY as USER@HOST" by way of sudo.  Not in two threads at a time. */
void bh_who(char ret_who[BH_WHO_MAX]);

#endif
