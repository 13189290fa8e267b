/*
 * job - one SMS or voice message to be sent: parse, validate, and make its JSON form.
 *
 * A job is the JSON object that a producer pushes onto a queue's list.  bh_job_parse checks every rule of
 * the gateway's SMS and voice pages that can be checked without the gateway, and says in one sentence
 * which field breaks which rule.  It accepts nothing that it does not understand.
 *
 * Where the pages leave room, these rules hold:
 *   - null is no value: a field without one is left out.
 *   - Flags are true, false, 0, 1, "0" or "1".  `ttl`, `enqueued_at` and a file's `validity` are whole numbers, also as
 *     strings of digits.  `from` and `delay` may be whole numbers, and so may the items of an array `to`.
 *   - A recipient stands in `to` once, however it is written.
 *   - `from` of an SMS may also hold blanks inside and / . - @ _ ! ( ) + $ , & as the gateway's own clients allow.
 *   - "[[name]]" in `text` is a place for a file only in a job with `files`; elsewhere it is text.
 *   - `udh` is hex; whether `text` is hex too decides at the gateway if the SMS is binary.
 *   - `callback_url` carries no user name and no fragment, and is at most 2048 bytes of ASCII.
 *   - `resend_of` and `resend_number` are written by the worker into what it sends again on a delivery report's word.
 *   - A local time in `delay` is only looked up in the calendar; the worker knows the zone.
 *
 * A parsed job is read-only.  All its pointers belong to it and live until bh_job_free.  Text is valid
 * UTF-8 and NUL-terminated; no string contains a NUL.
 */
#ifndef BELLHOP_JOB_H
#define BELLHOP_JOB_H

#include <bellhop/error.h>
#include <bellhop/export.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define BH_JOB_ID_MAX               64
#define BH_JOB_LABEL_MAX            100
#define BH_JOB_FOREIGN_MAX          64
#define BH_JOB_SMS_TEXT_MAX         1520  /* characters: the gateway's SMS page */
#define BH_JOB_CALL_TEXT_MAX        10000 /* characters: the gateway's voice page */
#define BH_JOB_RECIPIENTS_MAX       1000  /* our own bound on one job */
#define BH_JOB_META_MAX             4096  /* bytes */
#define BH_JOB_RESEND_NUMBER_MAX    99
#define BH_JOB_BYTES_MAX            ((size_t)64 * 1024)
#define BH_JOB_BYTES_MAX_WITH_FILES ((size_t)8 * 1024 * 1024)

enum bh_job_type {
    BH_JOB_SMS,
    BH_JOB_VOICE,
};

enum bh_on_uncertain {
    BH_ON_UNCERTAIN_DEFAULT, /* as the queue says */
    BH_ON_UNCERTAIN_HOLD,
    BH_ON_UNCERTAIN_RESEND,
};

struct bh_recipient {
    const char *written; /* as the producer wrote it, blanks trimmed */
    const char *msisdn;  /* digits, country code first; NULL: a contact or group */
};

struct bh_file {
    const char *name;
    const char *contents;   /* base64, as given */
    unsigned validity_days; /* 0: not given */
    const char *password;   /* NULL: none */
};

struct bh_job {
    enum bh_job_type type;
    const char *id; /* NULL: the producer gave none */
    const struct bh_recipient *recipients;
    size_t recipients_count; /* >= 1; exactly 1 for voice */
    const char *text;
    const char *from;       /* NULL: the account's default */
    const char *udh;        /* hex; NULL: none */
    const char *label;      /* NULL: none */
    const char *foreign_id; /* NULL: none given; the worker sends the job's id */
    const struct bh_file *files;
    size_t files_count;
    bool no_reload;
    bool unicode;
    bool flash;
    bool utf8;
    bool performance_tracking;
    bool xml;
    bool debug;
    const char *delay;      /* as written, checked without clock and zone; NULL: none */
    int64_t ttl_minutes;    /* 0: not given, the queue's applies */
    int64_t enqueued_at_ms; /* unix; 0: not given */
    enum bh_on_uncertain on_uncertain;
    const char *retry;        /* schedule as written and validated; NULL: the queue's */
    const char *callback_url; /* NULL: none */
    const char *meta;         /* the JSON object as text, byte for byte; NULL: none */
    const char
        *resend_of; /* id of the job that this one is sent in place of; NULL: it is no resend */
    unsigned resend_number; /* of such jobs in a row this one is the n-th; 0: it is no resend */
};

struct bh_job_rules {
    enum bh_job_type default_type; /* of a job that does not say */
    size_t bytes_max;              /* of a job without files; 0: BH_JOB_BYTES_MAX */
    size_t bytes_max_with_files;   /* 0: BH_JOB_BYTES_MAX_WITH_FILES */
    const char *country;           /* prefix for national numbers, e.g. "49"; NULL: "49" */
};

enum bh_job_verdict {
    BH_JOB_VALID,
    BH_JOB_BAD,       /* breaks a rule; the error says which */
    BH_JOB_NO_MEMORY, /* nothing is known about the job */
};

/*
 * Parse and validate `len` bytes of JSON.  On BH_JOB_VALID *ret_job belongs to the caller (bh_job_free).
 * On BH_JOB_BAD `ret_error` (may be NULL) holds a sentence, and nothing was written to *ret_job.
 * `rules` may be NULL for the defaults.
 */
BH_EXPORT enum bh_job_verdict bh_job_parse(const char *json, size_t len,
                                           const struct bh_job_rules *rules,
                                           struct bh_job **ret_job, struct bh_error *ret_error);

/* Free what bh_job_parse made, with all that it points to.  NULL is fine. */
BH_EXPORT void bh_job_free(struct bh_job *job);

/*
 * The `id` of bytes that may not be a valid job otherwise, so that even a refused job can be found by its
 * id.  False when there is no readable and valid one: also in what is not JSON, where the id stands twice,
 * and beyond BH_JOB_BYTES_MAX_WITH_FILES.  `ret_id` has room for BH_JOB_ID_MAX + 1 bytes.
 */
BH_EXPORT bool bh_job_peek_id(const char *json, size_t len, char *ret_id);

/*
 * What a producer fills in to make a job: every field as text, NULL where it is not wanted, in the form
 * that the JSON has (`to` may hold commas; booleans are bool).  `files` and `meta` are JSON text.  A flag that is
 * false is left out.  Without `type` the JSON has none either, and the queue decides.
 */
struct bh_job_draft {
    const char *id;
    const char *type;
    const char *to;
    const char *text;
    const char *from;
    const char *delay;
    const char *ttl;
    const char *udh;
    const char *label;
    const char *foreign_id;
    const char *files;
    const char *enqueued_at;
    const char *on_uncertain;
    const char *retry;
    const char *callback_url;
    const char *meta;
    bool no_reload;
    bool unicode;
    bool flash;
    bool utf8;
    bool performance_tracking;
    bool xml;
    bool debug;
};

/*
 * Make and validate the JSON of a job, ready to be pushed.  On BH_JOB_VALID *ret_json is NUL-terminated and
 * belongs to the caller (bh_job_json_free); otherwise as bh_job_parse.  `rules` may be NULL for the defaults.
 */
BH_EXPORT enum bh_job_verdict bh_job_make(const struct bh_job_draft *draft,
                                          const struct bh_job_rules *rules, char **ret_json,
                                          struct bh_error *ret_error);

/* Free what bh_job_make made.  NULL is fine. */
BH_EXPORT void bh_job_json_free(char *json);

/* "sms" or "voice". */
BH_EXPORT const char *bh_job_type_name(enum bh_job_type type);

#ifdef __cplusplus
}
#endif

#endif
