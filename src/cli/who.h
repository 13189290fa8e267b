/*
 * who - who runs this command, for the audit; no proof of anything.
 */
#ifndef BH_CLI_WHO_H
#define BH_CLI_WHO_H

#define BH_WHO_MAX 128

/* "USER@HOST" */
void bh_who(char ret_who[BH_WHO_MAX]);

#endif
