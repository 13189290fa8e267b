/*
 * api_render - the overview's picture as the JSON of the API: what the dashboard reads every two seconds.
 *
 * Pure: a picture in, bytes out.  Strangers and the administrator are told the same: figures, names of queues and
 * processes, the verdict, and the words in which an operator or the gateway said why something stands still; but what may be
 * somebody's number in such words is hidden from strangers.
 *
 * Times are unix milliseconds, durations milliseconds unless their name says otherwise; `null` is "not known".
 */
#ifndef BH_DAEMON_API_RENDER_H
#define BH_DAEMON_API_RENDER_H

#include "core/config.h"
#include "core/json.h"
#include "daemon/overview.h"

struct bh_api_viewer {
    bool admin;          /* he has shown the token */
    bool token_is_known; /* there is one to show */
};

void bh_api_render_overview(struct bh_json_writer *writer,
                            const struct bh_overview_snapshot *snapshot,
                            const struct bh_config *config, struct bh_api_viewer viewer);

/* The minutes of the last hour, oldest first, and then the present moment. */
void bh_api_render_history(struct bh_json_writer *writer, const struct bh_overview_queue *queue);

/* The snapshot's queue of that name, or NULL. */
const struct bh_overview_queue *bh_api_queue(const struct bh_overview_snapshot *snapshot,
                                             const char *name);

#endif
