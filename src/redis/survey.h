/*
 * survey - ask a server what core/redis_survey wants to know.
 *
 * A dozen commands in one go over a connection that is up; what the user may not ask stays unknown.  Changes
 * nothing on the server.
 */
#ifndef BH_REDIS_SURVEY_H
#define BH_REDIS_SURVEY_H

#include "core/redis_survey.h"
#include "redis/connection.h"
#include "redis/keys.h"

struct bh_survey_options {
    struct bh_redis_connection *connection; /* borrowed until done; READY */
    const struct bh_queue_keys *queue; /* whose keys the rights are tried on; borrowed likewise */
    const struct bh_account_keys *account; /* borrowed likewise */
    /* Once, never from within start.  Not called when the connection is lost meanwhile. */
    void (*on_done)(void *arg, const struct bh_redis_survey *survey);
    void *arg;
};

/* BH_EDOWN, BH_ENOMEM: nothing follows. */
enum bh_status bh_survey_start(const struct bh_survey_options *options) BH_MUST_CHECK;

#endif
