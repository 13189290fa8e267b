/*
 * selection - the jobs that a command is about: from its operands to a stream of found jobs.
 *
 * Operands are ids and terms of core/filter.h, mixed.  With ids (or `-`, or nothing on the command line and standard
 * input not a terminal: one per line) exactly these jobs are looked up and the terms choose among them.  Without ids
 * the places of each queue are walked page by page.
 *
 * Ids are looked for in the status hashes, then among the dead whose status has been forgotten, then among those that
 * nobody has claimed, the latter two up to a bound.
 *
 * What the walk can find are jobs with a record, and those that nobody has claimed.  A job that has ended as sent,
 * partial, expired, cancelled or duplicate has nothing but its status: it is found by its id alone, which is told
 * to whoever filters for such a state.
 *
 * Nothing here is a snapshot: jobs move while they are looked at.  No job with a handle is handed over twice; one that
 * moves from a place that is still to be walked into one that was may be missed, one that ends meanwhile may
 * be handed over all the same, without status.  Never is the key space of Redis walked.
 *
 * Whoever changes jobs gathers (queue, id, handle) first and changes them afterwards: a list that shrinks
 * while it is walked hides jobs.
 */
#ifndef BH_CLI_SELECTION_H
#define BH_CLI_SELECTION_H

#include "cli/configuration.h"
#include "core/filter.h"
#include "core/job_head.h"

#define BH_SELECTION_LIMIT_LIST   1000   /* of a list, unless --limit says otherwise */
#define BH_SELECTION_LIMIT_CHANGE 100000 /* most jobs that one command changes or counts */
#define BH_SELECTION_NO_LIMIT     SIZE_MAX

enum bh_place {
    BH_PLACE_RAW, /* no worker has claimed it: there is no handle, its id is what its payload says */
    BH_PLACE_READY,    /* may run now */
    BH_PLACE_SUSPECTS, /* may run now, apart from the others */
    BH_PLACE_DUE,      /* waits for a time */
    BH_PLACE_LEASES,   /* in a worker's hands */
    BH_PLACE_DEAD,
    BH_PLACE_GONE, /* it has ended: only its status is left; found by id */
};

struct redisReply; /* of <hiredis/hiredis.h> */

/* "waiting", "in hand", ...: the place's name for people and machines. */
const char *bh_place_name(enum bh_place place);

/* What is read about each job that is handed over; more if the filter needs it. */
enum bh_selection_read {
    BH_READ_STATUS = 1,  /* the fields below that come from the status hash */
    BH_READ_PAYLOAD = 2, /* as it was pushed, and what stands in it */
    BH_READ_WHOLE = 4,   /* the whole status hash too, as `whole` */
};

/* One job.  All views live until the callback returns; an empty view: there is none, or it was not read. */
struct bh_found_job {
    size_t queue; /* index into the choice of queues */
    const char *queue_name;
    const struct bh_queue_keys *keys;
    enum bh_place place;
    struct bh_str id;     /* empty: it has none yet */
    struct bh_str handle; /* empty in BH_PLACE_RAW and BH_PLACE_GONE */
    struct bh_wall score; /* time due, end of the lease or time of death, by place; 0: none */
    bool has_head;        /* false: RAW, GONE, or the record cannot be read */
    struct bh_job_head head;
    bool unreadable; /* there is a record, or should be one, and nobody can read it */

    uint32_t states; /* bits of enum bh_filter_state */
    struct bh_str reason;
    struct bh_wall created; /* 0: not known */
    struct bh_wall next;    /* next try; 0: none, or as soon as a worker is free */
    struct bh_wall server_now;

    bool has_status;
    bool uncertain; /* an earlier request may have been accepted, whatever it waits for */
    uint32_t attempts;
    struct bh_str state;                  /* the status hash's word */
    struct bh_str type, to, label, error; /* of the status, else of the payload */
    struct bh_str code;
    struct bh_str from; /* of the payload */
    struct redisReply
        *whole; /* borrowed; fields and values of the status; NULL: none, or not read */
    bool has_payload;
    struct bh_str payload;
    uint64_t payload_bytes; /* its length, also when it is too long to be read */
};

/* Anything but BH_EXIT_DONE ends the walk and is what bh_selection_run returns.  May use the session. */
typedef enum bh_exit bh_selection_on_job(void *arg, const struct bh_found_job *job);

/* An id that is not known in any queue of the choice. */
typedef enum bh_exit bh_selection_on_missing(void *arg, const char *id);

struct bh_selection {
    struct bh_queue_choice queues;
    struct bh_filter filter;
    const char *const *ids; /* borrowed from the operands */
    size_t ids_count;
    bool from_input; /* more ids on standard input */

    /* The caller's, after prepare; zero: nothing more than needed, BH_SELECTION_LIMIT_CHANGE. */
    unsigned read;     /* enum bh_selection_read */
    size_t limit;      /* most jobs to hand over */
    size_t looked_max; /* most jobs to look at, chosen or not */
    uint32_t states;   /* only these; 0: all.  For commands that are about some states only */
    bh_selection_on_missing *on_missing; /* with the argument of on_job; NULL: it is told */

    /* Filled by bh_selection_run. */
    size_t found;   /* handed over */
    size_t looked;  /* looked at */
    size_t missing; /* ids that are not known; each has been told, or handed over */
    size_t
        unreadable; /* records that nobody can read, passed over unless only dead ones are walked */
    bool limit_reached; /* there may be more than `limit` */
    bool cut;           /* `looked_max` was reached: the rest was not looked at */

    const char **owned_ids; /* private */
};

enum bh_selection_default {
    BH_SELECT_NEEDS_OPERAND, /* no operand and a terminal on standard input is a misuse */
    BH_SELECT_ALL,           /* no operand means all jobs; standard input is read for `-` only */
};

/*
 * Read operands; loads the configuration.  `queue` is --queue or NULL.  On failure the person has been told.
 * bh_selection_release in any case.
 */
enum bh_exit bh_selection_prepare(struct bh_cli *cli, struct bh_operands operands,
                                  const char *queue, enum bh_selection_default without,
                                  struct bh_selection *ret_selection) BH_MUST_CHECK;

/* Hand over each job.  BH_EXIT_DONE also when there was none (`found`).  Failures have been told. */
enum bh_exit bh_selection_run(struct bh_cli *cli, struct bh_selection *selection,
                              bh_selection_on_job *on_job, void *arg) BH_MUST_CHECK;

void bh_selection_release(struct bh_selection *selection);

/* --limit as people give it: 1 to 100000; NULL gives `otherwise`. */
enum bh_exit bh_selection_limit(const char *text, size_t otherwise,
                                size_t *ret_limit) BH_MUST_CHECK;

/* Tell on standard error what was left out: more than the limit, more than was looked at, unreadable records. */
void bh_selection_tell_rest(const struct bh_selection *selection);

#endif
