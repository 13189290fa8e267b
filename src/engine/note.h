/*
 * note - one decision, as it is told to the log.
 *
 * The engine decides, so the engine says, once: what happened to which job and what happens next.
 * What a masked log must not show stands in members of its own (`to`, `detail`); the shell masks them.
 */
#ifndef BH_ENGINE_NOTE_H
#define BH_ENGINE_NOTE_H

#include "core/base.h"
#include "core/instant.h"
#include "core/log_line.h"

struct bh_note {
    enum bh_log_level level;
    const char
        *event; /* "sent", "retrying", "held", "invalid", "lease_lost", "gateway_down", ... */
    const char *queue;  /* name; NULL: not about a queue */
    const char *id;     /* of the job; NULL: not about a job */
    const char *to;     /* the first recipient, number or name; NULL: none */
    size_t to_more;     /* how many more there are */
    const char *reason; /* word; NULL */
    uint32_t attempt;   /* 0: none yet */
    int code;           /* the gateway's; 0 none */
    int http_status;    /* 0 none */
    bh_ms took_ms;      /* the request's time; -1 none */
    const char *text;   /* what happened, a sentence without a full stop; never NULL */
    const char *next;   /* what follows; NULL or "" when nothing does */
    const char *detail; /* like `text`, but may quote the job: not for a masked log; NULL */
};

typedef void (*bh_note_fn)(void *arg, const struct bh_note *note);

#endif
