#include "core/resend.h"

#include <string.h>

#include "core/fault.h"
#include "core/json.h"
#include "core/schedule.h"

/*
 * A foreign_id of the producer's own stands in both messages, and the gateway's journal is asked for it when an answer
 * is lost.  The reader allows for clocks that differ: so far apart are the two that it cannot take one for the other.
 */
#define APART_MS (2 * BH_MINUTE_MS)

bool
bh_resend_is_asked(const struct bh_queue_config *queue, enum bh_delivery delivery)
{
    if (delivery == BH_DELIVERY_EXPIRED || delivery == BH_DELIVERY_FAILED)
        return queue->resend_on_report;
    if (delivery == BH_DELIVERY_CALL_NO_ANSWER || delivery == BH_DELIVERY_CALL_FAILED)
        return queue->redial > 0;
    return false;
}

bool
bh_resend_is_over(enum bh_delivery delivery)
{
    return delivery == BH_DELIVERY_DELIVERED || delivery == BH_DELIVERY_CALL_COMPLETED;
}

const char *
bh_resend_reason(enum bh_resend_answer answer)
{
    switch (answer) {
    case BH_RESEND_MADE: return "";
    case BH_RESEND_OFF: return "the queue does not send it again";
    case BH_RESEND_SEVERAL: return "it has several recipients, and some may have got it";
    case BH_RESEND_OFTEN: return "it was sent as often as it may";
    case BH_RESEND_ARRIVED: return "an earlier message in its place has arrived after all";
    case BH_RESEND_EXPIRED: return "its ttl leaves no time";
    case BH_RESEND_UNREADABLE: return "it is not a valid job any more";
    }
    return "";
}

/* ---- when ---- */

static bool
is_of_type(enum bh_delivery delivery, enum bh_job_type type)
{
    bool is_of_call = delivery >= BH_DELIVERY_CALL_INITIATED;
    return is_of_call == (type == BH_JOB_VOICE);
}

/* A job's own schedule goes before the queue's. */
static bool
delay_of(const struct bh_resend_facts *facts, const struct bh_job *job, unsigned number,
         bh_ms *ret_delay)
{
    struct bh_schedule schedule = *facts->queue->retry;
    if (job->type == BH_JOB_VOICE) {
        *ret_delay = facts->queue->redial_after_ms;
        return number <= (unsigned)facts->queue->redial;
    }
    if (job->retry != NULL && bh_schedule_parse(bh_str_from(job->retry), &schedule, NULL) != BH_OK)
        return false;
    return number <= BH_RESEND_SMS_MAX && bh_schedule_delay(&schedule, number - 1, ret_delay);
}

static bool
has_own_foreign_id(const struct bh_resend_facts *facts, const struct bh_job *job)
{
    return job->foreign_id != NULL && strcmp(job->foreign_id, facts->id) != 0;
}

/* Up to the next whole second, because `delay` counts in them. */
static struct bh_wall
due_at(const struct bh_resend_facts *facts, const struct bh_job *job, bh_ms delay)
{
    int64_t accepted_ms = facts->accepted.ms > 0 ? facts->accepted.ms : facts->now.ms;
    int64_t due_ms = facts->now.ms + delay;
    if (job->type == BH_JOB_SMS && !job->no_reload)
        due_ms = bh_ms_max(due_ms, accepted_ms + facts->lock_ms);
    if (job->type == BH_JOB_SMS && has_own_foreign_id(facts, job))
        due_ms = bh_ms_max(due_ms, accepted_ms + APART_MS);
    return (struct bh_wall){(due_ms + BH_SECOND_MS - 1) / BH_SECOND_MS * BH_SECOND_MS};
}

static enum bh_resend_answer
decide(const struct bh_resend_facts *facts, const struct bh_job *job, struct bh_resend *resend)
{
    bh_ms delay = 0;
    resend->number = job->resend_number + 1;
    if (!bh_resend_is_asked(facts->queue, facts->delivery) ||
        !is_of_type(facts->delivery, job->type) || job->debug)
        return BH_RESEND_OFF;
    if (job->recipients_count != 1 || job->recipients[0].msisdn == NULL)
        return BH_RESEND_SEVERAL;
    if (resend->number > BH_JOB_RESEND_NUMBER_MAX || !delay_of(facts, job, resend->number, &delay))
        return BH_RESEND_OFTEN;
    resend->due = due_at(facts, job, delay);
    resend->ttl_minutes = (facts->expires.ms - resend->due.ms) / BH_MINUTE_MS;
    return resend->ttl_minutes >= 1 ? BH_RESEND_MADE : BH_RESEND_EXPIRED;
}

/* ---- the new job ---- */

/* What the new job has in a place of its own. */
struct changes {
    const struct bh_resend_facts *facts;
    const struct bh_resend *resend;
    bool keeps_foreign_id;
};

static void
put_id(struct bh_json_writer *writer, const struct changes *changes)
{
    bh_json_put_text(writer, "id", changes->facts->new_id);
}

static void
put_delay(struct bh_json_writer *writer, const struct changes *changes)
{
    bh_json_put_int(writer, "delay", changes->resend->due.ms / BH_SECOND_MS);
}

static void
put_ttl(struct bh_json_writer *writer, const struct changes *changes)
{
    bh_json_put_int(writer, "ttl", changes->resend->ttl_minutes);
}

static void
put_enqueued_at(struct bh_json_writer *writer, const struct changes *changes)
{
    bh_json_put_int(writer, "enqueued_at", changes->facts->now.ms);
}

static void
put_resend_of(struct bh_json_writer *writer, const struct changes *changes)
{
    bh_json_put_text(writer, "resend_of", changes->facts->id);
}

static void
put_resend_number(struct bh_json_writer *writer, const struct changes *changes)
{
    bh_json_put_int(writer, "resend_number", changes->resend->number);
}

static const struct replacement {
    const char *name;
    void (*put)(struct bh_json_writer *writer, const struct changes *changes);
} replacements[] = {
    {"id",            put_id           },
    {"delay",         put_delay        },
    {"ttl",           put_ttl          },
    {"enqueued_at",   put_enqueued_at  },
    {"resend_of",     put_resend_of    },
    {"resend_number", put_resend_number},
};

static const struct replacement *
replacement_of(struct bh_str name)
{
    for (size_t i = 0; i < BH_ARRAY_LEN(replacements); i++) {
        if (bh_str_equal_text(name, replacements[i].name))
            return &replacements[i];
    }
    return NULL;
}

/* Each member in its place, those that were not there at the end. */
static void
write_job(const struct bh_json *json, const struct changes *changes, struct bh_buf *buf)
{
    struct bh_json_writer writer;
    const struct bh_json_value *root = bh_json_root(json), *member = bh_json_first(root);
    bh_json_writer_init(&writer, buf);
    bh_json_open_object(&writer, NULL);
    for (; member != NULL; member = bh_json_next(member)) {
        struct bh_str name = bh_json_name(member);
        const struct replacement *replacement = replacement_of(name);
        if (replacement != NULL)
            replacement->put(&writer, changes);
        else if (changes->keeps_foreign_id || !bh_str_equal_text(name, "foreign_id"))
            bh_json_put_raw(&writer, name.ptr, bh_json_raw(json, member));
    }
    for (size_t i = 0; i < BH_ARRAY_LEN(replacements); i++) {
        if (bh_json_get(root, replacements[i].name) == NULL)
            replacements[i].put(&writer, changes);
    }
    bh_json_close_object(&writer);
}

static struct bh_job_rules
rules_of(const struct bh_resend_facts *facts)
{
    return (struct bh_job_rules){
        .default_type = facts->queue->type,
        .bytes_max = (size_t)facts->queue->max_job_bytes,
        .bytes_max_with_files = (size_t)facts->queue->max_job_with_files_bytes,
        .country = facts->gateway->country,
    };
}

static enum bh_status
parse(struct bh_str json, const struct bh_resend_facts *facts, struct bh_job **ret_job,
      struct bh_resend *resend)
{
    const struct bh_job_rules rules = rules_of(facts);
    switch (bh_job_parse(json.ptr, json.len, &rules, ret_job, &resend->error)) {
    case BH_JOB_VALID: return BH_OK;
    case BH_JOB_BAD: resend->answer = BH_RESEND_UNREADABLE; return BH_EINVAL;
    case BH_JOB_NO_MEMORY: break;
    }
    return BH_ENOMEM;
}

/* What comes out is read once more: nothing is pushed that a worker would refuse. */
static enum bh_status
render(struct bh_str payload, const struct bh_job *job, const struct bh_resend_facts *facts,
       struct bh_buf *buf, struct bh_resend *resend)
{
    const struct changes changes = {
        .facts = facts,
        .resend = resend,
        /* One that names the job itself is as none: else the new message's reports would be the old one's. */
        .keeps_foreign_id = has_own_foreign_id(facts, job),
    };
    struct bh_json *json;
    struct bh_job *made = NULL;
    size_t start = buf->len;
    enum bh_status status = bh_json_parse(payload, payload.len, BH_JSON_STRICT, &json, NULL);
    if (status != BH_OK)
        return status;
    write_job(json, &changes, buf);
    bh_json_free(json);
    status = bh_buf_status(buf);
    if (status == BH_OK) {
        struct bh_str whole = bh_buf_str(buf);
        status = parse((struct bh_str){whole.ptr + start, whole.len - start}, facts, &made, resend);
    }
    bh_job_free(made);
    return status;
}

enum bh_status
bh_resend_make(struct bh_str payload, const struct bh_resend_facts *facts, struct bh_buf *buf,
               struct bh_resend *ret_resend)
{
    struct bh_resend resend = {.answer = BH_RESEND_MADE};
    struct bh_job *job = NULL;
    enum bh_status status = parse(payload, facts, &job, &resend);
    if (status == BH_OK) {
        resend.answer = decide(facts, job, &resend);
        if (resend.answer == BH_RESEND_MADE)
            status = render(payload, job, facts, buf, &resend);
        bh_job_free(job);
    }
    if (status != BH_OK && resend.answer != BH_RESEND_UNREADABLE)
        return status;
    *ret_resend = resend;
    return BH_OK;
}
