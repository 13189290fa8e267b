#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "core/gateway_hooks.h"
#include "core/json.h"
#include "support/scarce_memory.h"

#define ADDRESS "https://sms.example/webhook/tok"
#define OURS_21                                                                                    \
    "{\"id\":\"2045\",\"target_url\":\"https:\\/\\/sms.example\\/webhook\\/tok\","                 \
    "\"event_type\":\"dlr\",\"request_method\":\"POST\",\"created\":\"2021-02-11 12:02:05\"}"
#define OURS_24                                                                                    \
    "{\"id\":\"2045\",\"target_url\":\"" ADDRESS                                                   \
    "\",\"event_type\":\"dlr\",\"event_filter\":null,"                                             \
    "\"request_method\":\"JSON\",\"enabled\":true,\"created\":\"2024-02-11 "                       \
    "12:02:05\",\"headers\":\"\"}"
#define LIST(hooks) "{\"success\":true,\"code\":null,\"hooks\":[" hooks "]}"
#define HOOK(url, event, rest)                                                                     \
    "{\"id\":\"7\",\"target_url\":\"" url "\",\"event_type\":\"" event "\"" rest "}"

static void
init(void)
{
    bh_json_use_allocator();
}

TestSuite(gateway_hooks, .init = init);

static struct bh_exchange
answered(int status, const char *body)
{
    return (struct bh_exchange){
        .handed_over = BH_HANDED_ALL,
        .http_status = status,
        .headers_complete = true,
        .body_complete = true,
        .retry_after_ms = -1,
        .body = bh_str_from(body),
    };
}

/* clang-format off */
Test(gateway_hooks, reads_the_list_of_every_era)
{
    static const struct {
        const char *name, *body;
        enum bh_hooks_result result;
        size_t count;
        int code;
    } rows[] = {
        {"none",                       LIST(""),                                     BH_HOOKS_DONE,       0, 0},
        {"the era of 2021",            LIST(OURS_21),                                BH_HOOKS_DONE,       1, 0},
        {"the era of 2024",            LIST(OURS_24 "," OURS_21),                    BH_HOOKS_DONE,       2, 0},
        {"an array alone",             "[" OURS_24 "]",                              BH_HOOKS_DONE,       1, 0},
        {"an object with holes",       "{\"success\":true,\"hooks\":{\"3\":" OURS_24 "}}", BH_HOOKS_DONE, 1, 0},
        {"null for none",              "{\"success\":true,\"hooks\":null}",          BH_HOOKS_DONE,       0, 0},
        {"without success",            "{\"hooks\":[" OURS_24 "]}",                  BH_HOOKS_DONE,       1, 0},
        {"success as a string",        "{\"success\":\"true\",\"hooks\":[]}",        BH_HOOKS_DONE,       0, 0},
        {"success as a code",          "{\"success\":\"100\",\"hooks\":[]}",         BH_HOOKS_DONE,       0, 0},
        {"id as a number",             LIST("{\"id\":2045,\"target_url\":\"http://h\",\"event_type\":\"all\"}"), BH_HOOKS_DONE, 1, 0},
        {"no id",                      LIST("{\"target_url\":\"http://h\",\"event_type\":\"all\"}"), BH_HOOKS_DONE, 1, 0},
        {"a byte order mark",          "\xef\xbb\xbf\n" LIST(OURS_21) "\n",          BH_HOOKS_DONE,       1, 0},
        {"the key is refused",         "900",                                        BH_HOOKS_REFUSED,    0, 900},
        {"... quoted",                 "\"900\"",                                    BH_HOOKS_REFUSED,    0, 900},
        {"the signature is refused",   "901\n",                                      BH_HOOKS_REFUSED,    0, 901},
        {"no right",                   "{\"success\":\"902\"}",                      BH_HOOKS_REFUSED,    0, 902},
        {"no right, as a code",        "{\"success\":false,\"code\":902}",           BH_HOOKS_REFUSED,    0, 902},
        {"a wrong address",            "{\"success\":false,\"code\":\"903\",\"hooks\":[" OURS_21 "]}", BH_HOOKS_REFUSED, 0, 903},
        {"words",                      "{\"success\":false,\"code\":null,\"error_message\":\"No\"}", BH_HOOKS_REFUSED, 0, 0},
        {"false alone",                "{\"success\":false}",                        BH_HOOKS_REFUSED,    0, 0},
        {"true alone",                 "{\"success\":true}",                         BH_HOOKS_UNANSWERED, 0, 0},
        {"an empty object",            "{}",                                         BH_HOOKS_UNANSWERED, 0, 0},
        {"nothing",                    "",                                           BH_HOOKS_UNANSWERED, 0, 0},
        {"a web page",                 "<!DOCTYPE html><html></html>",               BH_HOOKS_UNANSWERED, 0, 0},
        {"cut off",                    "{\"success\":true,\"hooks\":[",              BH_HOOKS_UNANSWERED, 0, 0},
        {"a word",                     "true",                                       BH_HOOKS_UNANSWERED, 0, 0},
        {"hooks is a text",            "{\"success\":true,\"hooks\":\"none\"}",      BH_HOOKS_UNANSWERED, 0, 0},
        {"hooks is a number",          "{\"success\":true,\"hooks\":0}",             BH_HOOKS_UNANSWERED, 0, 0},
        {"a hook without URL",         LIST(OURS_21 ",{\"id\":\"1\",\"event_type\":\"dlr\"}"), BH_HOOKS_UNANSWERED, 0, 0},
        {"a hook without event",       LIST("{\"id\":\"1\",\"target_url\":\"http://h\"}"), BH_HOOKS_UNANSWERED, 0, 0},
        {"a URL that is a number",     LIST("{\"id\":\"1\",\"target_url\":7,\"event_type\":\"dlr\"}"), BH_HOOKS_UNANSWERED, 0, 0},
        {"a hook that is a text",      LIST("\"x\"," OURS_21),                       BH_HOOKS_UNANSWERED, 0, 0},
        {"a filter that is an object", LIST(HOOK(ADDRESS, "dlr", ",\"event_filter\":{}")), BH_HOOKS_UNANSWERED, 0, 0},
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct bh_exchange exchange = answered(200, rows[i].body);
        struct bh_hooks_answer answer;
        cr_assert_eq(bh_hooks_read_list(&exchange, &answer), BH_OK, "%s", rows[i].name);
        cr_expect_eq(answer.result, rows[i].result, "%s: %d", rows[i].name, (int)answer.result);
        cr_expect_eq(answer.count, rows[i].count, "%s: %zu", rows[i].name, answer.count);
        cr_expect_eq(answer.code, rows[i].code, "%s: %d", rows[i].name, answer.code);
        cr_expect_eq(answer.error[0] == '\0', rows[i].result == BH_HOOKS_DONE, "%s: %s", rows[i].name, answer.error);
        bh_hooks_answer_release(&answer);
    }
}

Test(gateway_hooks, keeps_what_an_entry_says)
{
    struct bh_exchange exchange = answered(
        200, LIST(OURS_21 "," HOOK("http://h/x", "voice_status",
                                   ",\"event_filter\":\"491771783130\",\"enabled\":false,\"request_method\":\"GET\"")));
    struct bh_hooks_answer answer;
    cr_assert_eq(bh_hooks_read_list(&exchange, &answer), BH_OK);
    cr_assert_eq(answer.count, 2);
    cr_expect_str_eq(answer.hooks[0].id, "2045");
    cr_expect_str_eq(answer.hooks[0].url, ADDRESS);
    cr_expect_str_eq(answer.hooks[0].event, "dlr");
    cr_expect_str_eq(answer.hooks[0].method, "POST");
    cr_expect_str_eq(answer.hooks[0].created, "2021-02-11 12:02:05");
    cr_expect_null(answer.hooks[0].filter);
    cr_expect(answer.hooks[0].enabled);
    cr_expect_str_eq(answer.hooks[1].filter, "491771783130");
    cr_expect_str_eq(answer.hooks[1].method, "GET");
    cr_expect_str_eq(answer.hooks[1].created, "");
    cr_expect_not(answer.hooks[1].enabled);
    bh_hooks_answer_release(&answer);
}

Test(gateway_hooks, reads_what_became_of_a_change)
{
    static const struct {
        const char *name, *body;
        enum bh_hooks_result result;
        const char *id, *error;
    } rows[] = {
        {"subscribed",         "{\"success\":true,\"code\":null,\"id\":2045}",   BH_HOOKS_DONE,       "2045", ""},
        {"id as a string",     "{\"success\":true,\"code\":null,\"id\":\"2045\"}", BH_HOOKS_DONE,     "2045", ""},
        {"unsubscribed",       "{\"success\":true}",                             BH_HOOKS_DONE,       "",     ""},
        {"an id that is none", "{\"success\":true,\"id\":\"x y\"}",              BH_HOOKS_DONE,       "",     ""},
        {"a bad URL",          "{\"success\":false,\"code\":null,\"error_message\":\"Invalid URL\"}", BH_HOOKS_REFUSED, "", "\"Invalid URL\""},
        {"hostile words",      "{\"success\":false,\"error_message\":\"a\\u001b[2Jb\"}", BH_HOOKS_REFUSED, "", "a\\x1B[2Jb"},
        {"our secret in them", "{\"success\":false,\"error_message\":\"https://h/webhook/t0ken: no answer\"}", BH_HOOKS_REFUSED, "", "\"https://h/webhook/*** no answer\""},
        {"not there",          "{\"success\":false}",                            BH_HOOKS_REFUSED,    "",     "does not say why"},
        {"no right",           "902",                                            BH_HOOKS_REFUSED,    "",     "(code 902)"},
        {"a code it is not",   "{\"success\":false,\"code\":900,\"id\":2045}",   BH_HOOKS_REFUSED,    "",     "(code 900)"},
        {"a web page",         "<html>",                                         BH_HOOKS_UNANSWERED, "",     "web page"},
        {"nothing",            "",                                               BH_HOOKS_UNANSWERED, "",     "empty"},
        {"an object of others", "{\"status\":\"ok\"}",                           BH_HOOKS_UNANSWERED, "",     "cannot be read"},
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct bh_exchange exchange = answered(200, rows[i].body);
        struct bh_hooks_answer answer;
        cr_assert_eq(bh_hooks_read_change(&exchange, &answer), BH_OK, "%s", rows[i].name);
        cr_expect_eq(answer.result, rows[i].result, "%s: %d", rows[i].name, (int)answer.result);
        cr_expect_str_eq(answer.id, rows[i].id, "%s", rows[i].name);
        cr_expect_not_null(strstr(answer.error, rows[i].error), "%s: %s", rows[i].name, answer.error);
        bh_hooks_answer_release(&answer);
    }
}

Test(gateway_hooks, says_what_to_do_about_a_refusal)
{
    static const struct {
        const char *name;
        int status;
        enum bh_trouble trouble;
        const char *body, *error, *advice;
    } rows[] = {
        {"the key",          200, BH_TROUBLE_NONE,    "900", "(code 900)", "api_key"},
        {"the signature",    200, BH_TROUBLE_NONE,    "901", "(code 901)", "signing_key"},
        {"the right",        200, BH_TROUBLE_NONE,    "902", "(code 902)", "right to webhooks"},
        {"the address",      200, BH_TROUBLE_NONE,    "903", "(code 903)", "this machine's address"},
        {"HTTP 401",         401, BH_TROUBLE_NONE,    "",    "(HTTP 401)", "api_key"},
        {"HTTP 404",         404, BH_TROUBLE_NONE,    "",    "(HTTP 404)", "[gateway] url"},
        {"HTTP 503",         503, BH_TROUBLE_NONE,    "",    "(HTTP 503)", ""},
        {"a web page",       200, BH_TROUBLE_NONE,    "<p>", "web page",   "[gateway] url"},
        {"a bad URL",        200, BH_TROUBLE_NONE,    "{\"success\":false,\"error_message\":\"Invalid URL\"}", "Invalid URL", "look at the URL"},
        {"no connection",    0,   BH_TROUBLE_CONNECT, "",    "no connection", "bellhop doctor"},
        {"too slow",         0,   BH_TROUBLE_TIMEOUT, "",    "in time",    ""},
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct bh_exchange exchange = answered(rows[i].status, rows[i].body);
        struct bh_hooks_answer answer;
        exchange.trouble = rows[i].trouble;
        exchange.headers_complete = exchange.body_complete = rows[i].status != 0;
        cr_assert_eq(bh_hooks_read_change(&exchange, &answer), BH_OK, "%s", rows[i].name);
        cr_expect_neq(answer.result, BH_HOOKS_DONE, "%s", rows[i].name);
        cr_expect_not_null(strstr(answer.error, rows[i].error), "%s: %s", rows[i].name, answer.error);
        const char *advice = bh_hooks_advice(&answer);
        cr_expect(rows[i].advice[0] == '\0' ? advice[0] == '\0' : strstr(advice, rows[i].advice) != NULL,
                  "%s: %s", rows[i].name, advice);
        bh_hooks_answer_release(&answer);
    }
}

Test(gateway_hooks, trusts_no_answer_that_is_not_whole)
{
    struct bh_exchange cut = answered(200, LIST(OURS_21));
    struct bh_hooks_answer answer;
    cut.body_complete = false;
    cut.trouble = BH_TROUBLE_RESET;
    cr_assert_eq(bh_hooks_read_list(&cut, &answer), BH_OK);
    cr_expect_eq(answer.result, BH_HOOKS_UNANSWERED);
    cr_expect_eq(answer.count, 0);
    bh_hooks_answer_release(&answer);
}

Test(gateway_hooks, finds_ourselves_in_the_list)
{
    static const struct {
        const char *name, *body;
        enum bh_hooks_fit fit;
        size_t good;
    } rows[] = {
        {"nobody",                LIST(""),                                              BH_HOOKS_FIT_NONE,     0},
        {"ours",                  LIST(OURS_21),                                         BH_HOOKS_FIT_GOOD,     1},
        {"ours twice",            LIST(OURS_21 "," OURS_24),                             BH_HOOKS_FIT_GOOD,     2},
        {"all events",            LIST(HOOK(ADDRESS, "all", "")),                        BH_HOOKS_FIT_GOOD,     1},
        {"another event",         LIST(HOOK(ADDRESS, "sms_mo", "")),                     BH_HOOKS_FIT_NONE,     0},
        {"another place",         LIST(HOOK("https://other.example/webhook/tok", "dlr", "")), BH_HOOKS_FIT_NONE, 0},
        {"another spelling",      LIST(HOOK("https://SMS.Example:443/webhook/tok", "dlr", "")), BH_HOOKS_FIT_GOOD, 1},
        {"a former token",        LIST(HOOK("https://sms.example/webhook/old", "dlr", "")), BH_HOOKS_FIT_FORMER, 0},
        {"switched off",          LIST(HOOK(ADDRESS, "dlr", ",\"enabled\":false")),      BH_HOOKS_FIT_DISABLED, 0},
        {"... as a number",       LIST(HOOK(ADDRESS, "dlr", ",\"enabled\":0")),          BH_HOOKS_FIT_DISABLED, 0},
        {"filtered",              LIST(HOOK(ADDRESS, "dlr", ",\"event_filter\":\"49\"")), BH_HOOKS_FIT_FILTERED, 0},
        {"an empty filter",       LIST(HOOK(ADDRESS, "dlr", ",\"event_filter\":\"\"")),  BH_HOOKS_FIT_GOOD,     1},
        {"the best counts",       LIST(HOOK(ADDRESS, "dlr", ",\"enabled\":false") "," OURS_21 "," HOOK("https://sms.example/webhook/old", "dlr", "")),
                                                                                         BH_HOOKS_FIT_GOOD,     1},
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct bh_exchange exchange = answered(200, rows[i].body);
        struct bh_hooks_answer answer;
        cr_assert_eq(bh_hooks_read_list(&exchange, &answer), BH_OK, "%s", rows[i].name);
        struct bh_hooks_found found = bh_hooks_find(&answer, ADDRESS, "dlr");
        cr_expect_eq(found.fit, rows[i].fit, "%s: %d", rows[i].name, (int)found.fit);
        cr_expect_eq(found.good, rows[i].good, "%s: %zu", rows[i].name, found.good);
        cr_expect_eq(found.hook == NULL, found.fit == BH_HOOKS_FIT_NONE, "%s", rows[i].name);
        bh_hooks_answer_release(&answer);
    }
}
/* clang-format on */

Test(gateway_hooks, survives_every_failing_allocation)
{
    struct bh_exchange exchange = answered(200, LIST(OURS_21 "," OURS_24));
    struct bh_hooks_answer answer;
    enum bh_status status = BH_ENOMEM;
    int failures = 0;
    bh_use_scarce_memory();
    for (int nth = 0; nth < 1000 && status != BH_OK; nth++) {
        bh_allocations_left = nth;
        status = bh_hooks_read_list(&exchange, &answer);
        cr_expect(status == BH_ENOMEM || (status == BH_OK && answer.result == BH_HOOKS_DONE),
                  "allocation %d", nth);
        failures += status == BH_OK ? 0 : 1;
    }
    bh_alloc_replace(NULL);
    cr_assert_eq(status, BH_OK);
    cr_expect_eq(answer.count, 2);
    cr_expect_gt(failures, 2);
    bh_hooks_answer_release(&answer);
}
