/*
 * What the command asks the gateway itself: estimate --ask and balance --ask, on a simulated gateway; there is no Redis.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base.h"
#include "support/cli_stage.h"
#include "support/remove_tree.h"
#include "support/sim_process.h"

#define PIECES 4

static struct bh_test_sim sim;
static char directory[64], variable[160];

static void
configure(const char *key)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/config.ini", directory);
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    fprintf(file,
            "[redis]\nurl = unix://%s/none\n[gateway]\nurl = %s/api\napi_key = %s\n[queue sms]\n",
            directory, sim.url, key);
    cr_assert_eq(fclose(file), 0);
}

static void
set_up(void)
{
    snprintf(directory, sizeof(directory), "/tmp/bellhop-gateway-XXXXXX");
    cr_assert_not_null(mkdtemp(directory));
    snprintf(variable, sizeof(variable), "BELLHOP_CONFIG=%s/config.ini", directory);
    cr_assert(bh_test_sim_start(&sim, NULL));
    configure("sim-live-key");
}

static void
tear_down(void)
{
    cr_assert_eq(bh_test_sim_stop(&sim), 0);
    bh_remove_tree(directory);
}

TestSuite(cli_gateway, .init = set_up, .fini = tear_down, .timeout = 120);

struct row {
    const char *name;
    const char *args[10];
    const char *fault; /* of the answer; NULL: none */
    int exit_status;
    const char *out[PIECES], *err[PIECES];
};

/* clang-format off */
#define X "estimate", "--text", "x"
#define SPAN "\"body\":\"{\\\"countries\\\":[{\\\"countryName\\\":\\\"Ger\\\\u001b[2Jmany\\\",\\\"countryPrefix\\\":\\\"49\\\",\\\"networks\\\":[{\\\"price\\\":0.075},{\\\"price\\\":\\\"0.083\\\"}]},{\\\"countryName\\\":\\\"US\\\",\\\"countryPrefix\\\":\\\"1\\\",\\\"networks\\\":[{\\\"price\\\":0.01}]},{\\\"countryName\\\":\\\"Canada\\\",\\\"countryPrefix\\\":\\\"1\\\",\\\"networks\\\":[{\\\"price\\\":0.008}]}]}\""

static const struct row rows[] = {
    {"a price", {X, "--ask", "--to", "+43 664 1234567"}, NULL, 0, {"price       0.075; a part costs 0.075 in Austria\n"}, {NULL}},
    {"a national number", {X, "--ask", "--to", "0171 1234567", "--recipients", "1000"}, NULL, 0, {"price       75 for 1000 recipients; a part costs 0.075 in Germany\n"}, {NULL}},
    {"for machines", {X, "--ask", "--to", "436641234567", "--json"}, NULL, 0, {"\"price\":0.075,\"price_least\":0.075,\"part\":0.075,\"country\":\"Austria\",\"countries\":1,\"networks\":1,"}, {NULL}},
    {"a span", {X, "--ask", "--to", "491711234567"}, "{\"kind\":\"unparsable\"," SPAN "}", 0, {"price       0.075 to 0.083; a part costs 0.075 to 0.083 in Ger?[2Jmany, by the network (2)\n"}, {NULL}},
    {"a span for machines", {X, "--ask", "--to", "491711234567", "--json"}, "{\"kind\":\"unparsable\"," SPAN "}", 0, {"\"price\":0.083,\"price_least\":0.075,\"part\":0.083,\"country\":\"Ger\\u001b[2Jmany\"", "\"networks\":2,"}, {NULL}},
    {"two countries", {X, "--ask", "--to", "12125550100"}, "{\"kind\":\"unparsable\"," SPAN "}", 0, {"0.008 to 0.01 in US and 1 more with its calling code, by the network (2)\n"}, {NULL}},
    {"no price there", {X, "--ask", "--to", "+9991234567"}, NULL, 1, {NULL}, {"the gateway's price list has no price for 9991234567"}},
    {"no number", {X, "--ask", "--to", "friends"}, NULL, 2, {NULL}, {"--to needs a phone number"}},
    {"half a number", {X, "--ask", "--to", "+49"}, NULL, 2, {NULL}, {"--to: "}},
    {"nobody", {X, "--ask"}, NULL, 2, {NULL}, {"--ask and --to NUMBER go together"}},
    {"not asked", {X, "--to", "491711234567"}, NULL, 2, {NULL}, {"--ask and --to NUMBER go together"}},
    {"both", {X, "--ask", "--to", "491711234567", "--price", "1"}, NULL, 2, {NULL}, {"either --ask or --price"}},
    {"no list", {X, "--ask", "--to", "491711234567"}, "{\"kind\":\"unparsable\",\"body\":\"<html>\"}", 1, {NULL}, {"does not tell its prices: HTTP status 200, but no price list"}},
    {"a code", {X, "--ask", "--to", "491711234567"}, "{\"kind\":\"unparsable\",\"body\":\"902\"}", 1, {NULL}, {"does not tell its prices: code 902, "}},
    {"an error", {X, "--ask", "--to", "491711234567"}, "{\"kind\":\"status\",\"status\":500}", 1, {NULL}, {"HTTP status 500\n"}},
    {"no answer", {X, "--ask", "--to", "491711234567"}, "{\"kind\":\"drop\",\"at\":\"head\",\"count\":9}", 1, {NULL}, {"the gateway does not answer"}},
    {"the balance", {"balance", "--ask"}, NULL, 0, {"1000000.5\n"}, {NULL}},
    {"the balance for machines", {"balance", "--ask", "--json"}, NULL, 0, {"{\"balance\":1000000.5,\"balance_at\":"}, {NULL}},
    {"no balance", {"balance", "--ask"}, "{\"kind\":\"unparsable\",\"body\":\"<html>\"}", 1, {NULL}, {"the gateway does not tell the balance: "}},
    {"a balance's code", {"balance", "--ask"}, "{\"kind\":\"unparsable\",\"body\":\"900\"}", 1, {NULL}, {"the gateway does not tell the balance: "}},
    {"a balance of what", {"balance", "--ask", "sms"}, NULL, 2, {NULL}, {"balance takes no operands"}},
};

static const struct row refused[] = {
    {"prices with another key", {X, "--ask", "--to", "491711234567"}, NULL, 1, {NULL}, {"does not tell its prices: code 900, "}},
    {"the balance with another key", {"balance", "--ask"}, NULL, 1, {NULL}, {"the gateway does not tell the balance: "}},
};
/* clang-format on */

static void
check(const struct row *row)
{
    struct run_result result;
    if (row->fault != NULL)
        cr_assert(bh_test_sim_tell(&sim, "fault", row->fault), "%s", row->name);
    cli_run_at(directory, variable, row->args, "", &result);
    cr_expect_eq(result.exit_status, row->exit_status, "%s: exit %d: %s%s", row->name,
                 result.exit_status, result.out, result.err);
    cli_expect_pieces(row->name, "standard output", result.out, row->out, PIECES);
    cli_expect_pieces(row->name, "standard error", result.err, row->err, PIECES);
    cr_expect_eq(row->out[0] == NULL && result.out[0] != '\0', 0, "%s: %s", row->name, result.out);
    cr_expect_eq(row->err[0] == NULL && result.err[0] != '\0', 0, "%s: %s", row->name, result.err);
    cr_expect_null(strchr(result.out, 033), "%s: nobody's control characters", row->name);
    run_release(&result);
    cr_assert(bh_test_sim_tell(&sim, "unfault", "{}"));
}

Test(cli_gateway, tells_prices_and_the_balance_and_why_it_cannot)
{
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++)
        check(&rows[i]);
    cr_expect_eq(bh_test_sim_number(&sim, "stats", "accepted"), 0, "nothing was sent");
    configure("another-key");
    for (size_t i = 0; i < BH_ARRAY_LEN(refused); i++)
        check(&refused[i]);
}
