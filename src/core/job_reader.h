/*
 * job_reader - what the files that read a job share; nobody else includes it.
 *
 * job.c runs the whole, job_table.c knows every field, job_fields.c reads the simple ones, job_recipients.c
 * and job_files.c the two lists.  A reading function writes one part of the job or refuses the field with a
 * sentence that names field, value and rule.
 */
#ifndef BH_CORE_JOB_READER_H
#define BH_CORE_JOB_READER_H

#include <bellhop/job.h>

#include "core/arena.h"
#include "core/base.h"
#include "core/json.h"
#include "core/str.h"

struct bh_job_reader {
    const struct bh_json *json;       /* borrowed */
    const struct bh_job_rules *rules; /* borrowed; every member filled in */
    struct bh_arena *arena;           /* borrowed; holds what the job points to */
    struct bh_job *job;               /* borrowed; being filled, its type first */
    struct bh_error *error;           /* borrowed; may be NULL */
};

enum bh_job_audience {
    BH_JOB_FOR_SMS = 1 << BH_JOB_SMS,
    BH_JOB_FOR_VOICE = 1 << BH_JOB_VOICE,
    BH_JOB_FOR_BOTH = BH_JOB_FOR_SMS | BH_JOB_FOR_VOICE,
};

struct bh_job_field;

/* Reads the value of one field into the job: BH_OK, BH_EINVAL with a sentence, or BH_ENOMEM. */
typedef enum bh_status bh_job_read_fn(struct bh_job_reader *reader,
                                      const struct bh_job_field *field,
                                      const struct bh_json_value *value);

struct bh_job_field {
    const char *name;
    unsigned audience; /* of enum bh_job_audience */
    bh_job_read_fn *read;
    size_t offset;    /* of the flag in struct bh_job, for bh_job_read_flag */
    const char *rule; /* what the value must be; continues "it must be ..." */
};

/* The field of that name for a job of the reader's type, else a sentence: unknown, or for the other type only. */
enum bh_status bh_job_field_find(const struct bh_job_reader *reader, struct bh_str name,
                                 const struct bh_job_field **ret_field) BH_MUST_CHECK;

/* "field `ttl` is "abc"; it must be ...".  Always BH_EINVAL. */
enum bh_status bh_job_refuse(const struct bh_job_reader *reader, const char *field,
                             const struct bh_json_value *value, const char *rule);

/* A copy in the arena into *ret_text; BH_ENOMEM. */
enum bh_status bh_job_keep(struct bh_job_reader *reader, struct bh_str text,
                           const char **ret_text) BH_MUST_CHECK;

/* A whole number, written as a number or as a string of digits; false for anything else. */
bool bh_job_whole_number(const struct bh_job_reader *reader, const struct bh_json_value *value,
                         int64_t *ret_number);

/* Rules about text and files together; call it when both have been read. */
enum bh_status bh_job_check_placeholders(const struct bh_job_reader *reader) BH_MUST_CHECK;

/* job_recipients.c and job_files.c */
bh_job_read_fn bh_job_read_recipients, bh_job_read_files;

/* job_fields.c; a flag without effect is checked and forgotten. */
bh_job_read_fn bh_job_read_flag, bh_job_read_no_effect;
bh_job_read_fn bh_job_read_id, bh_job_read_label, bh_job_read_foreign_id;
bh_job_read_fn bh_job_read_type, bh_job_read_text, bh_job_read_from, bh_job_read_udh;
bh_job_read_fn bh_job_read_delay, bh_job_read_ttl, bh_job_read_enqueued_at;
bh_job_read_fn bh_job_read_on_uncertain, bh_job_read_retry, bh_job_read_callback_url;
bh_job_read_fn bh_job_read_meta, bh_job_read_resend_of, bh_job_read_resend_number;

#endif
