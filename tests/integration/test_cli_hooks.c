/*
 * `bellhop hooks` against the simulator: who is subscribed at the gateway, and whether reports find their way to us.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "support/rig.h"
#include "support/run_program.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

#define TOKEN   "tok-0123456789abcdef"
#define ARGS_   8
#define PIECES_ 4

/* One command and what it must say; rows of a table are run one after the other at one gateway. */
struct row {
    const char *name;
    const char *http; /* lines of [http]; NULL: OURS */
    const char *gateway;
    const char *fault; /* told to the simulator before; NULL: none */
    const char *args[ARGS_];
    int exit_status;
    const char *said[PIECES_];   /* on standard output */
    const char *warned[PIECES_]; /* on standard error */
    const char *never;           /* a piece that stands nowhere; NULL: the token */
};

#define OURS "webhook_url = http://127.0.0.1:9\nwebhook_token = " TOKEN "\nlisten = 127.0.0.1:9"

static void
start(struct bh_rig *rig, const char *sim)
{
    bh_rig_start(
        rig, &(struct bh_rig_options){.without_redis = true, .without_daemon = true, .sim = sim});
}

static struct run_result
run_hooks(struct bh_rig *rig, const struct row *row)
{
    static const char *const left[] = {"hooks.ini", "run.in", "run.out", "run.err"};
    const struct bh_rig_options options = {.http = row->http != NULL ? row->http : OURS,
                                           .gateway = row->gateway};
    const char *path = bh_rig_text(rig, "%s/hooks.ini", rig->dir);
    const char *all[ARGS_ + 4] = {"--config", path, "hooks", NULL};
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    fputs(bh_rig_config(rig, &options, 0), file);
    cr_assert_eq(fclose(file), 0);
    for (size_t i = 0; i < ARGS_ && row->args[i] != NULL; i++)
        all[3 + i] = row->args[i];
    const struct run_request request = {
        .program = BH_TEST_BELLHOP,
        .directory = rig->dir,
        .args = all,
        .environment = (const char *const[]){"TERM=xterm", NULL},
    };
    struct run_result result;
    run_program(&request, &result);
    for (size_t i = 0; i < COUNT(left); i++)
        (void)remove(bh_rig_text(rig, "%s/%s", rig->dir, left[i]));
    return result;
}

static void
check_row(struct bh_rig *rig, const struct row *row)
{
    const char *never = row->never != NULL ? row->never : TOKEN;
    if (row->fault != NULL)
        bh_rig_tell(rig, "fault", row->fault);
    struct run_result result = run_hooks(rig, row);
    cr_expect_eq(result.exit_status, row->exit_status, "%s: %d\n%s%s", row->name,
                 result.exit_status, result.out, result.err);
    for (size_t i = 0; i < PIECES_ && row->said[i] != NULL; i++)
        cr_expect_not_null(strstr(result.out, row->said[i]), "%s: no \"%s\" in\n%s%s", row->name,
                           row->said[i], result.out, result.err);
    for (size_t i = 0; i < PIECES_ && row->warned[i] != NULL; i++)
        cr_expect_not_null(strstr(result.err, row->warned[i]), "%s: no \"%s\" in\n%s", row->name,
                           row->warned[i], result.err);
    if (row->warned[0] == NULL)
        cr_expect_str_eq(result.err, "", "%s: %s", row->name, result.err);
    if (row->said[0] == NULL)
        cr_expect_str_eq(result.out, "", "%s: %s", row->name, result.out);
    cr_expect_null(strstr(result.out, never), "%s shows %s: %s", row->name, never, result.out);
    cr_expect_null(strstr(result.err, never), "%s shows %s: %s", row->name, never, result.err);
    run_release(&result);
}

static void
check_story(const char *sim, const struct row *rows, size_t count)
{
    struct bh_rig rig;
    start(&rig, sim);
    for (size_t i = 0; i < count; i++)
        check_row(&rig, &rows[i]);
    bh_rig_stop(&rig);
}

/* clang-format off */
static const struct row life[] = {
    {"nobody", .args = {"list"}, .exit_status = 3, .warned = {"nobody is subscribed", "bellhop hooks add"}},
    {"ours", .args = {"add"}, .said = {"dlr: subscribed as 2045", "voice_status: subscribed as 2046"}},
    {"ours again", .args = {"add"}, .said = {"dlr: is subscribed already, as 2045", "voice_status: is subscribed already, as 2046"}},
    {"ours again, as JSON", .args = {"add", "--json", "--event", "dlr"}, .said = {"{\"event\":\"dlr\",\"id\":\"2045\",\"added\":false}"}},
    {"a shop's", .args = {"add", "--event", "sms_mo", "--method", "GET", "--filter", "491771783130", "http://127.0.0.1:9/shop?k=v"},
     .said = {"sms_mo: subscribed as 2047"}},
    {"the shop's second", .args = {"add", "--json", "--event=tracking", "http://127.0.0.1:9/shop?k=v"},
     .said = {"{\"event\":\"tracking\",\"id\":\"2048\",\"added\":true}"}},
    {"the list", .args = {"list"}, .said = {"2045  dlr", "http://127.0.0.1:9/webhook/***", "http://127.0.0.1:9/shop?k=v", "491771783130"}},
    {"the list as JSON", .args = {"list", "--json"},
     .said = {"{\"id\":\"2045\",\"event\":\"dlr\",\"url\":\"http://127.0.0.1:9/webhook/***\",\"method\":\"JSON\",\"filter\":null,\"enabled\":true,\"created\":\"20",
              "\"ours\":true}", "\"method\":\"GET\",\"filter\":\"491771783130\"", "\"ours\":false}"}},
    {"the list with its secrets", .args = {"list", "--show-token"}, .said = {"http://127.0.0.1:9/webhook/" TOKEN}, .never = "***"},
    {"none of that number", .args = {"remove", "1"}, .exit_status = 3, .warned = {"no such webhook"}},
    {"several at once", .args = {"remove", "http://127.0.0.1:9/shop?k=v"}, .exit_status = 2,
     .warned = {"2047: sms_mo to http://127.0.0.1:9/shop?k=v", "2048: tracking", "these 2", "--yes"}},
    {"several by word", .args = {"remove", "http://127.0.0.1:9/shop?k=v", "--yes"}, .said = {"removed 2047", "removed 2048"}},
    {"one", .args = {"remove", "2046"}, .said = {"removed 2046: voice_status to http://127.0.0.1:9/webhook/***"}},
    {"what is missing is added", .args = {"add"}, .said = {"dlr: is subscribed already, as 2045", "voice_status: subscribed as 2049"}},
    {"as JSON", .args = {"remove", "--json", "2045", "2049", "--yes"}, .said = {"{\"id\":\"2045\",\"removed\":true}", "{\"id\":\"2049\",\"removed\":true}"}},
    {"nobody again", .args = {"list", "--json"}, .exit_status = 3, .warned = {"nobody is subscribed"}},
};

static const struct row misuses[] = {
    {"no word", .exit_status = 2, .warned = {"list, add, remove and check"}},
    {"another word", .args = {"delete"}, .exit_status = 2, .warned = {"list, add, remove and check"}},
    {"a word too many", .args = {"list", "x"}, .exit_status = 2, .warned = {"takes nothing more"}},
    {"two URLs", .args = {"add", "http://127.0.0.1:9/a", "http://127.0.0.1:9/b"}, .exit_status = 2, .warned = {"one URL"}},
    {"an unknown event", .args = {"add", "--event", "dlrs"}, .exit_status = 2, .warned = {"no event \"dlrs\""}},
    {"an unknown method", .args = {"add", "--method", "PUT"}, .exit_status = 2, .warned = {"POST, GET and JSON"}},
    {"remove nothing", .args = {"remove"}, .exit_status = 2, .warned = {"needs the ID"}},
    {"an event to list", .args = {"list", "--event", "dlr"}, .exit_status = 2, .warned = {"go with hooks add"}},
    {"yes to add", .args = {"add", "--yes"}, .exit_status = 2, .warned = {"goes with hooks remove"}},
    {"no URL known", .http = "listen =", .args = {"add"}, .exit_status = 1, .warned = {"which URL?", "webhook_url"}},
    {"a URL of another kind", .args = {"add", "ftp://127.0.0.1/x"}, .exit_status = 1, .warned = {"cannot be asked", "http"}},
    {"a URL with a password", .args = {"add", "http://u:p@127.0.0.1/x"}, .exit_status = 1, .warned = {"cannot be asked"}},
    {"an empty filter", .args = {"add", "--filter", ""}, .exit_status = 1, .warned = {"filter"}},
    {"a token in two places", .http = "webhook_url = http://127.0.0.1:9/in/" TOKEN "\nwebhook_token = " TOKEN "\nlisten = 127.0.0.1:9",
     .args = {"add", "--event", "dlr"}, .said = {"dlr: subscribed as 2045"}},
    {"... is subscribed as it is", .args = {"list", "--show-token"}, .said = {"http://127.0.0.1:9/in/" TOKEN}, .never = "***"},
};

#define TO_HOOKS ",\"match\":{\"path\":\"/api/hooks\"}}"

static const struct row troubles[] = {
    {"a wrong key", .gateway = "api_key = wrong", .args = {"list"}, .exit_status = 1, .warned = {"(code 900)", "[gateway] api_key"}},
    {"a wrong signature", .gateway = "signing_key = wrong", .args = {"list"}, .exit_status = 1, .warned = {"(code 901)", "signing_key"}},
    {"an error page", .fault = "{\"kind\":\"status\",\"status\":502" TO_HOOKS, .args = {"list"}, .exit_status = 1, .warned = {"(HTTP 502)"}},
    {"a web page", .fault = "{\"kind\":\"unparsable\",\"body\":\"<!DOCTYPE html><html></html>\"" TO_HOOKS, .args = {"list"}, .exit_status = 1,
     .warned = {"web page", "[gateway] url"}},
    {"an answer that is lost", .fault = "{\"kind\":\"drop\",\"at\":\"after\",\"match\":{\"path\":\"/api/hooks\",\"connection_request\":2}}",
     .args = {"add", "--event", "dlr"}, .exit_status = 1, .warned = {"dlr: the connection broke", "bellhop hooks list"}},
    {"silence", .gateway = "timeout = 1s\nconnect_timeout = 500ms", .fault = "{\"kind\":\"hang\"" TO_HOOKS, .args = {"list"}, .exit_status = 1,
     .warned = {"no whole answer came in time"}},
    {"nobody there", .gateway = "url = http://127.0.0.1:1/api", .args = {"list"}, .exit_status = 1, .warned = {"no connection to the gateway", "bellhop doctor"}},
    {"no key", .gateway = "api_key =\napi_key_file = /nowhere", .args = {"list"}, .exit_status = 1, .warned = {"API key cannot be read", "sudo -u bellhop"}},
};
/* clang-format on */

Test(cli_hooks, subscribes_and_unsubscribes)
{
    static const char *const eras[] = {"2021", "2022", "2024"};
    check_story(NULL, life, COUNT(life));
    for (size_t i = 0; i < COUNT(eras); i++) {
        char sim[64];
        snprintf(sim, sizeof(sim), "[gateway]\nera = %s\n", eras[i]);
        check_story(sim, &life[1], 3);
    }
}

Test(cli_hooks, asks_nothing_that_makes_no_sense)
{
    check_story(NULL, misuses, COUNT(misuses));
}

Test(cli_hooks, says_what_is_wrong_at_the_gateway)
{
    check_story(NULL, troubles, COUNT(troubles));
}

Test(cli_hooks, knows_a_key_without_the_right)
{
    static const struct row rows[] = {
        {"list",  .args = {"list"},  .exit_status = 1, .warned = {"(code 902)", "right to webhooks"}},
        {"check", .args = {"check"}, .exit_status = 1, .said = {"(code 902)", "right to webhooks"}  },
    };
    check_story("[key sim-live-key]\nrights = sms,balance\n", rows, COUNT(rows));
}

/* ---- check ---- */

/* clang-format off */
static const struct row findings[] = {
    {"nothing is configured", .http = "listen =", .args = {"check"}, .exit_status = 1,
     .said = {"[http] webhook_token = SECRET", "[http] webhook_url = https://HOST", "[http] listen = 127.0.0.1:9177", "do not find their way"}},
    {"not subscribed", .args = {"check"}, .exit_status = 1,
     .said = {"Not subscribed", "-> bellhop hooks add --event dlr", "-> bellhop hooks add --event voice_status", "nothing answers"}},
    {"not subscribed, as JSON", .args = {"check", "--json"}, .exit_status = 1,
     .said = {"{\"verdict\":\"bad\",\"topic\":\"dlr\"", "\"change\":[\"bellhop hooks add --event dlr\"]"}},
    {"subscribe", .args = {"add"}, .said = {"dlr"}},
    {"subscribed, but nobody is there", .args = {"check"},
     .said = {"Subscribed: 2045.", "Subscribed: 2046.", "cannot be reached", "reports may not find"}},
    {"another token by now", .http = "webhook_url = http://127.0.0.1:9\nwebhook_token = another-token-of-ours\nlisten = 127.0.0.1:9",
     .args = {"check"}, .exit_status = 1,
     .said = {"under another token (2045)", "bellhop hooks add --event dlr", "bellhop hooks remove 2045"}, .never = "another-token"},
    {"filtered", .args = {"remove", "2045"}, .said = {"removed"}},
    {"filtered, add", .args = {"add", "--event", "dlr", "--filter", "49"}, .said = {"dlr"}},
    {"filtered, check", .args = {"check"}, .said = {"with a filter", "bellhop hooks add --event dlr"}},
};
/* clang-format on */

Test(cli_hooks, check_names_what_is_wrong_and_what_to_run)
{
    check_story(NULL, findings, COUNT(findings));
}

/* The simulator itself answers 404 at our address, which is the end of a subscription that may fail only once. */
Test(cli_hooks, check_tells_of_a_subscription_that_was_switched_off)
{
    struct bh_rig rig;
    bh_rig_start(&rig, &(struct bh_rig_options){.sim = "[hooks]\ndisable_after = 1\n"
                                                       "[reports]\nplan = DELIVERED@0\n"});
    const char *http = bh_rig_text(
        &rig, "listen = 127.0.0.1:9\nwebhook_url = http://127.0.0.1:%u\nwebhook_token = " TOKEN,
        (unsigned)rig.sim_port);
    const struct row rows[] = {
        {"subscribe",    .http = http, .args = {"add"},   .said = {"dlr: subscribed"}       },
        {"switched off", .http = http, .args = {"check"}, .exit_status = 1,
         .said = {"Subscribed (2045), but switched off", "bellhop hooks remove 2045",
                  "bellhop hooks add --event dlr"}},
        {"listed as such",              .http = http,           .args = {"list", "--json"},   .said = {"\"enabled\":false"}},
        {"and added anew",              .http = http,           .args = {"add"},   .said = {"dlr: subscribed as 2047"}           },
    };
    check_row(&rig, &rows[0]);
    bh_rig_push(&rig, "sms", "{\"id\":\"a\",\"to\":\"491719993001\",\"text\":\"a\"}");
    BH_RIG_UNTIL(&rig, bh_rig_sim_number(&rig, "stats", "disabled") == 1);
    for (size_t i = 1; i < COUNT(rows); i++)
        check_row(&rig, &rows[i]);
    bh_rig_stop(&rig);
}

Test(cli_hooks, check_finds_a_daemon_that_knows_the_token)
{
    struct bh_rig rig;
    bh_rig_start(&rig,
                 &(struct bh_rig_options){.http = "listen = 127.0.0.1:0\nwebhook_token = " TOKEN});
    int port = bh_rig_http_port(&rig);
    const char *http = bh_rig_text(
        &rig, "listen = 127.0.0.1:%d\nwebhook_url = http://127.0.0.1:%d\nwebhook_token = " TOKEN,
        port, port);
    const char *other = bh_rig_text(&rig,
                                    "listen = 127.0.0.1:%d\nwebhook_url = "
                                    "http://127.0.0.1:%d\nwebhook_token = another-token-of-ours",
                                    port, port);
    const struct row rows[] = {
        {"subscribe",        .http = http,      .args = {"add"},                    .said = {"dlr: subscribed"}},
        {                               "good",      .http = http, .args = {"check"},
         .said = {"bellhopd answers.", "leads to a bellhopd that knows the token"}                           },
        { "a token that it does not know", .http = other,  .args = {"check"},                      .exit_status = 1,
         .said = {"answers 404", "systemctl reload bellhopd"}},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        check_row(&rig, &rows[i]);
    bh_rig_stop(&rig);
}
