/*
 * First byte: the HTTP status, how many messages are asked about and who reads; the rest: the body.
 *
 * Properties: a body that does not decide teaches nothing, what was learnt is a word of the kind that was asked for and
 * stands in the body with the message's number (plainly or escaped), what was known stays, and reading twice gives the
 * same.
 */
#include <stdlib.h>
#include <string.h>

#include "core/gateway_journal.h"
#include "core/gateway_status.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition) ((condition) ? (void)0 : abort())

#define MESSAGES 3

static bool
contains(struct bh_str text, const char *wanted)
{
    size_t len = strlen(wanted);
    for (size_t i = 0; i + len <= text.len; i++)
        if (bh_str_equal_nocase((struct bh_str){text.ptr + i, len}, bh_str_from(wanted)))
            return true;
    return false;
}

struct question {
    struct bh_exchange exchange;
    size_t count;
    enum { STATUS, STATUS_SIGNED, SMS, CALLS } reader;
};

static enum bh_pulled
ask(const struct question *question, struct bh_pulled_message messages[MESSAGES])
{
    struct bh_journal_page page;
    int code = 0;
    static const char *const ids[MESSAGES] = {"77", "78", "79"};
    for (size_t i = 0; i < MESSAGES; i++) {
        messages[i] = (struct bh_pulled_message){.duration_s = -1};
        memcpy(messages[i].id, ids[i], 3);
    }
    /* Known before. */
    if (question->count == MESSAGES)
        messages[2].delivery = BH_DELIVERY_EXPIRED;
    const struct bh_status_asked asked = {messages, question->count,
                                          question->reader == STATUS_SIGNED, NULL};
    enum bh_pulled pulled =
        question->reader == STATUS || question->reader == STATUS_SIGNED
            ? bh_gateway_status_read(&question->exchange, &asked, &code)
            : bh_gateway_journal_pull(&question->exchange, NULL, question->reader == CALLS,
                                      messages, question->count, &page);
    REQUIRE(code == 0 || (code >= 10 && code <= 999));
    REQUIRE(code == 0 || pulled != BH_PULLED_READ);
    return pulled;
}

static void
check(const struct question *question, const struct bh_pulled_message *message, enum bh_pulled got)
{
    bool calls = question->reader == CALLS, text = question->count == 1;
    struct bh_str body = question->exchange.body;
    bool escaped = memchr(body.ptr, '\\', body.len) != NULL;
    REQUIRE(got == BH_PULLED_READ);
    REQUIRE((message->delivery >= BH_DELIVERY_CALL_INITIATED) == calls);
    REQUIRE(escaped || contains(body, bh_delivery_name(message->delivery)));
    REQUIRE(escaped || text || contains(body, message->id));
    REQUIRE(message->duration_s >= -1 && (calls || message->duration_s == -1));
    REQUIRE(message->at.ms >= 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int statuses[] = {200, 200, 200, 201, 0, 302, 403, 404};
    struct bh_pulled_message messages[MESSAGES], again[MESSAGES];
    if (size < 2)
        return 0;
    struct question question = {
        .exchange =
            {
                       .handed_over = BH_HANDED_ALL,
                       .http_status = statuses[data[0] >> 5],
                       .headers_complete = true,
                       .body_complete = (data[0] & 16) == 0,
                       .retry_after_ms = -1,
                       .body = {(const char *)data + 1, size - 1},
                       },
        .count = (data[0] & 3) == 0 ? 1 : data[0] & 3,
    };
    question.reader = (data[0] & 4) != 0 ? ((data[0] & 8) != 0 ? CALLS : SMS)
                                         : ((data[0] & 8) != 0 ? STATUS_SIGNED : STATUS);
    enum bh_pulled pulled = ask(&question, messages);
    for (size_t i = 0; i < question.count; i++) {
        bool known = question.count == MESSAGES && i == 2;
        REQUIRE(!known || messages[i].delivery == BH_DELIVERY_EXPIRED);
        if (!known && messages[i].delivery != BH_DELIVERY_NONE)
            check(&question, &messages[i], pulled);
    }
    REQUIRE(ask(&question, again) == pulled);
    for (size_t i = 0; i < MESSAGES; i++)
        REQUIRE(messages[i].delivery == again[i].delivery && messages[i].at.ms == again[i].at.ms);
    return 0;
}
