/*
 * report_codec - which job a delivery report is about, and the call that writes the report into its status.
 *
 * A report bears the number of its message, which leads to a job by an entry that was written when the job ended (script
 * `finish`), and the foreign id of its message, which is the job's id unless the producer gave one of his own.  Such
 * an id may exist in several queues, and a producer's own may be the id of another job; so the status is read first,
 * in every queue, and compared.
 */
#ifndef BH_REDIS_REPORT_CODEC_H
#define BH_REDIS_REPORT_CODEC_H

#include "core/base.h"
#include "core/delivery_report.h"
#include "core/str.h"
#include "redis/call.h"
#include "redis/keys.h"
#include "redis/tracking.h"

struct redisReply; /* of <hiredis/hiredis.h> */

/* What is read of a status, in this order. */
#define BH_REPORT_STATUS_FIELDS "state", "to", "message_id", "foreign_id", "type"

/* Views borrow from the reply.  An empty state: there is no such job. */
struct bh_reported_status {
    struct bh_str state;
    struct bh_str to;          /* recipients with commas between them */
    struct bh_str message_ids; /* likewise */
    struct bh_str foreign_id;  /* the producer's own; empty: the job's id */
    struct bh_str type;        /* sms or voice; empty: not known */
};

/* The reply to an HMGET of these fields.  BH_EPROTO when it is none. */
enum bh_status bh_decode_reported_status(const struct redisReply *reply,
                                         struct bh_reported_status *ret_status) BH_MUST_CHECK;

/* How well a report fits to a job, the best last. */
enum bh_report_match {
    BH_REPORT_MATCH_NONE, /* no such job, or its messages have another name or are of another kind */
    BH_REPORT_MATCH_OTHER, /* its name, but the job has other messages than this one */
    BH_REPORT_MATCH_NAME,  /* its name, and nothing speaks against it */
    BH_REPORT_MATCH_EXACT, /* its name and its message */
};

/* `status` is that of the job whose id is the report's foreign id. */
enum bh_report_match bh_report_match(const struct bh_delivery_report *report,
                                     const struct bh_reported_status *status);

/* Nothing that a report says changes the state of such a job. */
bool bh_report_state_is_settled(struct bh_str state);

/* More than one number or name.  A report does not say whose message it is about, so it settles no such job. */
bool bh_report_is_for_several(const struct bh_reported_status *status);

/* Its message is among those that the job is known by, and of its kind: calls are numbered apart from SMS. */
bool bh_report_is_of(const struct bh_delivery_report *report,
                     const struct bh_reported_status *status);

/* The reply to a GET of a message's entry: the job's id, empty when there is none.  BH_EPROTO: that is no id. */
enum bh_status bh_decode_message_entry(const struct redisReply *reply,
                                       struct bh_str *ret_id) BH_MUST_CHECK;

enum bh_report_code {
    BH_REPORT_CODE_NOTED,
    BH_REPORT_CODE_NOTHING_NEW, /* it has been said, or something later */
    BH_REPORT_CODE_NONE,        /* no such job */
    BH_REPORT_CODE_SEVERAL,     /* several recipients: the message's id is kept as evidence */
    BH_REPORT_CODE_OTHER,       /* the job has another message */
};

struct bh_report_note {
    const char *id; /* of the job that it is about */
    const struct bh_delivery_report *report;
    bh_ms retention_ms;          /* of a final status */
    uint32_t events_cap;         /* about how many events the stream keeps; 0: no events */
    struct bh_tracking tracking; /* of the queue's messages */
};

/* Append a whole call to an initialised `call` of BH_SCRIPT_REPORT; bh_call_argv tells failures. */
void bh_encode_report(struct bh_call *call, const struct bh_queue_keys *keys,
                      const struct bh_report_note *note);

struct bh_report_noted {
    enum bh_report_code code;
    bool may_resend; /* see bh_report_result */
};

/* BH_EPROTO: not what the script gives. */
enum bh_status bh_decode_report(const struct redisReply *reply,
                                struct bh_report_noted *ret_noted) BH_MUST_CHECK;

#endif
