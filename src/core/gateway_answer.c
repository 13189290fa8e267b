#include "core/gateway_answer.h"

#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "core/gateway_body.h"
#include "core/gateway_code.h"
#include "core/json.h"
#include "core/money.h"

/* How the three kinds of bad news begin; a question about the balance has one beginning for all. */
struct wording {
    const char *refused;
    const char *unsent;
    const char *uncertain;
};

static const struct wording message_wording = {
    .refused = "The gateway refused the message",
    .unsent = "Nothing was sent",
    .uncertain = "The message may have been sent, but this is not certain",
};

static const struct wording balance_wording = {
    .refused = "The balance is not known",
    .unsent = "The balance is not known",
    .uncertain = "The balance is not known",
};

static void
set_error(struct bh_outcome *outcome, const char *beginning, const char *reason)
{
    snprintf(outcome->error, sizeof(outcome->error), "%s: %s.", beginning, reason);
}

/* Rules 1 and 3: a status is there, the body does not decide. */
static void
judge_status(const struct bh_exchange *exchange, const struct wording *wording,
             struct bh_outcome *outcome)
{
    bool has_retry_after = exchange->retry_after_ms >= 0;
    const struct bh_gateway_code *row =
        bh_gateway_status_find(exchange->http_status, has_retry_after);
    bool uncertain = row->action == BH_ACTION_UNCERTAIN;
    char reason[128];

    outcome->kind = uncertain ? BH_OUTCOME_UNCERTAIN : BH_OUTCOME_REFUSED;
    snprintf(reason, sizeof(reason), "%s (HTTP %d)", row->meaning, exchange->http_status);
    set_error(outcome, uncertain ? wording->uncertain : wording->refused, reason);
}

/* Rules 4 and 5: there is no status. */
static void
judge_silence(const struct bh_exchange *exchange, const struct wording *wording,
              struct bh_outcome *outcome)
{
    bool whole = exchange->handed_over == BH_HANDED_ALL;
    outcome->kind = whole ? BH_OUTCOME_UNCERTAIN : BH_OUTCOME_UNSENT;
    set_error(outcome, whole ? wording->uncertain : wording->unsent,
              bh_trouble_sentence(exchange->trouble));
}

static void
judge_without_body(const struct bh_exchange *exchange, const struct wording *wording,
                   struct bh_outcome *outcome)
{
    if (exchange->http_status >= 200)
        judge_status(exchange, wording, outcome);
    else
        judge_silence(exchange, wording, outcome);
}

/* ---- messages ------------------------------------------------------------------------------------ */

/* A code for the whole request, and no word about single recipients. */
static void
apply_to_all(const struct bh_gateway_body *body, const struct bh_gateway_asked *asked,
             struct bh_outcome *outcome)
{
    bool alone = asked->recipients_count == 1 && asked->recipients[0]->msisdn != NULL;
    for (size_t i = 0; i < outcome->results_count; i++) {
        struct bh_recipient_result *result = &outcome->results[i];
        /* "At least one failed" tells about one recipient only when there is but one. */
        result->answered = body->code != 101 || alone;
        result->accepted = body->code == 100;
        result->code = body->code == 101 ? 0 : body->code;
    }
}

/* Refused as a whole: whoever is not mentioned was refused with the rest. */
static void
apply_to_unanswered(const struct bh_gateway_body *body, struct bh_outcome *outcome)
{
    if (body->code == 100 || body->code == 101)
        return;
    for (size_t i = 0; i < outcome->results_count; i++) {
        if (outcome->results[i].answered)
            continue;
        outcome->results[i].answered = true;
        outcome->results[i].code = body->code;
    }
}

struct tally {
    size_t accepted;
    size_t unanswered;
    int failed_code; /* of the first that failed */
    bool same_code;  /* all that failed, and were answered, have it */
};

static struct tally
count_results(const struct bh_outcome *outcome)
{
    struct tally tally = {.same_code = true};
    bool has_failed = false;
    for (size_t i = 0; i < outcome->results_count; i++) {
        const struct bh_recipient_result *result = &outcome->results[i];
        if (result->accepted) {
            tally.accepted++;
        } else if (!result->answered) {
            tally.unanswered++;
        } else if (!has_failed) {
            tally.failed_code = result->code;
            has_failed = true;
        } else if (result->code != tally.failed_code) {
            tally.same_code = false;
        }
    }
    return tally;
}

static bool
has_failed_extra(const struct bh_outcome *outcome)
{
    for (size_t i = 0; i < outcome->extras_count; i++)
        if (!outcome->extras[i].accepted)
            return true;
    return false;
}

/* "the recipient's number is invalid (code 202)" */
static void
describe_code(int code, char *ret_text, size_t size)
{
    const char *meaning = bh_gateway_code_find(code)->meaning;
    if (code == 0)
        snprintf(ret_text, size, "it gave no code");
    else
        snprintf(ret_text, size, "%s (code %d)", meaning, code);
}

static void
conclude(int request_code, struct bh_outcome *outcome)
{
    struct tally tally = count_results(outcome);
    char reason[128];

    if (tally.accepted > 0) {
        outcome->kind = BH_OUTCOME_ACCEPTED;
        bool all = tally.accepted == outcome->results_count && !has_failed_extra(outcome);
        outcome->code = all ? 100 : 101;
        if (!all)
            snprintf(outcome->error, sizeof(outcome->error),
                     "The gateway accepted the message for a part of the recipients only.");
    } else if (tally.unanswered > 0) {
        outcome->kind = BH_OUTCOME_UNCERTAIN;
        outcome->code = request_code;
        set_error(outcome, message_wording.uncertain, "the answer leaves out recipients");
    } else {
        bool names_one = request_code != 100 && request_code != 101;
        bool uniform = tally.same_code && tally.failed_code != 0;
        outcome->kind = BH_OUTCOME_REFUSED;
        outcome->code = uniform ? tally.failed_code : names_one ? request_code : 101;
        describe_code(outcome->code, reason, sizeof(reason));
        set_error(outcome, message_wording.refused, reason);
    }
}

static void
drop_placeholders(struct bh_outcome *outcome)
{
    for (size_t i = 0; i < outcome->results_count; i++)
        outcome->results[i].id[0] = '\0';
    for (size_t i = 0; i < outcome->extras_count; i++)
        outcome->extras[i].id[0] = '\0';
}

static enum bh_status
read_body(struct bh_str text, const struct bh_gateway_asked *asked,
          struct bh_gateway_body *ret_body)
{
    if (bh_str_starts_with(text, BH_STR_LITERAL("{")))
        return bh_gateway_body_read_json(text, asked, ret_body);
    return bh_gateway_body_read_text(text, asked, ret_body);
}

/* Rule 2.  BH_EPROTO: the body cannot be read. */
static enum bh_status
judge_body(const struct bh_exchange *exchange, const struct bh_gateway_asked *asked,
           struct bh_outcome *outcome)
{
    struct bh_gateway_body body;
    enum bh_status status = read_body(bh_gateway_body_text(exchange), asked, &body);
    if (status != BH_OK)
        return status;

    if (body.messages_count == 0) {
        apply_to_all(&body, asked, outcome);
    } else {
        status = bh_gateway_match(&body, asked, outcome);
        apply_to_unanswered(&body, outcome);
    }
    outcome->balance_micro = body.balance_micro;
    outcome->total_price_micro = body.total_price_micro;
    memcpy(outcome->encoding, body.encoding, sizeof(outcome->encoding));
    if (body.debug || asked->debug)
        drop_placeholders(outcome);
    conclude(body.code, outcome);
    bh_gateway_body_release(&body);
    return status;
}

static struct bh_outcome
outcome_of(const struct bh_exchange *exchange)
{
    return (struct bh_outcome){
        .kind = BH_OUTCOME_UNCERTAIN,
        .http_status = exchange->http_status,
        .trouble = exchange->trouble,
        .retry_after_ms = exchange->retry_after_ms,
        .balance_micro = INT64_MIN,
        .total_price_micro = -1,
    };
}

enum bh_status
bh_gateway_answer_read(const struct bh_exchange *exchange, const struct bh_gateway_asked *asked,
                       struct bh_outcome *ret_outcome)
{
    BH_ASSERT(asked->recipients_count > 0);
    struct bh_outcome outcome = outcome_of(exchange);
    outcome.results = bh_alloc_array(asked->recipients_count, sizeof(*outcome.results));
    if (outcome.results == NULL)
        return BH_ENOMEM;
    outcome.results_count = asked->recipients_count;
    for (size_t i = 0; i < outcome.results_count; i++)
        outcome.results[i].price_micro = -1;

    enum bh_status status = BH_EPROTO;
    if (bh_gateway_body_decides(exchange))
        status = judge_body(exchange, asked, &outcome);
    if (status == BH_EPROTO) {
        judge_without_body(exchange, &message_wording, &outcome);
        status = BH_OK;
    }
    if (status != BH_OK) {
        bh_outcome_release(&outcome);
        return status;
    }
    *ret_outcome = outcome;
    return BH_OK;
}

/* ---- the balance --------------------------------------------------------------------------------- */

static bool
is_code_of_balance(int code)
{
    static const int possible[] = {300, 500, 600, 700, 900, 901, 902, 903};
    for (size_t i = 0; i < BH_ARRAY_LEN(possible); i++)
        if (possible[i] == code)
            return true;
    return false;
}

static struct bh_str
unquote(struct bh_str text)
{
    if (text.len >= 2 && text.ptr[0] == '"' && text.ptr[text.len - 1] == '"')
        return bh_str_trim((struct bh_str){text.ptr + 1, text.len - 2});
    return text;
}

/* A number with decimals, or a whole one that is not a code. */
static bool
read_amount(struct bh_str text, int64_t *ret_micro)
{
    int code;
    text = unquote(text);
    if (bh_gateway_code_parse(text, &code) && is_code_of_balance(code))
        return false;
    return bh_money_parse(text, ret_micro);
}

/* A code that refuses, or an answer in which there is none. */
static void
refuse_balance(int code, struct bh_outcome *outcome)
{
    char reason[128];
    if (code == 0 || code == 100 || code == 101) {
        set_error(outcome, balance_wording.uncertain, "the answer cannot be read");
        return;
    }
    outcome->kind = BH_OUTCOME_REFUSED;
    outcome->code = code;
    describe_code(code, reason, sizeof(reason));
    set_error(outcome, balance_wording.refused, reason);
}

static void
judge_balance_text(struct bh_str text, struct bh_outcome *outcome)
{
    int code = 0;
    if (read_amount(text, &outcome->balance_micro)) {
        outcome->kind = BH_OUTCOME_ACCEPTED;
        outcome->code = 100;
        return;
    }
    (void)bh_gateway_code_parse(text, &code); /* else it stays 0 */
    refuse_balance(code, outcome);
}

/* An object with `amount`, or one that is told about a refusal in the manner of the other endpoints. */
static enum bh_status
judge_balance_object(struct bh_str text, struct bh_outcome *outcome)
{
    struct bh_json *json;
    enum bh_status status = bh_json_parse(text, text.len, BH_JSON_LENIENT, &json, NULL);
    if (status == BH_ENOMEM)
        return status;
    if (status != BH_OK) {
        set_error(outcome, balance_wording.uncertain, "the answer cannot be read");
        return BH_OK;
    }
    const struct bh_json_value *root = bh_json_root(json);
    const struct bh_json_value *amount = bh_json_get(root, "amount");
    struct bh_str value = bh_json_raw(json, amount);
    int64_t micro;
    bool is_amount =
        bh_json_type(amount) == BH_JSON_NUMBER || bh_json_type(amount) == BH_JSON_STRING;

    /* Under its own name an amount cannot be mistaken for a code. */
    if (is_amount && bh_money_parse(unquote(value), &micro)) {
        outcome->kind = BH_OUTCOME_ACCEPTED;
        outcome->code = 100;
        outcome->balance_micro = micro;
    } else {
        int code;
        if (!bh_gateway_code_parse(bh_json_raw(json, bh_json_get(root, "success")), &code))
            code = 0;
        refuse_balance(code, outcome);
    }
    bh_json_free(json);
    return BH_OK;
}

enum bh_status
bh_gateway_answer_read_balance(const struct bh_exchange *exchange, struct bh_outcome *ret_outcome)
{
    struct bh_outcome outcome = outcome_of(exchange);
    struct bh_str text = bh_gateway_body_text(exchange);
    enum bh_status status = BH_OK;

    if (!bh_gateway_body_decides(exchange))
        judge_without_body(exchange, &balance_wording, &outcome);
    else if (bh_str_starts_with(text, BH_STR_LITERAL("{")))
        status = judge_balance_object(text, &outcome);
    else
        judge_balance_text(text, &outcome);
    if (status == BH_OK)
        *ret_outcome = outcome;
    return status;
}
