/*
 * First byte: how the exchange went and whom the message was for; the rest: the body.
 *
 * Properties: the outcome is consistent in itself, nobody counts as accepted without a body that was
 * complete, and reading twice gives the same.
 */
#include <stdlib.h>
#include <string.h>

#include "core/gateway_answer.h"
#include "core/gateway_code.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition) ((condition) ? (void)0 : abort())

static const struct bh_recipient people[] = {
    {"+49 171 1234567", "491711234567"},
    {"0172/7654321",    "491727654321"},
    {"Team",            NULL          },
    {"491711234567",    "491711234567"},
    {"Crew",            NULL          },
};

static void
check_result(const struct bh_recipient_result *result)
{
    REQUIRE(!result->accepted || (result->answered && result->code == 100));
    REQUIRE(result->accepted || result->code != 100);
    REQUIRE(result->price_micro >= -1 && result->parts >= 0);
    REQUIRE(strspn(result->id, "0123456789") == strlen(result->id));
    REQUIRE(strspn(result->msisdn, "0123456789") == strlen(result->msisdn));
    REQUIRE(memchr(result->error, '\0', sizeof(result->error)) != NULL);
    REQUIRE(strchr(result->error, '\n') == NULL);
}

static void
check_outcome(const struct bh_outcome *outcome, const struct bh_exchange *exchange)
{
    size_t accepted = 0, answered = 0;
    for (size_t i = 0; i < outcome->results_count; i++) {
        check_result(&outcome->results[i]);
        accepted += outcome->results[i].accepted ? 1 : 0;
        answered += outcome->results[i].answered ? 1 : 0;
    }
    for (size_t i = 0; i < outcome->extras_count; i++)
        check_result(&outcome->extras[i]);
    REQUIRE(outcome->extras_count <= BH_GATEWAY_EXTRAS_MAX + outcome->results_count);
    REQUIRE((accepted > 0) == (outcome->kind == BH_OUTCOME_ACCEPTED));
    REQUIRE(accepted == 0 || (exchange->body_complete && exchange->headers_complete));
    REQUIRE(outcome->kind != BH_OUTCOME_REFUSED || outcome->code != 100);
    REQUIRE(outcome->kind != BH_OUTCOME_REFUSED || answered == outcome->results_count ||
            exchange->http_status < 200 || exchange->http_status > 299);
    REQUIRE(outcome->kind != BH_OUTCOME_UNSENT || exchange->handed_over != BH_HANDED_ALL);
    REQUIRE((outcome->error[0] == '\0') ==
            (outcome->kind == BH_OUTCOME_ACCEPTED && outcome->code == 100));
    REQUIRE(outcome->total_price_micro >= -1);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int statuses[] = {200, 200, 200, 0, 201, 302, 429, 503};
    if (size == 0)
        return 0;
    const struct bh_recipient *to[BH_ARRAY_LEN(people)];
    for (size_t i = 0; i < BH_ARRAY_LEN(people); i++)
        to[i] = &people[i];
    uint8_t choice = data[0];
    struct bh_gateway_asked asked = {
        .type = (choice & 1) != 0 ? BH_JOB_VOICE : BH_JOB_SMS,
        .debug = (choice & 2) != 0,
        .recipients = to,
        .recipients_count = (choice & 1) != 0 ? 1 : 1 + (choice >> 2) % BH_ARRAY_LEN(people),
    };
    struct bh_exchange exchange = {
        .handed_over = (enum bh_handed_over)(choice % 3),
        .http_status = statuses[choice >> 5],
        .headers_complete = choice != 64,
        .body_complete = choice != 65,
        .retry_after_ms = (choice & 16) != 0 ? 1000 : -1,
        .body = {(const char *)data + 1, size - 1},
    };

    struct bh_outcome outcome, again;
    REQUIRE(bh_gateway_answer_read(&exchange, &asked, &outcome) == BH_OK);
    REQUIRE(outcome.results_count == asked.recipients_count);
    check_outcome(&outcome, &exchange);
    REQUIRE(bh_gateway_answer_read(&exchange, &asked, &again) == BH_OK);
    REQUIRE(again.kind == outcome.kind && again.code == outcome.code);
    REQUIRE(strcmp(again.error, outcome.error) == 0);
    bh_outcome_release(&again);
    bh_outcome_release(&outcome);

    REQUIRE(bh_gateway_answer_read_balance(&exchange, &outcome) == BH_OK);
    REQUIRE((outcome.kind == BH_OUTCOME_ACCEPTED) == (outcome.balance_micro != INT64_MIN));
    bh_outcome_release(&outcome);
    return 0;
}
