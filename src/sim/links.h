/*
 * links - what the gateway puts into a text in place of files and tracked addresses.
 *
 * A link depends on nothing but the content behind it, so that the same SMS sent twice stays the same.
 */
#ifndef BH_SIM_LINKS_H
#define BH_SIM_LINKS_H

#include "sim/params.h"

/*
 * Append `text` to `buf` with each [[name]] of a given file replaced by a link.  False: a file without name
 * or with contents that are no base64.
 */
bool bh_sim_links_files(const struct bh_sim_params *params, struct bh_sim_str text,
                        struct bh_sim_buf *buf);

/* Append `text` with each http or https address replaced by a short one. */
void bh_sim_links_track(struct bh_sim_str text, struct bh_sim_buf *buf);

#endif
