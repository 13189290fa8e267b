#include "cli/gateway_price.h"

#include "cli/configuration.h"
#include "cli/gateway_line.h"
#include "core/fault.h"
#include "core/gateway_code.h"
#include "core/gateway_profile.h"
#include "core/phone.h"
#include "gateway/stamp.h"

struct question {
    struct bh_msisdn number;
    enum bh_pricing_finding finding;
    struct bh_pricing pricing;
    int http_status;
};

static void
on_answer(void *arg, const struct bh_exchange *exchange)
{
    struct question *question = arg;
    question->http_status = exchange->http_status;
    question->finding =
        bh_gateway_pricing_read(exchange, question->number.digits, &question->pricing);
}

static enum bh_exit
ask_over(const struct bh_cli *cli, struct bh_gateway_line *line, struct question *question)
{
    const struct bh_gateway_profile profile =
        bh_gateway_profile_from(&cli->config->gateway, "Bellhop/" BH_VERSION);
    struct bh_gateway_request request;
    struct bh_gateway_stamp_text text;
    struct bh_gateway_stamp stamp;
    struct bh_error error = {.text = "short of memory"};
    bh_gateway_request_init(&request, 0);
    enum bh_status status = bh_gateway_stamp_now(&text, &stamp);
    if (status == BH_OK)
        status = bh_gateway_request_pricing(&request, &profile, &stamp, &error);
    if (status == BH_OK)
        bh_gateway_line_ask(line, &request, on_answer, question);
    bh_gateway_request_release(&request);
    return status == BH_OK ? BH_EXIT_DONE
                           : bh_cli_fail("the gateway cannot be asked: %s", error.text);
}

static enum bh_exit
read_number(const struct bh_cli *cli, const char *to, struct bh_msisdn *ret_number)
{
    struct bh_address address;
    struct bh_error error;
    if (bh_recipient_parse(bh_str_from(to), bh_str_from(cli->config->gateway.country), &address,
                           &error) != BH_OK)
        return bh_cli_misuse("--to: %s", error.text);
    if (!address.is_number)
        return bh_cli_misuse("--to needs a phone number: what a contact or a group costs is known "
                             "by its numbers only");
    *ret_number = address.msisdn;
    return BH_EXIT_DONE;
}

static enum bh_exit
judge(const struct question *question)
{
    const struct bh_pricing *pricing = &question->pricing;
    switch (question->finding) {
    case BH_PRICING_FOUND: return BH_EXIT_DONE;
    case BH_PRICING_ABSENT:
        return bh_cli_fail("the gateway's price list has no price for %s", question->number.digits);
    case BH_PRICING_REFUSED:
    case BH_PRICING_UNREADABLE: break;
    }
    if (pricing->code != 0)
        return bh_cli_fail("the gateway does not tell its prices: code %d, %s", pricing->code,
                           bh_gateway_code_find(pricing->code)->meaning);
    if (question->http_status != 0)
        return bh_cli_fail("the gateway does not tell its prices: HTTP status %d%s",
                           question->http_status,
                           question->http_status == 200 ? ", but no price list" : "");
    return bh_cli_fail("the gateway does not answer; bellhop doctor looks at the way there");
}

enum bh_exit
bh_gateway_price_ask(struct bh_cli *cli, const char *to, struct bh_pricing *ret_pricing)
{
    struct question question = {.finding = BH_PRICING_UNREADABLE};
    struct bh_gateway_line *line;
    enum bh_exit result = bh_configuration_load(cli);
    if (result == BH_EXIT_DONE)
        result = read_number(cli, to, &question.number);
    if (result != BH_EXIT_DONE)
        return result;
    if (!cli->account_known)
        return bh_cli_fail("the API key cannot be read here; try sudo -u bellhop bellhop estimate");
    result = bh_gateway_line_open(cli, &line);
    if (result != BH_EXIT_DONE)
        return result;
    result = ask_over(cli, line, &question);
    bh_gateway_line_close(line);
    if (result == BH_EXIT_DONE)
        result = judge(&question);
    if (result == BH_EXIT_DONE)
        *ret_pricing = question.pricing;
    return result;
}
