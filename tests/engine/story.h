/*
 * story - what becomes of one job whose request was not answered, told as a list of requests and their answers.
 *
 * Between two requests the job is settled, waits, and is claimed again from what was written, so that each story
 * is also one of workers that know nothing but the record.
 */
#ifndef BH_TESTS_ENGINE_STORY_H
#define BH_TESTS_ENGINE_STORY_H

#include "engine/rig.h"

enum story_act {
    STORY_END,
    STORY_SEND, /* a message is sent */
    STORY_LOOK, /* the journal is asked */
};

/*
 * Answers: "-" none until the timeout, "down" no connection, a code or any other text as it is.  To look-ups also
 * "found", "twice", "absent", "old" (an entry of ten minutes before the first request), "other" (another job's),
 * "failed" (one of ours, 45 s later, which failed), "failed, found", "full" (a page of other jobs' entries), "http 500".
 */
struct story_step {
    bh_ms at_ms; /* since the first request began */
    enum story_act act;
    const char *answer;
};

struct story {
    struct rig *rig;
    const char *payload;
    const char *id;
    char head[8192]; /* of the job, as the store would give it out */
    bh_ms began_ms;
    bool has_begun;
    int64_t created_ms, expires_ms;
};

/* Claim the job, in a state of the account. */
void story_begin(struct story *story, struct rig *rig, const char *payload, const char *id);

/* One step; false, with a line on stderr, when something else happens. */
bool story_step(struct story *story, const struct story_step *step);

/* What the job comes to in the end: the final SETTLE, or the first that makes it wait when `waits`. */
struct bh_command story_end(struct story *story, bool waits);

/* The job waits as the SETTLE says and is claimed again. */
void story_come_back(struct story *story, const struct bh_command *settle);

/* The journal's body for a look-up command; the caller frees it. */
char *story_journal(const struct story *story, const struct bh_command *look_up, const char *what);

#endif
