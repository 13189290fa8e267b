/*
 * redis_error - what an error reply of Redis means for the worker, as one table.
 *
 * Workers that stop silently after a fail-over mostly do so because one error word met code that did not
 * expect it.  So all decisions about error replies are taken by this table: the first word of the reply
 * gives a class, and the class says what to do.  Words that are not listed are BH_REDIS_OTHER.
 */
#ifndef BH_CORE_REDIS_ERROR_H
#define BH_CORE_REDIS_ERROR_H

#include "core/base.h"
#include "core/str.h"

enum bh_redis_class {
    BH_REDIS_WAIT, /* the server cannot now but will soon: ask again later, keep the connection */
    BH_REDIS_RECONNECT, /* we talk to the wrong server: drop the connection, resolve the name anew */
    BH_REDIS_LOAD_SCRIPT, /* the script cache is empty: load it, send this one command again */
    BH_REDIS_FULL,        /* out of memory: nothing may be added, removing still works */
    BH_REDIS_ALARM,       /* a person has to act: say so, try again slowly */
    BH_REDIS_OTHER,       /* not an answer of the server's mood; a bug of ours or unknown */
};

struct bh_redis_error {
    const char
        *word; /* the reply's first word, or its beginning where "ERR" alone says too little */
    enum bh_redis_class class;
    const char *advice; /* what happened, what the worker does, what to do; full sentences */
};

/*
 * The row for the text of an error reply (without the leading '-'); never NULL.  Also understands the
 * form in which servers before 7.0 wrap an error inside a script:
 * "ERR Error running script (call to f_...): @user_script:1: -OOM command not allowed ...".
 */
const struct bh_redis_error *bh_redis_error_find(struct bh_str reply_text);

/*
 * The row for an error that is told within a longer text, such as a connection's reason; NULL: there is none.  *ret_at: where it begins.
 */
const struct bh_redis_error *bh_redis_error_search(const char *text, size_t *ret_at);

/* "wait", "reconnect", "load_script", "full", "alarm", "other"; for logs and as a metric's label. */
const char *bh_redis_class_name(enum bh_redis_class class);

#endif
