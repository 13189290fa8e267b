/* What is asked about messages, where, and for how long a place is left alone. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/json.h"
#include "daemon/pull_places.h"
#include "daemon/pull_question.h"

#define T0 INT64_C(1795165200000) /* 2026-11-20 09:00:00 UTC */

static struct bh_config config;
static struct bh_gateway_request request;

static void
set_up(void)
{
    bh_json_use_allocator();
    config = (struct bh_config){.gateway = {.url = "https://gateway.example/api"}};
    config.gateway.api_key = (struct bh_config_secret){"KEY-1", 5};
    config.gateway.signing_key = (struct bh_config_secret){"", 0};
    bh_gateway_request_init(&request, 0);
}

static void
tear_down(void)
{
    bh_gateway_request_release(&request);
}

TestSuite(pull, .init = set_up, .fini = tear_down);

/* ---- questions --------------------------------------------------------------------------------------- */

static void
add(struct bh_pull_batch *batch, const char *id, bh_ms accepted, bool call)
{
    struct bh_pull_message *message = &batch->messages[batch->count++];
    *message = (struct bh_pull_message){.accepted = {accepted}, .call = call};
    snprintf(message->id, sizeof(message->id), "%s", id);
}

static const char *
rendered(const struct bh_pull_question *question)
{
    struct bh_error error = {"", ""};
    enum bh_status status =
        bh_pull_question_render(question, &config, "Bellhop/1", &request, &error);
    cr_assert_eq(status, BH_OK, "%s", error.text);
    return bh_buf_text(&request.url);
}

Test(pull, asks_for_sms_and_calls_apart)
{
    struct bh_pull_batch batch = {.count = 0};
    struct bh_pull_question question;
    cr_expect_not(bh_pull_question_begin(&question, &batch, BH_PULL_STATUS));
    add(&batch, "77", T0, false);
    add(&batch, "5", T0 + BH_DAY_MS, true);
    add(&batch, "78", T0 + 3 * BH_DAY_MS, false);

    cr_assert(bh_pull_question_begin(&question, &batch, BH_PULL_STATUS));
    cr_expect_eq(question.count, 2);
    cr_expect_eq(question.of_batch[1], 2);
    cr_expect_str_eq(rendered(&question), "https://gateway.example/api/status?msg_id=77%2C78");

    cr_assert(bh_pull_question_begin(&question, &batch, BH_PULL_JOURNAL));
    cr_expect_str_eq(rendered(&question),
                     "https://gateway.example/api/journal/outbound?limit=100&offset=0&date_from="
                     "2026-11-19&date_to=2026-11-24");

    cr_assert(bh_pull_question_begin(&question, &batch, BH_PULL_CALLS));
    cr_expect_eq(question.count, 1);
    cr_expect_eq(question.of_batch[0], 1);
    cr_expect_str_eq(rendered(&question),
                     "https://gateway.example/api/journal/voice?limit=100&offset=0&id=5&date_from="
                     "2026-11-20&date_to=2026-11-22");
}

Test(pull, asks_for_a_hundred_of_the_longest_numbers_at_once)
{
    struct bh_pull_batch batch = {.count = 0};
    struct bh_pull_question question;
    for (int i = 0; i < BH_PULL_MESSAGES_MAX; i++)
        add(&batch, "123456789012345678", T0, false);
    cr_assert(bh_pull_question_begin(&question, &batch, BH_PULL_STATUS));
    cr_expect_gt(strlen(rendered(&question)), BH_PULL_MESSAGES_MAX * 18);
}

/* `count` entries of others, the last of them at `last`; "77" stands among them if it is wanted. */
static char *
page_of(unsigned count, const char *last, bool with_77)
{
    size_t size = 200 + (size_t)count * 80, len = 1;
    char *body = malloc(size);
    cr_assert_not_null(body);
    snprintf(body, size, "[");
    for (unsigned i = 0; i < count; i++)
        len += (size_t)snprintf(body + len, size - len,
                                "%s{\"id\":\"%u\",\"dlr\":\"DELIVERED\",\"timestamp\":\"%s\"}",
                                i > 0 ? "," : "", with_77 && i == 0 ? 77 : 1000 + i,
                                i + 1 == count ? last : "2026-11-20 08:59:59.000");
    snprintf(body + len, size - len, "]");
    return body;
}

Test(pull, walks_through_the_journal_as_far_as_it_has_to)
{
    static const struct {
        const char *name;
        unsigned page, entries;
        const char *last;
        bool with_77, alone;
        bool more;
    } rows[] = {
        {"a full page",                         0,  100, "2026-11-20 08:59:00.000", false, true,  true },
        {"not full",                            0,  99,  "2026-11-20 08:59:00.000", false, true,  false},
        {"none",                                0,  0,   "",                        false, true,  false},
        {"all are known",                       0,  100, "2026-11-20 08:59:00.000", true,  true,  false},
        {"one is known of two",                 0,  100, "2026-11-20 08:59:00.000", true,  false, true },
        {"just not far enough",                 0,  100, "2026-11-20 08:00:00.000", false, true,  true },
        {"far enough",                          0,  100, "2026-11-20 07:59:59.999", false, true,  false},
        {"a time that cannot be read",          0,  100, "yesterday",               false, true,  true },
        {"the last page but one",               98, 100, "2026-11-20 08:59:00.000", false, true,  true },
        {"the last page that may be asked for", 99, 100, "2026-11-20 08:59:00.000", false, true,
         false                                                                                         },
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct bh_pull_batch batch = {.count = 0};
        struct bh_pull_question question;
        int code;
        bool more;
        add(&batch, "77", T0, false);
        if (!rows[i].alone)
            add(&batch, "78", T0, false);
        cr_assert(bh_pull_question_begin(&question, &batch, BH_PULL_JOURNAL));
        question.page = rows[i].page;
        char *body = page_of(rows[i].entries, rows[i].last, rows[i].with_77);
        const struct bh_exchange exchange = {
            .http_status = 200,
            .headers_complete = true,
            .body_complete = true,
            .body = bh_str_from(body),
        };
        enum bh_pulled got = bh_pull_question_read(&question, &config, &exchange, &code, &more);
        cr_expect_eq(got, BH_PULLED_READ, "%s", rows[i].name);
        cr_expect_eq(more, rows[i].more, "%s", rows[i].name);
        cr_expect_eq(question.page, rows[i].page + rows[i].more, "%s", rows[i].name);
        cr_expect_eq(question.messages[0].delivery,
                     rows[i].with_77 ? BH_DELIVERY_DELIVERED : BH_DELIVERY_NONE, "%s",
                     rows[i].name);
        free(body);
    }
}

Test(pull, stays_on_a_page_that_was_not_answered)
{
    struct bh_pull_batch batch = {.count = 0};
    struct bh_pull_question question;
    const struct bh_exchange exchange = {.http_status = 503, .headers_complete = true};
    int code;
    bool more = true;
    add(&batch, "77", T0, true);
    cr_assert(bh_pull_question_begin(&question, &batch, BH_PULL_CALLS));
    question.page = 3;
    cr_expect_eq(bh_pull_question_read(&question, &config, &exchange, &code, &more),
                 BH_PULLED_NOTHING);
    cr_expect_not(more);
    cr_expect_eq(question.page, 3);
}

/* ---- places ------------------------------------------------------------------------------------------ */

static const char *
found(const struct bh_pull_places *places, bool calls, bh_ms now)
{
    enum bh_pull_source source;
    return bh_pull_places_find(places, calls, (struct bh_mono){now}, &source)
               ? bh_pull_source_name(source)
               : "nowhere";
}

Test(pull, asks_the_journal_while_the_status_is_left_alone)
{
    struct bh_pull_places places = {.hollow = 0};
    const struct bh_mono now = {1000};
    cr_expect_str_eq(found(&places, false, 1000), "status");
    cr_expect_str_eq(found(&places, true, 1000), "calls");
    bh_pull_places_shut(&places, BH_PULL_STATUS, now);
    cr_expect_str_eq(found(&places, false, 1000), "journal");
    cr_expect_str_eq(found(&places, true, 1000), "calls");
    bh_pull_places_shut(&places, BH_PULL_JOURNAL, now);
    cr_expect_str_eq(found(&places, false, 1000), "nowhere");
    cr_expect(bh_mono_is_never(bh_pull_places_all_shut(&places, now)));
    bh_pull_places_shut(&places, BH_PULL_CALLS, (struct bh_mono){2000});
    cr_expect_str_eq(found(&places, true, 2000), "nowhere");
    cr_expect_eq(bh_pull_places_all_shut(&places, (struct bh_mono){2000}).ms,
                 1000 + BH_PULL_SHUT_FIRST_MS);
    cr_expect_str_eq(found(&places, false, 1000 + BH_PULL_SHUT_FIRST_MS), "status");
}

Test(pull, leaves_a_place_alone_for_longer_and_longer)
{
    struct bh_pull_places places = {.hollow = 0};
    const struct bh_pull_question answered = {.source = BH_PULL_JOURNAL};
    bh_ms wanted = BH_PULL_SHUT_FIRST_MS;
    for (int i = 0; i < 20; i++) {
        bh_pull_places_shut(&places, BH_PULL_JOURNAL, (struct bh_mono){0});
        cr_expect_eq(places.places[BH_PULL_JOURNAL].shut_until.ms, wanted, "%d", i);
        wanted = bh_ms_min(wanted * 2, BH_PULL_SHUT_MAX_MS);
    }
    bh_pull_places_hear(&places, &answered, (struct bh_mono){0});
    bh_pull_places_shut(&places, BH_PULL_JOURNAL, (struct bh_mono){0});
    cr_expect_eq(places.places[BH_PULL_JOURNAL].shut_until.ms, BH_PULL_SHUT_FIRST_MS);
}

Test(pull, leaves_a_status_alone_that_never_tells_anything)
{
    struct bh_pull_places places = {.hollow = 0};
    struct bh_pull_question empty = {.source = BH_PULL_STATUS, .count = 2}, full = empty;
    const struct bh_mono now = {1000};
    full.messages[1].delivery = BH_DELIVERY_ACCEPTED;
    for (int i = 1; i < BH_PULL_HOLLOW_MAX; i++)
        bh_pull_places_hear(&places, &empty, now);
    bh_pull_places_hear(&places, &full, now);
    for (int i = 1; i < BH_PULL_HOLLOW_MAX; i++)
        bh_pull_places_hear(&places, &empty, now);
    cr_expect_str_eq(found(&places, false, 1000), "status");
    bh_pull_places_hear(&places, &empty, now);
    cr_expect_str_eq(found(&places, false, 1000), "journal");
}

Test(pull, knows_a_missing_right_from_a_refused_key)
{
    static const struct {
        enum bh_pulled pulled;
        int code, http_status;
        bool wanted;
    } rows[] = {
        {BH_PULLED_NOT_SO,  0,   404, true },
        {BH_PULLED_NOT_SO,  600, 200, true },
        {BH_PULLED_REFUSED, 902, 200, true },
        {BH_PULLED_REFUSED, 0,   403, true },
        {BH_PULLED_REFUSED, 0,   401, false},
        {BH_PULLED_REFUSED, 900, 200, false},
        {BH_PULLED_REFUSED, 901, 200, false},
        {BH_PULLED_REFUSED, 903, 403, false},
        {BH_PULLED_NOTHING, 0,   503, false},
        {BH_PULLED_NOTHING, 0,   0,   false},
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++)
        cr_expect_eq(bh_pull_places_concern(rows[i].pulled, rows[i].code, rows[i].http_status),
                     rows[i].wanted, "row %zu", i);
}
