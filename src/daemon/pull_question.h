/*
 * pull_question - one question to the gateway about what became of messages, and its answer.
 *
 * Knows the three places that can be asked, and which pages of a journal; not when to ask, and whom to tell.  No I/O but
 * the clock and the nonce of a signed request.
 */
#ifndef BH_DAEMON_PULL_QUESTION_H
#define BH_DAEMON_PULL_QUESTION_H

#include <bellhop/error.h>

#include "core/base.h"
#include "core/config.h"
#include "core/gateway_request.h"
#include "core/gateway_status.h"
#include "redis/pull.h"

enum bh_pull_source {
    BH_PULL_STATUS,  /* SMS, many by their numbers in one request */
    BH_PULL_JOURNAL, /* SMS, by walking through the journal of what was sent */
    BH_PULL_CALLS,   /* calls, through theirs */
};

#define BH_PULL_SOURCE_COUNT (BH_PULL_CALLS + 1)

/* Requests about the same messages may take several pages; what was learnt from the earlier ones stays. */
struct bh_pull_question {
    enum bh_pull_source source;
    unsigned page;
    size_t count;
    struct bh_pulled_message messages[BH_PULL_MESSAGES_MAX];
    size_t of_batch[BH_PULL_MESSAGES_MAX]; /* the message's place there */
    struct bh_wall first, last;            /* when the oldest and the newest were accepted */
};

/* About the batch's SMS, or its calls if the source is theirs.  False: there are none. */
bool bh_pull_question_begin(struct bh_pull_question *question, const struct bh_pull_batch *batch,
                            enum bh_pull_source source);

/* Failures as of gateway_request.h. */
enum bh_status bh_pull_question_render(const struct bh_pull_question *question,
                                       const struct bh_config *config, const char *sent_with,
                                       struct bh_gateway_request *request,
                                       struct bh_error *error) BH_MUST_CHECK;

/*
 * Read an answer.  *ret_code is always written: the gateway's code when there is one in place of an answer, else 0.
 * *ret_more is set by READ: the question has moved on to its next page, which is to be asked for too.
 */
enum bh_pulled bh_pull_question_read(struct bh_pull_question *question,
                                     const struct bh_config *config,
                                     const struct bh_exchange *exchange, int *ret_code,
                                     bool *ret_more);

/* "status", "journal", "calls" */
const char *bh_pull_source_name(enum bh_pull_source source);

#endif
