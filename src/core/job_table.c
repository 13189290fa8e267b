#include "core/did_you_mean.h"
#include "core/fault.h"
#include "core/job_reader.h"

#define FLAG_RULE "true, false, 0 or 1"

/*
 * Every field that a job may have; the names are those of the gateway's SMS and voice pages.  The rules
 * are told to people, so they say what the reading function beside them checks.
 */
/* clang-format off */
static const struct bh_job_field fields[] = {
    {"id",           BH_JOB_FOR_BOTH,  bh_job_read_id,           0,
     "a string of 1 to 64 of the characters A-Z a-z 0-9 . _ @ -"},
    {"type",         BH_JOB_FOR_BOTH,  bh_job_read_type,         0, "\"sms\" or \"voice\""},
    {"to",           BH_JOB_FOR_BOTH,  bh_job_read_recipients,   0,
     "a string, or an array of strings and whole numbers"},
    {"text",         BH_JOB_FOR_BOTH,  bh_job_read_text,         0, "a string that is not empty"},
    {"from",         BH_JOB_FOR_BOTH,  bh_job_read_from,         0, NULL},
    {"delay",        BH_JOB_FOR_BOTH,  bh_job_read_delay,        0,
     "unix seconds, \"yyyy-mm-dd hh:ii[:ss]\", or \"+90s\", \"+15m\", \"+2h\", \"+1d\""},
    {"ttl",          BH_JOB_FOR_BOTH,  bh_job_read_ttl,          0, "a whole number of minutes from 1 to 525600"},
    {"no_reload",    BH_JOB_FOR_SMS,   bh_job_read_flag,         offsetof(struct bh_job, no_reload), FLAG_RULE},
    {"unicode",      BH_JOB_FOR_SMS,   bh_job_read_flag,         offsetof(struct bh_job, unicode), FLAG_RULE},
    {"flash",        BH_JOB_FOR_SMS,   bh_job_read_flag,         offsetof(struct bh_job, flash), FLAG_RULE},
    {"utf8",         BH_JOB_FOR_SMS,   bh_job_read_flag,         offsetof(struct bh_job, utf8), FLAG_RULE},
    {"performance_tracking", BH_JOB_FOR_SMS, bh_job_read_flag,
     offsetof(struct bh_job, performance_tracking), FLAG_RULE},
    {"udh",          BH_JOB_FOR_SMS,   bh_job_read_udh,          0, "a string of an even number of hex digits"},
    {"label",        BH_JOB_FOR_SMS,   bh_job_read_label,        0,
     "a string of 1 to 100 of the characters A-Z a-z 0-9 . _ @ -"},
    {"foreign_id",   BH_JOB_FOR_SMS,   bh_job_read_foreign_id,   0,
     "a string of 1 to 64 of the characters A-Z a-z 0-9 . _ @ -"},
    {"files",        BH_JOB_FOR_SMS,   bh_job_read_files,        0, "an array of 1 to 10 objects"},
    {"xml",          BH_JOB_FOR_VOICE, bh_job_read_flag,         offsetof(struct bh_job, xml), FLAG_RULE},
    {"debug",        BH_JOB_FOR_BOTH,  bh_job_read_flag,         offsetof(struct bh_job, debug), FLAG_RULE},
    {"json",         BH_JOB_FOR_BOTH,  bh_job_read_no_effect,    0, FLAG_RULE},
    {"details",      BH_JOB_FOR_BOTH,  bh_job_read_no_effect,    0, FLAG_RULE},
    {"return_msg_id", BH_JOB_FOR_BOTH, bh_job_read_no_effect,    0, FLAG_RULE},
    {"enqueued_at",  BH_JOB_FOR_BOTH,  bh_job_read_enqueued_at,  0,
     "a whole number of unix seconds (10 digits) or milliseconds (13 digits)"},
    {"on_uncertain", BH_JOB_FOR_BOTH,  bh_job_read_on_uncertain, 0, "\"hold\" or \"resend\""},
    {"retry",        BH_JOB_FOR_BOTH,  bh_job_read_retry,        0,
     "a string with a retry schedule, for example \"5s, 1m*3, 30m*\""},
    {"callback_url", BH_JOB_FOR_BOTH,  bh_job_read_callback_url, 0, "a string with an http or https URL"},
    {"meta",         BH_JOB_FOR_BOTH,  bh_job_read_meta,         0, "an object"},
    {"resend_of",    BH_JOB_FOR_BOTH,  bh_job_read_resend_of,    0,
     "a string of 1 to 64 of the characters A-Z a-z 0-9 . _ @ -"},
    {"resend_number", BH_JOB_FOR_BOTH, bh_job_read_resend_number, 0, "a whole number from 1 to 99"},
};
/* clang-format on */

static enum bh_status
refuse_unknown(const struct bh_job_reader *reader, struct bh_str name)
{
    struct bh_did_you_mean search;
    bh_did_you_mean_start(&search, name);
    for (size_t i = 0; i < BH_ARRAY_LEN(fields); i++)
        bh_did_you_mean_offer(&search, fields[i].name);

    struct bh_quoted shown = bh_quote(name);
    if (search.name != NULL)
        return bh_error_set(reader->error, shown.text, "unknown field `%s`, did you mean `%s`?",
                            shown.text, search.name);
    return bh_error_set(reader->error, shown.text,
                        "unknown field `%s`; a producer's own data goes into `meta`", shown.text);
}

enum bh_status
bh_job_field_find(const struct bh_job_reader *reader, struct bh_str name,
                  const struct bh_job_field **ret_field)
{
    for (size_t i = 0; i < BH_ARRAY_LEN(fields); i++) {
        const struct bh_job_field *field = &fields[i];
        if (!bh_str_equal_text(name, field->name))
            continue;
        if ((field->audience & 1U << reader->job->type) == 0)
            return bh_error_set(reader->error, field->name, "field `%s` is for %s only",
                                field->name, reader->job->type == BH_JOB_SMS ? "voice" : "sms");
        *ret_field = field;
        return BH_OK;
    }
    return refuse_unknown(reader, name);
}
