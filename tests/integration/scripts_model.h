/*
 * scripts_model - what the queue's scripts ought to do, as plain C over plain arrays.
 *
 * The test runs each operation on Redis and here, and compares the replies and, after every step, the whole
 * content of the queue as text.  The gauges are not kept but counted anew each time.
 */
#ifndef TESTS_SCRIPTS_MODEL_H
#define TESTS_SCRIPTS_MODEL_H

#include "core/buf.h"
#include "core/job_head.h"
#include "engine/protocol.h"
#include "redis/resolve.h"
#include "redis/steer.h"
#include "redis/store.h"

#define MODEL_IDS    24
#define MODEL_LOCKS  5
#define MODEL_OWNERS 3
#define MODEL_JOBS   256
#define MODEL_NAMES  64

enum model_place {
    MODEL_READY, /* on the list `ready` or `suspects` */
    MODEL_DUE,
    MODEL_LEASED,
    MODEL_DEAD,
};

struct model_job {
    enum model_place place;
    int64_t score; /* due time, lease's end or time of death */
    int64_t handle;
    char payload[24]; /* "ID.SERIAL" */
    char waiting;
    char reason[16];
    int64_t attempts, recoveries, token, started, created, due, expires, uncertain;
    char owner[8];
    char id[8];
    char memo[16];
};

struct model_status {
    bool exists, final;
    char state[16], reason[16], first_error[16];
    int64_t attempts, created_at, updated_at, next_at, handle;
    bool confirmed; /* by an operator */
    bool asks;      /* to be told of its end */
};

struct model_list {
    char items[1024][24]; /* the left end first */
    size_t count;
};

struct model {
    struct bh_store_queue queue;
    int64_t now;
    struct model_list raw, in, ready, suspects;
    struct model_job jobs[MODEL_JOBS];
    size_t jobs_count;
    struct model_status statuses[MODEL_IDS];
    int64_t locks[MODEL_LOCKS]; /* the holder's handle; 0: free */
    bool cancels[MODEL_IDS];
    int64_t callbacks[MODEL_IDS]; /* when its post is due; 0: none is */
    struct {
        bool leads; /* the index leads to its job */
        int64_t open, pull;
    } messages[MODEL_IDS]; /* an id's only message */
    struct {
        char owner[8];
        int64_t token;
    } seen[MODEL_OWNERS]; /* the last claim of each */
    struct {
        char name[32];
        int64_t value;
    } counters[MODEL_NAMES];
    size_t counters_count;
    bool paused;
    bool has_bucket;
    double tokens;
    int64_t tokens_at;
    uint64_t audited;
};

/* The number of an id such as "i7". */
size_t model_id_number(const char *id);

/* Jobs of every other id ask to be told of their end. */
bool model_asks(const char *id);

/* The number of an id's message; in a buffer that lives on. */
const char *model_message(const char *id);

/* The name of the ledger entry of an id. */
size_t model_lock_number(const char *id);
void model_lock_digest(size_t number, char *ret_digest);

void model_push(struct model *model, const char *payload, bool jump);
void model_move_aside(struct model *model);

struct model_claimed {
    enum bh_claim_code code;
    int64_t next_due, wait;
    bool more;
    int64_t token;
    int64_t suspects;
    int64_t handles[BH_CLAIM_MAX];
    size_t count;
};

void model_claim(struct model *model, const char *owner, size_t count, bool alone,
                 struct model_claimed *ret_claimed);
enum bh_admit_code model_admit(struct model *model, const char *owner,
                               const struct bh_admit_command *admit);
enum bh_settle_code model_settle(struct model *model, const char *owner,
                                 const struct bh_settle_command *settle);
/* After a batch of settlements. */
void model_trim_dead(struct model *model);
enum bh_renew_code model_renew(struct model *model, const char *owner,
                               const struct bh_claim_ref *claim);
enum bh_resolve_code model_resolve(struct model *model, const char *id, enum bh_resolve_word word);
/* One job of a call; handle 0: not known. */
enum bh_steer_code model_steer(struct model *model, enum bh_steering operation, const char *id,
                               int64_t handle);
/* A job that exists. */
const struct model_job *model_job(struct model *model, int64_t handle);

struct model_adopted {
    uint64_t recovered, seen, token, handle, waiting;
};
void model_adopt(struct model *model, const char *owner, bool restarted,
                 const struct bh_store_mark *met, const uint64_t *known, size_t count,
                 struct model_adopted *ret_adopted);
int64_t model_next_due(const struct model *model);

/* The content as text; the same form as scripts_model.lua gives. */
void model_print(struct model *model, struct bh_buf *buf);

#endif
