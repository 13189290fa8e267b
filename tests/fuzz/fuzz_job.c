/*
 * A refused job comes with one printable line.  A valid one keeps every bound that its header promises, has the id
 * that peeking finds, and made again from its own fields it is valid again with the same content.
 */
#include <bellhop/job.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/phone.h"
#include "core/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void
check_error(const struct bh_error *error)
{
    BH_ASSERT(error->text[0] != '\0' && memchr(error->text, '\0', BH_ERROR_TEXT_MAX) != NULL);
    BH_ASSERT(memchr(error->field, '\0', BH_ERROR_FIELD_MAX) != NULL);
    BH_ASSERT(bh_utf8_is_valid(bh_str_from(error->text)));
    BH_ASSERT(bh_utf8_is_valid(bh_str_from(error->field)));
    for (const char *at = error->text; *at != '\0'; at++)
        BH_ASSERT((unsigned char)*at >= 0x20 && *at != 0x7F);
}

static void
check_bounds(const struct bh_job *job)
{
    struct bh_utf8_count count;
    size_t max = job->type == BH_JOB_SMS ? BH_JOB_SMS_TEXT_MAX : BH_JOB_CALL_TEXT_MAX;
    BH_ASSERT(bh_utf8_count(bh_str_from(job->text), &count));
    BH_ASSERT(count.code_points > 0 && count.code_points <= max);
    BH_ASSERT(job->recipients_count >= 1 && job->recipients_count <= BH_JOB_RECIPIENTS_MAX);
    BH_ASSERT(job->type == BH_JOB_SMS || job->recipients_count == 1);
    for (size_t i = 0; i < job->recipients_count; i++) {
        const struct bh_recipient *recipient = &job->recipients[i];
        BH_ASSERT(recipient->written[0] != '\0');
        BH_ASSERT(recipient->msisdn == NULL || strlen(recipient->msisdn) <= BH_MSISDN_DIGITS_MAX);
    }
    BH_ASSERT(job->id == NULL || (job->id[0] != '\0' && strlen(job->id) <= BH_JOB_ID_MAX));
    BH_ASSERT(job->label == NULL || strlen(job->label) <= BH_JOB_LABEL_MAX);
    BH_ASSERT(job->foreign_id == NULL || strlen(job->foreign_id) <= BH_JOB_FOREIGN_MAX);
    BH_ASSERT(job->meta == NULL || (job->meta[0] == '{' && strlen(job->meta) <= BH_JOB_META_MAX));
    BH_ASSERT(job->type == BH_JOB_VOICE || !job->xml);
    BH_ASSERT(job->type == BH_JOB_SMS || (!job->flash && job->udh == NULL && job->files == NULL));
}

static void
check_same(const struct bh_job *a, const struct bh_job *b)
{
    BH_ASSERT(a->type == b->type && strcmp(a->text, b->text) == 0);
    BH_ASSERT(a->recipients_count == b->recipients_count);
    for (size_t i = 0; i < a->recipients_count; i++)
        BH_ASSERT(strcmp(a->recipients[i].written, b->recipients[i].written) == 0);
    BH_ASSERT((a->meta == NULL) == (b->meta == NULL));
    BH_ASSERT(a->meta == NULL || strcmp(a->meta, b->meta) == 0);
    BH_ASSERT(a->on_uncertain == b->on_uncertain && a->flash == b->flash && a->xml == b->xml);
}

static void
remake(const struct bh_job *job)
{
    static const char *const words[] = {NULL, "hold", "resend"};
    struct bh_buf to;
    bh_buf_init(&to, 1 << 20);
    for (size_t i = 0; i < job->recipients_count; i++)
        bh_buf_printf(&to, "%s%s", i > 0 ? "," : "", job->recipients[i].written);
    struct bh_job_draft draft = {
        .id = job->id,
        .type = bh_job_type_name(job->type),
        .to = bh_buf_text(&to),
        .text = job->text,
        .from = job->from,
        .delay = job->delay,
        .udh = job->udh,
        .label = job->label,
        .foreign_id = job->foreign_id,
        .on_uncertain = words[job->on_uncertain],
        .retry = job->retry,
        .callback_url = job->callback_url,
        .meta = job->meta,
        .flash = job->flash,
        .xml = job->xml,
    };
    struct bh_job_rules rules = {.bytes_max = 1 << 22, .bytes_max_with_files = 1 << 22};
    char *json = NULL;
    struct bh_job *again = NULL;
    BH_ASSERT(bh_job_make(&draft, &rules, &json, NULL) == BH_JOB_VALID);
    BH_ASSERT(bh_job_parse(json, strlen(json), &rules, &again, NULL) == BH_JOB_VALID);
    check_same(job, again);
    bh_job_free(again);
    bh_job_json_free(json);
    bh_buf_release(&to);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    const char *json = (const char *)bytes;
    struct bh_job *job = NULL;
    struct bh_error error = {.text = ""};
    char id[BH_JOB_ID_MAX + 1] = "";
    bool peeked = bh_job_peek_id(json, len, id);

    enum bh_job_verdict verdict = bh_job_parse(json, len, NULL, &job, &error);
    BH_ASSERT((job != NULL) == (verdict == BH_JOB_VALID));
    if (verdict == BH_JOB_BAD)
        check_error(&error);
    if (job == NULL)
        return 0;
    check_bounds(job);
    BH_ASSERT(peeked == (job->id != NULL));
    BH_ASSERT(!peeked || strcmp(id, job->id) == 0);
    if (job->files_count == 0)
        remake(job);
    bh_job_free(job);
    return 0;
}
