#include "daemon/pull_question.h"

#include <string.h>

#include "core/gateway_journal.h"
#include "core/gateway_profile.h"
#include "gateway/stamp.h"

/*
 * A message was accepted, by our clock, when its answer was written down.  In the journal it stands with the moment of its
 * request, and an answer that was lost is cleared up some time later.
 */
#define EARLIER_MS BH_HOUR_MS

const char *
bh_pull_source_name(enum bh_pull_source source)
{
    static const char *const names[BH_PULL_SOURCE_COUNT] = {
        [BH_PULL_STATUS] = "status",
        [BH_PULL_JOURNAL] = "journal",
        [BH_PULL_CALLS] = "calls",
    };
    return names[source];
}

static void
add(struct bh_pull_question *question, const struct bh_pull_message *message, size_t at)
{
    struct bh_pulled_message *asked = &question->messages[question->count];
    *asked = (struct bh_pulled_message){.duration_s = -1};
    memcpy(asked->id, message->id, sizeof(asked->id));
    question->of_batch[question->count] = at;
    if (question->count == 0 || message->accepted.ms < question->first.ms)
        question->first = message->accepted;
    if (question->count == 0 || message->accepted.ms > question->last.ms)
        question->last = message->accepted;
    question->count++;
}

bool
bh_pull_question_begin(struct bh_pull_question *question, const struct bh_pull_batch *batch,
                       enum bh_pull_source source)
{
    *question = (struct bh_pull_question){.source = source};
    for (size_t i = 0; i < batch->count; i++)
        if (batch->messages[i].call == (source == BH_PULL_CALLS))
            add(question, &batch->messages[i], i);
    return question->count > 0;
}

/* ---- asking ---- */

static enum bh_status
render_status(const struct bh_pull_question *question, const struct bh_gateway_profile *profile,
              const struct bh_gateway_stamp *stamp, struct bh_gateway_request *request,
              struct bh_error *error)
{
    struct bh_buf ids;
    bh_buf_init(&ids, sizeof(question->messages));
    for (size_t i = 0; i < question->count; i++)
        bh_buf_printf(&ids, "%s%s", i > 0 ? "," : "", question->messages[i].id);
    enum bh_status status = bh_buf_status(&ids);
    if (status == BH_OK)
        status = bh_gateway_request_status(request, profile, stamp, bh_buf_str(&ids), error);
    bh_buf_release(&ids);
    return status;
}

static enum bh_status
render_page(const struct bh_pull_question *question, const struct bh_config *config,
            const struct bh_gateway_profile *profile, const struct bh_gateway_stamp *stamp,
            struct bh_gateway_request *request, struct bh_error *error)
{
    const struct bh_gateway_journal_query query = {
        .calls = question->source == BH_PULL_CALLS,
        .id = question->count == 1 ? question->messages[0].id : NULL,
        .from = {bh_ms_max(question->first.ms - EARLIER_MS, 0)},
        .until = question->last,
        .zone = config->gateway.zone,
        .page = question->page,
    };
    return bh_gateway_request_journal(request, profile, stamp, &query, error);
}

enum bh_status
bh_pull_question_render(const struct bh_pull_question *question, const struct bh_config *config,
                        const char *sent_with, struct bh_gateway_request *request,
                        struct bh_error *error)
{
    const struct bh_gateway_profile profile = bh_gateway_profile_from(&config->gateway, sent_with);
    struct bh_gateway_stamp_text text;
    struct bh_gateway_stamp stamp;
    enum bh_status status = bh_gateway_stamp_now(&text, &stamp);
    if (status != BH_OK)
        return status;
    return question->source == BH_PULL_STATUS
               ? render_status(question, &profile, &stamp, request, error)
               : render_page(question, config, &profile, &stamp, request, error);
}

/* ---- reading ---- */

static bool
all_known(const struct bh_pull_question *question)
{
    for (size_t i = 0; i < question->count; i++)
        if (question->messages[i].delivery == BH_DELIVERY_NONE)
            return false;
    return true;
}

/* Entries without a time that can be read do not end the walk; the number of pages does. */
static bool
wants_next_page(const struct bh_pull_question *question, const struct bh_journal_page *page)
{
    bool reaches_back = page->last_at.ms != 0 && page->last_at.ms < question->first.ms - EARLIER_MS;
    return page->entries >= BH_JOURNAL_PAGE && !reaches_back && !all_known(question) &&
           question->page + 1 < BH_JOURNAL_PAGES_MAX;
}

enum bh_pulled
bh_pull_question_read(struct bh_pull_question *question, const struct bh_config *config,
                      const struct bh_exchange *exchange, int *ret_code, bool *ret_more)
{
    struct bh_journal_page page;
    enum bh_pulled pulled;
    *ret_more = false;
    if (question->source == BH_PULL_STATUS) {
        const struct bh_status_asked asked = {
            .messages = question->messages,
            .count = question->count,
            .is_signed = config->gateway.signing_key.len > 0,
            .zone = config->gateway.zone,
        };
        return bh_gateway_status_read(exchange, &asked, ret_code);
    }
    pulled =
        bh_gateway_journal_pull(exchange, config->gateway.zone, question->source == BH_PULL_CALLS,
                                question->messages, question->count, &page);
    *ret_code = page.code;
    if (pulled == BH_PULLED_READ && wants_next_page(question, &page)) {
        question->page++;
        *ret_more = true;
    }
    return pulled;
}
