/* balance: the gateway account's credit, as known in Redis or asked at the gateway. */
#include <inttypes.h>
#include <stdio.h>

#include "cli/commands.h"
#include "cli/display.h"
#include "cli/gateway_line.h"
#include "cli/picture.h"
#include "core/fault.h"
#include "core/gateway_answer.h"
#include "core/json.h"
#include "core/money.h"

#define LINE_MAX ((size_t)16 * 1024)

struct balance_options {
    bool ask;
};

static const struct bh_option balance_option_rows[] = {
    {"ask", BH_OPTION_FLAG, NULL, "ask the gateway now; nothing is changed",
     offsetof(struct balance_options, ask)},
};

struct balance {
    int64_t micro; /* INT64_MIN: not known */
    bh_ms age_ms;
    struct bh_wall at;
    int64_t spend_micro; /* per hour; -1: not known */
    char trouble[256];   /* why the gateway did not tell */
};

/* ---- At the gateway ---- */

static void
on_answer(void *arg, const struct bh_exchange *exchange)
{
    struct balance *balance = arg;
    struct bh_outcome outcome;
    if (bh_gateway_answer_read_balance(exchange, &outcome) != BH_OK)
        return;
    balance->micro = outcome.balance_micro;
    (void)snprintf(balance->trouble, sizeof(balance->trouble), "%s", outcome.error);
    bh_outcome_release(&outcome);
}

static enum bh_exit
ask_over(const struct bh_cli *cli, struct bh_gateway_line *line, struct balance *balance)
{
    struct bh_gateway_caller caller;
    struct bh_gateway_request request;
    struct bh_error error = {.text = "short of memory"};
    bh_gateway_request_init(&request, 0);
    enum bh_status status = bh_gateway_caller_init(cli, &caller, &error);
    if (status == BH_OK)
        status = bh_gateway_request_balance(&request, &caller.profile, &caller.stamp, &error);
    if (status == BH_OK)
        bh_gateway_line_ask(line, &request, on_answer, balance);
    bh_gateway_request_release(&request);
    return status == BH_OK ? BH_EXIT_DONE
                           : bh_cli_fail("the gateway cannot be asked: %s", error.text);
}

static enum bh_exit
ask_gateway(struct bh_cli *cli, struct balance *balance)
{
    struct bh_gateway_line *line;
    enum bh_exit result = bh_gateway_line_open(cli, &line);
    if (result != BH_EXIT_DONE)
        return result;
    balance->at = bh_cli_now();
    result = ask_over(cli, line, balance);
    bh_gateway_line_close(line);
    if (result == BH_EXIT_DONE && balance->micro == INT64_MIN)
        result = bh_cli_fail("the gateway does not tell the balance: %s",
                             bh_quote(bh_str_from(balance->trouble)).text);
    return result;
}

/* ---- In Redis ---- */

static enum bh_exit
read_redis(struct bh_cli *cli, struct balance *balance)
{
    struct bh_queue_choice queues;
    struct bh_picture picture;
    enum bh_exit result = bh_configuration_queues(cli, NULL, &queues);
    if (result != BH_EXIT_DONE)
        return result;
    bh_picture_take(cli, &queues, 0, &picture);
    if (!picture.redis_up)
        result = bh_cli_fail("Redis cannot be asked: %s", picture.trouble.text);
    balance->micro = picture.account_known ? picture.account.balance_micro : INT64_MIN;
    balance->at = picture.account.balance_at;
    balance->age_ms = picture.account.server_now.ms - picture.account.balance_at.ms;
    balance->spend_micro = bh_picture_spend_micro(&picture);
    bh_picture_release(&picture);
    if (result == BH_EXIT_DONE && balance->micro == INT64_MIN) {
        bh_cli_warn("the balance is not known yet; --ask asks the gateway");
        result = BH_EXIT_NOTHING;
    }
    return result;
}

/* ---- The command ---- */

static enum bh_status
print_json(const struct balance *balance)
{
    struct bh_json_writer writer;
    struct bh_buf line;
    bh_buf_init(&line, LINE_MAX);
    bh_json_writer_init(&writer, &line);
    bh_json_open_object(&writer, NULL);
    bh_json_put_raw(&writer, "balance", bh_str_from(bh_money_format(balance->micro).text));
    bh_json_put_int(&writer, "balance_at", balance->at.ms);
    if (balance->spend_micro >= 0)
        bh_json_put_raw(&writer, "spend_per_hour",
                        bh_str_from(bh_money_format(balance->spend_micro).text));
    bh_json_close_object(&writer);
    enum bh_status status = bh_buf_status(&line);
    if (status == BH_OK)
        printf("%s\n", bh_buf_text(&line));
    bh_buf_release(&line);
    return status;
}

/* How long it lasts at the pace of the last hour. */
static void
print_spend(const struct balance *balance)
{
    if (balance->spend_micro < 0)
        return;
    printf(", spends %s per hour", bh_money_format(balance->spend_micro).text);
    if (balance->spend_micro > 0 && balance->micro > 0 && balance->micro < INT64_MAX / BH_MINUTE_MS)
        printf(", lasts for about %s",
               bh_display_span(balance->micro * 60 / balance->spend_micro * BH_MINUTE_MS).text);
}

static enum bh_exit
balance_run(struct bh_cli *cli, const void *options, struct bh_operands operands)
{
    const struct balance_options *wanted = options;
    struct balance balance = {.micro = INT64_MIN, .spend_micro = -1};
    if (operands.count > 0)
        return bh_cli_misuse("balance takes no operands");
    enum bh_exit result = bh_configuration_load(cli);
    if (result != BH_EXIT_DONE)
        return result;
    if (!cli->account_known)
        return bh_cli_fail("the API key cannot be read here, and so the account is not known; try "
                           "sudo -u bellhop bellhop balance");
    result = wanted->ask ? ask_gateway(cli, &balance) : read_redis(cli, &balance);
    if (result != BH_EXIT_DONE)
        return result;
    if (cli->json)
        return print_json(&balance) == BH_OK ? BH_EXIT_DONE : bh_cli_fail("short of memory");
    printf("%s", bh_money_format(balance.micro).text);
    if (!wanted->ask)
        printf(" (%s ago)", bh_display_span(balance.age_ms).text);
    print_spend(&balance);
    printf("\n");
    return BH_EXIT_DONE;
}

const struct bh_command_row bh_command_balance = {
    .name = "balance",
    .summary = "show the account's credit and what an hour costs",
    .usage = "[--ask]",
    .text = "The balance is what bellhopd learnt last ([gateway] balance_interval); --ask asks the "
            "gateway.  The\n"
            "spending is that of the last hour; while there are figures of less than an hour, it "
            "is theirs,\n"
            "as so much per hour.  Amounts are in the account's currency.\n\n"
            "examples:\n"
            "  bellhop balance\n"
            "  bellhop balance --ask --json | jq .balance",
    .options = balance_option_rows,
    .options_count = BH_ARRAY_LEN(balance_option_rows),
    .options_size = sizeof(struct balance_options),
    .run = balance_run,
};
