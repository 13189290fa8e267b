/*
 * picture_json - a picture for machines: a line of JSON per queue, as `bellhop status --json` prints it.
 *
 * Scripts read it: a member keeps its name and its meaning.
 */
#ifndef BH_CLI_PICTURE_JSON_H
#define BH_CLI_PICTURE_JSON_H

#include "cli/picture.h"

/*
 * Print a line per queue, each with the first verdict, account, gateway and server; a single one without a queue when Redis
 * cannot be asked.  BH_ENOMEM, BH_ETOOBIG: not all of them were printed.
 */
enum bh_status bh_picture_print_json(const struct bh_picture *picture,
                                     const struct bh_judgement *verdict) BH_MUST_CHECK;

#endif
