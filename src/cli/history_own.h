/*
 * history_own - what the files of history share: what was read, and how it is named.
 */
#ifndef BH_CLI_HISTORY_OWN_H
#define BH_CLI_HISTORY_OWN_H

#include <bellhop/job.h>

#include "cli/history.h"
#include "core/job_head.h"
#include "engine/progress.h"

#define BH_HISTORY_LINES_MAX 200 /* of each stream, the newest */
#define BH_HISTORY_FIELD_MAX 200
#define BH_HISTORY_OWNER_MAX 160

/* One entry of a stream, oldest last while they are read. */
struct bh_history_entry {
    struct bh_wall at;
    char first[BH_HISTORY_FIELD_MAX];  /* state, or who */
    char second[BH_HISTORY_FIELD_MAX]; /* reason, or what */
    char before[32], after[32];        /* of the audit */
    char delivery[32];                 /* of a message, that has changed; "" another change */
    int64_t code;
    int64_t attempts;
};

struct bh_history_lines {
    struct bh_history_entry *entries; /* owned; room for BH_HISTORY_LINES_MAX, or NULL */
    size_t count;
    bool cut; /* there may be older ones */
};

struct bh_history {
    enum bh_place place;
    struct bh_wall score; /* by place */
    bool has_head;
    bool unreadable;
    struct bh_job_head head; /* neither memo nor lost_by */
    char owner[BH_HISTORY_OWNER_MAX];
    char lost_by[BH_HISTORY_OWNER_MAX];
    bool has_progress;
    struct bh_progress progress; /* owned */
    bool cancelled;              /* a tombstone waits for it */
    struct bh_wall callback_at;  /* when it is posted next; 0: nothing is to be posted */
    unsigned callback_failed;    /* posts since its last change */
    struct bh_history_lines events;
    struct bh_history_lines audit;
};

/* What is counted of a job's recipients: in JSON, and in words. */
#define BH_HISTORY_RECIPIENT_ROWS 6
struct bh_history_recipient_row {
    enum bh_recipient_state state;
    const char *name;
    const char *text;
};
extern const struct bh_history_recipient_row bh_history_recipient_rows[BH_HISTORY_RECIPIENT_ROWS];

/* A time of a job's progress, which has whole seconds. */
struct bh_wall bh_history_seconds(unsigned seconds);

#endif
