#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "core/callback.h"
#include "core/json.h"

/* ---- where to ---- */

#define ALLOWED "https://app.example/hooks"

/* clang-format off */
Test(callback_url, lies_beneath_what_is_allowed)
{
    static const struct {
        const char *prefix, *url;
    } rows[] = {
        {ALLOWED,                      ALLOWED},
        {ALLOWED,                      ALLOWED "/"},
        {ALLOWED,                      ALLOWED "/sms/7"},
        {ALLOWED,                      ALLOWED "?order=7"},
        {ALLOWED,                      ALLOWED "/sms?to=../../x&y=%2e%2e%2f"},
        {ALLOWED,                      ALLOWED "/%e0%a4%85/%f0%9f%98%80/%e4%20x%20"},
        {ALLOWED,                      "HTTPS://APP.Example/hooks/x"},
        {ALLOWED,                      "https://app.example:443/hooks/x"},
        {ALLOWED "/",                  ALLOWED "/x"},
        {ALLOWED,                      ALLOWED "/.well-known/..x/x..;y/a.b"},
        {ALLOWED,                      ALLOWED "/%C3%A4%20b"},
        {"https://app.example",        "https://app.example"},
        {"https://app.example",        "https://app.example/"},
        {"https://app.example",        "https://app.example/any/where?x"},
        {"https://app.example/",       "https://app.example"},
        {"https://app.example",        "https://app.example?x"},
        {"http://127.0.0.1:8080/a",    "http://127.0.0.1:8080/a/b"},
        {"http://a:80/x",              "http://a/x"},
        {"http://[::1]:7/a",           "http://[::1]:7/a"},
        {"http://[2001:DB8::1]/a",     "http://[2001:db8::1]/a/b"},
        {"https://a/b?key=1",          "https://a/b?key=1"},
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++)
        cr_expect_null(bh_callback_url_problem(bh_str_from(rows[i].prefix), bh_str_from(rows[i].url)),
                       "%s by %s: %s", rows[i].url, rows[i].prefix,
                       bh_callback_url_problem(bh_str_from(rows[i].prefix), bh_str_from(rows[i].url)));
}

#define ELSEWHERE "scheme, host and port"
#define NOT_BENEATH "beneath"
#define HIDDEN "hide"
#define CLIMBS ". or .."

Test(callback_url, refuses_every_other_place)
{
    static const struct {
        const char *prefix, *url, *wanted;
    } rows[] = {
        /* other servers */
        {ALLOWED,                   "http://app.example/hooks",                 ELSEWHERE},
        {ALLOWED,                   "https://app.example.evil.example/hooks",   ELSEWHERE},
        {ALLOWED,                   "https://evil.example/hooks",               ELSEWHERE},
        {ALLOWED,                   "https://evil-app.example/hooks",           ELSEWHERE},
        {ALLOWED,                   "https://app.exampl/hooks",                 ELSEWHERE},
        {ALLOWED,                   "https://app.example:444/hooks",            ELSEWHERE},
        {ALLOWED,                   "https://app.example:80/hooks",             ELSEWHERE},
        {ALLOWED,                   "https://www.app.example/hooks",            ELSEWHERE},
        {"https://app.example",     "https://app.example.evil/",                ELSEWHERE},
        {"https://app.example",     "https://app.examplex",                     ELSEWHERE},
        {"https://app.example",     "https://app.example:8443/",                ELSEWHERE},
        {"http://a:8080/",          "http://a/",                                ELSEWHERE},
        {"http://a:8080/",          "http://a:80801/",                          "port"},
        {"http://a/",               "http://a:443/",                            ELSEWHERE},
        {"http://127.0.0.1/",       "http://127.0.0.2/",                        ELSEWHERE},
        {"http://127.0.0.1/",       "http://127.1/",                            ELSEWHERE},
        {"http://127.0.0.1/",       "http://localhost/",                        ELSEWHERE},
        {"http://[::1]/",           "http://[::2]/",                            ELSEWHERE},
        {"http://[::1]/",           "http://[0:0:0:0:0:0:0:1]/",                ELSEWHERE},
        {ALLOWED,                   "https://169.254.169.254/latest/meta-data", ELSEWHERE},
        /* tricks with the authority */
        {ALLOWED,                   "https://app.example@evil.example/hooks",   "user name"},
        {ALLOWED,                   "https://app.example:443@evil.example/",    "user name"},
        {ALLOWED,                   "https://u:p@app.example/hooks",            "user name"},
        {ALLOWED,                   "https://app.example\\@evil.example/hooks", "printable"},
        {ALLOWED,                   "https://app.example\\evil/hooks",          "printable"},
        {ALLOWED,                   "https://app.example./hooks",               "host"},
        {ALLOWED,                   "https://app%2eexample/hooks",              "host"},
        {ALLOWED,                   "https:///app.example/hooks",               "host"},
        {ALLOWED,                   "https:app.example/hooks",                  "start with"},
        {ALLOWED,                   "//app.example/hooks",                      "start with"},
        {ALLOWED,                   "file:///etc/passwd",                       "start with"},
        {ALLOWED,                   "gopher://app.example/hooks",               "start with"},
        {ALLOWED,                   " " ALLOWED,                                "start with"},
        {ALLOWED,                   "",                                         "start with"},
        {ALLOWED,                   ALLOWED "#x",                               "fragment"},
        {ALLOWED,                   "https://app.example#.evil.example/hooks",  "fragment"},
        {ALLOWED,                   ALLOWED "/a b",                             "printable"},
        {ALLOWED,                   ALLOWED "/\r\nHost: evil",                  "printable"},
        {ALLOWED,                   ALLOWED "/\xC3\xA4",                        "printable"},
        {ALLOWED,                   ALLOWED "/%",                               "printable"},
        {ALLOWED,                   ALLOWED "/%zz",                             "printable"},
        /* other paths */
        {ALLOWED,                   "https://app.example",                      NOT_BENEATH},
        {ALLOWED,                   "https://app.example/",                     NOT_BENEATH},
        {ALLOWED,                   "https://app.example/hook",                 NOT_BENEATH},
        {ALLOWED,                   "https://app.example/hooksies",             NOT_BENEATH},
        {ALLOWED,                   "https://app.example/hooks.evil/x",         NOT_BENEATH},
        {ALLOWED,                   "https://app.example/hooks;x",              NOT_BENEATH},
        {ALLOWED,                   "https://app.example/Hooks/x",              NOT_BENEATH},
        {ALLOWED,                   "https://app.example/x/hooks",              NOT_BENEATH},
        {ALLOWED,                   "https://app.example//hooks",               NOT_BENEATH},
        {ALLOWED,                   "https://app.example/admin?/hooks",         NOT_BENEATH},
        {ALLOWED "/",               ALLOWED,                                    NOT_BENEATH},
        {"https://a/b?key=1",       "https://a/b",                              NOT_BENEATH},
        {"https://a/b?key=1",       "https://a/b?key=2",                        NOT_BENEATH},
        {"https://a/b?key=1",       "https://a/b?key=1&x",                      NOT_BENEATH},
        {"https://a/b?key=1",       "https://a/b/c?key=1",                      NOT_BENEATH},
        /* ways up and out */
        {ALLOWED,                   ALLOWED "/../admin",                        CLIMBS},
        {ALLOWED,                   ALLOWED "/..",                              CLIMBS},
        {ALLOWED,                   ALLOWED "/./x",                             CLIMBS},
        {ALLOWED,                   ALLOWED "/a/../../admin?x",                 CLIMBS},
        {ALLOWED,                   ALLOWED "/..;/admin",                       CLIMBS},
        {ALLOWED,                   ALLOWED "/..;v=1/admin",                    CLIMBS},
        {ALLOWED,                   ALLOWED "/%2e%2e/admin",                    HIDDEN},
        {ALLOWED,                   ALLOWED "/%2E%2E/admin",                    HIDDEN},
        {ALLOWED,                   ALLOWED "/.%2e/admin",                      HIDDEN},
        {ALLOWED,                   ALLOWED "/..%2fadmin",                      HIDDEN},
        {ALLOWED,                   ALLOWED "/..%5cadmin",                      HIDDEN},
        {ALLOWED,                   ALLOWED "/%252e%252e/admin",                HIDDEN},
        {ALLOWED,                   ALLOWED "/..%3b/admin",                     HIDDEN},
        {ALLOWED,                   ALLOWED "/%c0%ae%c0%ae/admin",              HIDDEN},
        {ALLOWED,                   ALLOWED "/..%C1%9Cadmin",                   HIDDEN},
        {ALLOWED,                   ALLOWED "/%e0%80%ae%e0%80%ae/admin",        HIDDEN},
        {ALLOWED,                   ALLOWED "/%f0%80%80%af",                    HIDDEN},
        {ALLOWED,                   ALLOWED "/..%20/admin",                     CLIMBS},
        {ALLOWED,                   ALLOWED "/.%20%20;x/admin",                 CLIMBS},
        {ALLOWED,                   ALLOWED "/x%00.png",                        HIDDEN},
        {ALLOWED,                   ALLOWED "/x%0d%0aHost:evil",                HIDDEN},
        {ALLOWED,                   ALLOWED "/x%7f",                            HIDDEN},
        {"https://app.example",     "https://app.example/../x",                 CLIMBS},
        /* what is allowed makes no sense: nothing is */
        {"",                        "https://app.example/",                     "no URL"},
        {"https://",                "https://app.example/",                     "no URL"},
        {"https://a/../",           "https://a/../x",                           "no URL"},
        {"*",                       "https://app.example/",                     "no URL"},
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        const char *problem =
            bh_callback_url_problem(bh_str_from(rows[i].prefix), bh_str_from(rows[i].url));
        cr_expect(problem != NULL && strstr(problem, rows[i].wanted) != NULL, "%s by %s: %s",
                  rows[i].url, rows[i].prefix, problem != NULL ? problem : "accepted");
    }
}

Test(callback_url, a_queue_may_not_allow_what_hides_something)
{
    static const struct {
        const char *prefix;
        bool good;
    } rows[] = {
        {"https://app.example/hooks",        true},
        {"http://127.0.0.1:1/?token=%2e",    true},
        {"https://app.example/../",          false},
        {"https://app.example/a/%2e%2e/",    false},
        {"https://app.example/%2f",          false},
        {"https://u@app.example/",           false},
        {"ftp://app.example/",               false},
        {"",                                 false},
        {"https://app.example/#x",           false},
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++)
        cr_expect_eq(bh_callback_prefix_problem(bh_str_from(rows[i].prefix)) == NULL, rows[i].good, "%s",
                     rows[i].prefix);
}

Test(callback_url, tells_which_server_is_meant)
{
    static const struct {
        const char *url, *wanted;
    } rows[] = {
        {"https://a.example:8443/x?y", "https://a.example:8443"},
        {"http://a?x",                 "http://a"},
        {"http://[::1]:7/a",           "http://[::1]:7"},
        {"http://a",                   "http://a"},
        {"",                           ""},
        {"nonsense",                   ""},
        {"http://u@a/",                ""},
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct bh_str origin = bh_callback_origin(bh_str_from(rows[i].url));
        cr_expect(bh_str_equal_text(origin, rows[i].wanted), "%s: %.*s", rows[i].url, BH_STR_ARGS(origin));
    }
}

/* ---- what ---- */

#define FIELD(name, value) {{name, sizeof(name) - 1}, {value, sizeof(value) - 1}}
#define NULLS_TO_CONFIRMED                                                                                    \
    "\"foreign_id\":null,\"label\":null,\"message_id\":null,\"parts\":null,\"encoding\":null,\"price\":null," \
    "\"confirmed_by\":null,"
#define NULLS_BEHIND_DELIVERED \
    "\"delivery_path\":null,\"duration\":null,\"caller_id\":null,\"price_per_minute\":null,"

static const struct bh_callback_field full[] = {
    FIELD("state", "sent"), FIELD("type", "sms"), FIELD("to", "+49170,Max \"M\""), FIELD("attempts", "2"),
    FIELD("code", "100"), FIELD("http_status", "200"), FIELD("price", "0.075"), FIELD("parts", "2"),
    FIELD("message_id", "77123456789012345678"), FIELD("foreign_id", "order-7"), FIELD("label", "l"), FIELD("encoding", "gsm"),
    FIELD("confirmed_by", "response"), FIELD("recipients", "[{\"recipient\":\"49170\",\"success\":true}]"),
    FIELD("delivery", "DELIVERED"), FIELD("delivered_at", "1700000005000"),
    FIELD("delivery_path", "TRANSMITTED@1700000004000,DELIVERED@1700000005000"), FIELD("meta", "{\"order\": 7}"),
    FIELD("created_at", "1700000000000"), FIELD("sent_at", "1700000001000"), FIELD("updated_at", "1700000005000"),
    FIELD("resent_as", "job-2"), FIELD("balance", "593.994"), FIELD("handle", "17"), FIELD("callback_url", "https://app.example/hooks?key=secret"),
    FIELD("callback_error", "it answers with HTTP 500"), FIELD("reported_ids", "1,2"), FIELD("expires_at", "1700000009000"),
};

static const struct bh_callback_field failed[] = {
    FIELD("state", "failed"), FIELD("type", "voice"), FIELD("to", "49170"), FIELD("attempts", "1"), FIELD("reason", ""),
    FIELD("error", "no \xFF, \n"),
};

static const struct bh_callback_field forged[] = {
    FIELD("state", "sent\"}"), FIELD("code", "100,\"x\":1"), FIELD("price", "0.1}"), FIELD("parts", "1e3"), FIELD("attempts", ""),
    FIELD("recipients", "[1],\"state\":[2]"), FIELD("meta", "[]"), FIELD("delivery", "DELIVERED"), FIELD("delivered_at", "soon"),
    FIELD("delivery_path", "@5,A@x,,B@7,C"), FIELD("price_per_minute", "-"), FIELD("created_at", "99999999999999999999"),
    FIELD("updated_at", "007"), FIELD("duration", "12"),
};

Test(callback_body, has_the_documented_members_and_no_others)
{
    static const struct {
        const char *name;
        const struct bh_callback_field *fields;
        size_t count;
        const char *wanted;
    } rows[] = {
        {"everything is known", full, BH_ARRAY_LEN(full),
         "{\"event\":\"delivery\",\"queue\":\"news\",\"id\":\"job-1\",\"type\":\"sms\",\"state\":\"sent\",\"reason\":null,"
         "\"code\":100,\"http_status\":200,\"error\":null,\"attempts\":2,\"to\":\"+49170,Max \\\"M\\\"\","
         "\"foreign_id\":\"order-7\",\"label\":\"l\",\"message_id\":\"77123456789012345678\",\"parts\":2,\"encoding\":\"gsm\","
         "\"price\":0.075,\"confirmed_by\":\"response\",\"recipients\":[{\"recipient\":\"49170\",\"success\":true}],"
         "\"delivery\":\"DELIVERED\",\"delivered_at\":1700000005000,\"delivery_path\":[{\"delivery\":\"TRANSMITTED\","
         "\"at\":1700000004000},{\"delivery\":\"DELIVERED\",\"at\":1700000005000}],\"duration\":null,\"caller_id\":null,"
         "\"price_per_minute\":null,\"meta\":{\"order\": 7},\"resend_of\":null,\"resend_number\":null,\"resent_as\":\"job-2\",\"created_at\":1700000000000,\"sent_at\":1700000001000,"
         "\"updated_at\":1700000005000,\"at\":1700000006000}"},
        {"a call that failed", failed, BH_ARRAY_LEN(failed),
         "{\"event\":\"state\",\"queue\":\"news\",\"id\":\"job-1\",\"type\":\"voice\",\"state\":\"failed\",\"reason\":null,"
         "\"code\":null,\"http_status\":null,\"error\":\"no \xEF\xBF\xBD, \\n\",\"attempts\":1,\"to\":\"49170\","
         NULLS_TO_CONFIRMED "\"recipients\":null,\"delivery\":null,\"delivered_at\":null," NULLS_BEHIND_DELIVERED
         "\"meta\":null,\"resend_of\":null,\"resend_number\":null,\"resent_as\":null,\"created_at\":null,\"sent_at\":null,\"updated_at\":null,\"at\":1700000006000}"},
        {"a status that somebody has forged", forged, BH_ARRAY_LEN(forged),
         "{\"event\":\"delivery\",\"queue\":\"news\",\"id\":\"job-1\",\"type\":null,\"state\":\"sent\\\"}\",\"reason\":null,"
         "\"code\":null,\"http_status\":null,\"error\":null,\"attempts\":null,\"to\":null," NULLS_TO_CONFIRMED
         "\"recipients\":null,\"delivery\":\"DELIVERED\",\"delivered_at\":null,\"delivery_path\":[{\"delivery\":\"A\",\"at\":null},"
         "{\"delivery\":\"B\",\"at\":7},{\"delivery\":\"C\",\"at\":null}],\"duration\":12,\"caller_id\":null,"
         "\"price_per_minute\":null,\"meta\":null,\"resend_of\":null,\"resend_number\":null,\"resent_as\":null,\"created_at\":null,\"sent_at\":null,\"updated_at\":7,\"at\":1700000006000}"},
        {"no status at all", NULL, 0,
         "{\"event\":\"state\",\"queue\":\"news\",\"id\":\"job-1\",\"type\":null,\"state\":null,\"reason\":null,"
         "\"code\":null,\"http_status\":null,\"error\":null,\"attempts\":null,\"to\":null," NULLS_TO_CONFIRMED
         "\"recipients\":null,\"delivery\":null,\"delivered_at\":null," NULLS_BEHIND_DELIVERED
         "\"meta\":null,\"resend_of\":null,\"resend_number\":null,\"resent_as\":null,\"created_at\":null,\"sent_at\":null,\"updated_at\":null,\"at\":1700000006000}"},
    };
    struct bh_buf buf;
    bh_buf_init(&buf, BH_CALLBACK_BODY_MAX);
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        const struct bh_callback_source source = {"news", "job-1", rows[i].fields, rows[i].count, {1700000006000}};
        struct bh_digest delivery;
        cr_assert_eq(bh_callback_write(&source, &buf, &delivery), BH_OK);
        cr_expect_str_eq(bh_buf_text(&buf), rows[i].wanted, "%s:\n%s\n%s", rows[i].name, bh_buf_text(&buf), rows[i].wanted);
        cr_expect_eq(strlen(delivery.hex), 32);
    }
    bh_buf_release(&buf);
}
/* clang-format on */

Test(callback_body, a_repetition_has_the_name_of_the_first_and_a_change_has_another)
{
    struct bh_callback_source source = {"news", "job-1", failed, BH_ARRAY_LEN(failed), {1}};
    struct bh_digest first, again, other;
    struct bh_buf buf;
    bh_buf_init(&buf, BH_CALLBACK_BODY_MAX);
    cr_assert_eq(bh_callback_write(&source, &buf, &first), BH_OK);
    source.now.ms = 2;
    cr_assert_eq(bh_callback_write(&source, &buf, &again), BH_OK);
    cr_expect_str_eq(first.hex, again.hex);
    source.id = "job-2";
    cr_assert_eq(bh_callback_write(&source, &buf, &other), BH_OK);
    cr_expect_str_neq(first.hex, other.hex);
    source = (struct bh_callback_source){"news", "job-1", full, BH_ARRAY_LEN(full), {1}};
    cr_assert_eq(bh_callback_write(&source, &buf, &other), BH_OK);
    cr_expect_str_neq(first.hex, other.hex);
    bh_buf_release(&buf);
}

Test(callback_body, leaves_the_recipients_out_when_they_are_too_many)
{
    struct bh_buf many, buf;
    struct bh_digest delivery;
    bh_buf_init(&many, 4 * BH_CALLBACK_BODY_MAX);
    bh_buf_init(&buf, BH_CALLBACK_BODY_MAX);
    for (size_t i = 0; many.len < BH_CALLBACK_BODY_MAX; i++)
        bh_buf_append_text(&many, i == 0 ? "[\"491700000000000000000000000000000000000000\""
                                         : ",\"491700000000000000000000000000000000000000\"");
    bh_buf_append_char(&many, ']');
    const struct bh_callback_field fields[] = {
        FIELD("state", "partial"),
        {BH_STR_LITERAL("recipients"), bh_buf_str(&many)},
    };
    const struct bh_callback_source source = {"q", "i", fields, BH_ARRAY_LEN(fields), {1}};
    cr_assert_eq(bh_callback_write(&source, &buf, &delivery), BH_OK);
    cr_expect_not_null(strstr(bh_buf_text(&buf), "\"state\":\"partial\""));
    cr_expect_not_null(strstr(bh_buf_text(&buf), "\"recipients\":null"));
    bh_buf_release(&many);
    bh_buf_release(&buf);
}

Test(callback_body, only_an_end_or_a_delivery_is_news)
{
    static const struct {
        const char *state, *delivery;
        bool wanted;
    } rows[] = {
        {"sent",      "",          true },
        {"failed",    "",          true },
        {"unknown",   "",          true },
        {"invalid",   "",          true },
        {"duplicate", "",          true },
        {"sending",   "DELIVERED", true },
        {"retrying",  "",          false},
        {"held",      "",          false},
        {"scheduled", "",          false},
        {"sending",   "",          false},
        {"",          "",          false},
        {"SENT",      "",          false},
        {"sentx",     "",          false},
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        const struct bh_callback_field fields[] = {
            {BH_STR_LITERAL("delivery"), bh_str_from(rows[i].delivery)},
            {BH_STR_LITERAL("state"),    bh_str_from(rows[i].state)   },
        };
        const struct bh_callback_source source = {"q", "i", fields, BH_ARRAY_LEN(fields), {1}};
        cr_expect_eq(bh_callback_has_news(&source), rows[i].wanted, "%s %s", rows[i].state,
                     rows[i].delivery);
    }
}

/* ---- how signed ---- */

/* The sums come from another implementation: printf %s "1700000006.BODY" | openssl dgst -sha256 -hmac KEY */
Test(callback_signature, is_over_time_and_body)
{
    static const struct {
        const char *key, *body, *wanted;
    } rows[] = {
        {"0123456789abcdef", "{\"event\":\"state\"}",
         "50e8ce75745dcc7a0dce4d7c0e7d001a56385b5b0478730dc132651733a2ba69"},
        {"0123456789abcdef", "",
         "f985f37d0215bc362c8adf97dbb78823e9d9af507bc2325775e7085fc43253f6"},
        {"other",            "{\"event\":\"state\"}",
         "8b1dd77714d37a3e164992cfe03d180c353851fcb94e184bd59a501b54d68dd2"},
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        char header[BH_CALLBACK_SIGNATURE_MAX], wanted[BH_CALLBACK_SIGNATURE_MAX];
        cr_assert_eq(bh_callback_sign(bh_str_from(rows[i].key), (struct bh_wall){1700000006999},
                                      bh_str_from(rows[i].body), header),
                     BH_OK);
        snprintf(wanted, sizeof(wanted), "Bellhop-Signature: t=1700000006,v1=%s", rows[i].wanted);
        cr_expect_str_eq(header, wanted);
    }
}

/* ---- when again ---- */

Test(callback_schedule, gives_up_behind_two_days)
{
    static const bh_ms wanted_s[] = {10, 60, 300, 1800, 7200, 21600, 43200, 86400};
    bh_ms delay;
    for (unsigned posts = 1; posts < BH_CALLBACK_POSTS_MAX; posts++) {
        cr_assert(bh_callback_again(posts, -1, 0, &delay));
        cr_expect_eq(delay, wanted_s[posts - 1] * BH_SECOND_MS, "%u: %lld", posts,
                     (long long)delay);
        cr_assert(bh_callback_again(posts, -1, UINT32_MAX, &delay));
        cr_expect(delay >= wanted_s[posts - 1] * 1099 && delay <= wanted_s[posts - 1] * 1100,
                  "%u: %lld", posts, (long long)delay);
    }
    cr_expect_not(bh_callback_again(BH_CALLBACK_POSTS_MAX, -1, 0, &delay));
    cr_expect_not(bh_callback_again(UINT32_MAX, BH_DAY_MS, 0, &delay));
    cr_expect_not(bh_callback_again(0, -1, 0, &delay));
}

Test(callback_schedule, the_receiver_can_only_ask_for_more_time)
{
    bh_ms delay;
    cr_assert(bh_callback_again(1, 3 * BH_MINUTE_MS, 0, &delay));
    cr_expect_eq(delay, 3 * BH_MINUTE_MS);
    cr_assert(bh_callback_again(1, 0, 0, &delay));
    cr_expect_eq(delay, 10 * BH_SECOND_MS);
}
