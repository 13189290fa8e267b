#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "core/gateway_request.h"
#include "support/scarce_memory.h"
#include "support/tzif.h"

static const struct bh_recipient alice = {"+49 171 1234567", "491711234567"};
static const struct bh_recipient bob = {"0172/7654321", "491727654321"};
static const struct bh_recipient team = {"Team Süd & Co", NULL};

static const struct bh_gateway_profile plain = {
    .url = "https://gateway.example/api",
    .api_key = "KEY-1",
    .auth = BH_AUTH_BASIC,
    .sent_with = "Bellhop/1.2.3",
};

static const struct bh_gateway_stamp stamp = {"67gpa0q6i4wchdx727kzpxyy4vdbxfco", 1795316484};

static struct bh_gateway_request request;

static void
init(void)
{
    bh_gateway_request_init(&request, 0);
}

static void
release(void)
{
    bh_gateway_request_release(&request);
}

TestSuite(gateway_request, .init = init, .fini = release);

static enum bh_status
render(const struct bh_job *job, const struct bh_gateway_profile *profile,
       struct bh_gateway_message message)
{
    const struct bh_recipient *all[8];
    if (message.recipients == NULL) {
        for (size_t i = 0; i < job->recipients_count; i++)
            all[i] = &job->recipients[i];
        message.recipients = all;
        message.recipients_count = job->recipients_count;
    }
    message.job = job;
    return bh_gateway_request_message(&request, profile, &stamp, &message, NULL);
}

static size_t
headers_named(const char *prefix)
{
    size_t count = 0;
    for (size_t i = 0; request.headers[i] != NULL; i++)
        count += strncmp(request.headers[i], prefix, strlen(prefix)) == 0 ? 1 : 0;
    return count;
}

static bool
has_header(const char *line)
{
    for (size_t i = 0; request.headers[i] != NULL; i++)
        if (strcmp(request.headers[i], line) == 0)
            return true;
    return false;
}

Test(gateway_request, renders_the_body_of_each_kind_of_job)
{
    static const struct bh_file files[] = {
        {"a&b.pdf", "QUJD+/8=", 0, NULL  },
        {"c",       "",         7, "p w="},
    };
    static const struct bh_recipient both[] = {
        {"+49 171 1234567", "491711234567"},
        {"Team S\xc3\xbc"
         "d & Co", NULL          }
    };
    static const struct {
        const char *name;
        struct bh_job job;
        int64_t ttl;
        const char *foreign_id;
        const char *wanted;
    } rows[] = {
        {"least",
         {.recipients = &alice, .recipients_count = 1, .text = "Hi"},
         0,  NULL,
         "to=491711234567&text=Hi&json=1"                                 },
        {"id as foreign id",
         {.id = "job-1", .recipients = &alice, .recipients_count = 1, .text = "Hi"},
         0,  NULL,
         "to=491711234567&text=Hi&foreign_id=job-1&json=1"                },
        {"own foreign id wins over the id",
         {.id = "job-1",
          .foreign_id = "f",
          .recipients = &alice,
          .recipients_count = 1,
          .text = "x"},
         0,  NULL,
         "to=491711234567&text=x&foreign_id=f&json=1"                     },
        {"the engine's foreign id wins over all",
         {.id = "job-1",
          .foreign_id = "f",
          .recipients = &alice,
          .recipients_count = 1,
          .text = "x"},
         0,  "made-up",
         "to=491711234567&text=x&foreign_id=made-up&json=1"               },
        {"numbers normalised, names as written, UTF-8 and line breaks byte for byte",
         {.recipients = both,
          .recipients_count = 2,
          .text = "\xc3\xa4\r\n\xe2\x82\xac \xf0\x9f\x98\x80"},
         0,  NULL,
         "to=491711234567%2CTeam%20S%C3%BCd%20%26%20Co"
         "&text=%C3%A4%0D%0A%E2%82%AC%20%F0%9F%98%80&json=1"              },
        {"text that looks like parameters",
         {.recipients = &alice, .recipients_count = 1, .text = "a&to=1&p=%00+;="},
         0,  NULL,
         "to=491711234567&text=a%26to%3D1%26p%3D%2500%2B%3B%3D&json=1"    },
        {"everything",
         {.recipients = &alice,
          .recipients_count = 1,
          .text = "t",
          .from = "Me",
          .udh = "0500",
          .label = "l",
          .foreign_id = "f",
          .no_reload = true,
          .unicode = true,
          .flash = true,
          .utf8 = true,
          .performance_tracking = true,
          .debug = true,
          .xml = true,
          .delay = "2030-01-01 00:00",
          .ttl_minutes = 99},
         15, NULL,
         "to=491711234567&text=t&from=Me&udh=0500&label=l&foreign_id=f&ttl=15&no_reload=1"
         "&unicode=1&flash=1&utf8=1&performance_tracking=1&debug=1&json=1"},
        {"the job's own ttl is never sent, only what is left",
         {.recipients = &alice, .recipients_count = 1, .text = "t", .ttl_minutes = 99},
         0,  NULL,
         "to=491711234567&text=t&json=1"                                  },
        {"files",
         {.recipients = &alice,
          .recipients_count = 1,
          .text = "t",
          .files = files,
          .files_count = 2},
         0,  NULL,
         "to=491711234567&text=t"
         "&files%5B0%5D%5Bname%5D=a%26b.pdf&files%5B0%5D%5Bcontents%5D=QUJD%2B%2F8%3D"
         "&files%5B1%5D%5Bname%5D=c&files%5B1%5D%5Bcontents%5D=&files%5B1%5D%5Bvalidity%5D=7"
         "&files%5B1%5D%5Bpassword%5D=p%20w%3D&json=1"                    },
        {"voice has few parameters",
         {.type = BH_JOB_VOICE,
          .id = "job-1",
          .recipients = &alice,
          .recipients_count = 1,
          .text = "t",
          .from = "49",
          .label = "l",
          .foreign_id = "f",
          .xml = true,
          .debug = true,
          .flash = true},
         15, "made-up",
         "to=491711234567&text=t&from=49&xml=1&debug=1&json=1"            },
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct bh_gateway_message message = {.ttl_minutes = rows[i].ttl,
                                             .foreign_id = rows[i].foreign_id};
        cr_expect_eq(render(&rows[i].job, &plain, message), BH_OK, "%s", rows[i].name);
        cr_expect_str_eq(bh_buf_text(&request.body), rows[i].wanted, "%s", rows[i].name);
        cr_expect_str_eq(request.method, "POST");
        cr_expect_str_eq(bh_buf_text(&request.url), rows[i].job.type == BH_JOB_VOICE
                                                        ? "https://gateway.example/api/voice"
                                                        : "https://gateway.example/api/sms");
    }
}

Test(gateway_request, sends_to_the_named_recipients_only)
{
    struct bh_recipient job_recipients[] = {alice, bob, team};
    struct bh_job job = {.recipients = job_recipients, .recipients_count = 3, .text = "t"};
    const struct bh_recipient *open[] = {&job_recipients[2], &job_recipients[1]};
    struct bh_gateway_message message = {.recipients = open, .recipients_count = 2};
    cr_assert_eq(render(&job, &plain, message), BH_OK);
    cr_expect_str_eq(bh_buf_text(&request.body),
                     "to=Team%20S%C3%BCd%20%26%20Co%2C491727654321&text=t&json=1");
}

Test(gateway_request, puts_the_key_where_the_profile_says_and_never_into_the_url)
{
    struct bh_job job = {.recipients = &alice, .recipients_count = 1, .text = "t"};
    struct bh_gateway_profile profile = plain;

    cr_assert_eq(render(&job, &profile, (struct bh_gateway_message){0}), BH_OK);
    cr_expect(has_header("Authorization: basic KEY-1"));
    cr_expect_eq(headers_named("X-Api-Key"), 0);
    cr_expect_null(strstr(bh_buf_text(&request.body), "KEY-1"));

    profile.auth = BH_AUTH_HEADER;
    cr_assert_eq(render(&job, &profile, (struct bh_gateway_message){0}), BH_OK);
    cr_expect(has_header("X-Api-Key: KEY-1"));
    cr_expect_eq(headers_named("X-Api-Key"), 1);
    cr_expect_eq(headers_named("Authorization"), 0);

    profile.auth = BH_AUTH_PARAMETER;
    profile.api_key = "a&b=c";
    cr_assert_eq(render(&job, &profile, (struct bh_gateway_message){0}), BH_OK);
    cr_expect_str_eq(bh_buf_text(&request.body), "to=491711234567&text=t&json=1&p=a%26b%3Dc");
    cr_expect_eq(headers_named("Authorization") + headers_named("X-Api-Key"), 0);

    cr_assert_eq(bh_gateway_request_balance(&request, &profile, NULL, NULL), BH_OK);
    cr_expect_str_eq(request.method, "POST");
    cr_expect_str_eq(bh_buf_text(&request.body), "p=a%26b%3Dc");
    cr_expect_str_eq(bh_buf_text(&request.url), "https://gateway.example/api/balance");
}

Test(gateway_request, sets_the_fixed_headers)
{
    struct bh_job job = {.recipients = &alice, .recipients_count = 1, .text = "t"};
    cr_assert_eq(render(&job, &plain, (struct bh_gateway_message){0}), BH_OK);
    cr_expect(has_header("Accept: application/json"));
    cr_expect(has_header("Content-Type: application/x-www-form-urlencoded"));
    cr_expect(has_header("SentWith: Bellhop/1.2.3"));
    cr_expect(has_header("Expect:"));
    cr_expect_eq(headers_named("X-Signature"), 0);
    cr_expect_eq(headers_named("X-Nonce"), 0);
}

Test(gateway_request, asks_for_balance_prices_and_status_with_get)
{
    cr_assert_eq(bh_gateway_request_balance(&request, &plain, NULL, NULL), BH_OK);
    cr_expect_str_eq(request.method, "GET");
    cr_expect_eq(request.body.len, 0);
    cr_expect_eq(headers_named("Content-Type"), 0);
    cr_expect(has_header("Authorization: basic KEY-1"));

    cr_assert_eq(bh_gateway_request_pricing(&request, &plain, NULL, NULL), BH_OK);
    cr_expect_str_eq(request.method, "GET");
    cr_expect_str_eq(bh_buf_text(&request.url), "https://gateway.example/api/pricing?format=json");
    cr_expect(has_header("Authorization: basic KEY-1"));

    struct bh_str ids = BH_STR_LITERAL("77214945865,77214945866");
    cr_assert_eq(bh_gateway_request_status(&request, &plain, NULL, ids, NULL), BH_OK);
    cr_expect_str_eq(request.method, "GET");
    cr_expect_str_eq(bh_buf_text(&request.url),
                     "https://gateway.example/api/status?msg_id=77214945865%2C77214945866");

    static const char *const bad[] = {"", ",", "1,", "1,,2", "-1", "1 ", "x", "1&p=2", NULL};
    for (size_t i = 0; i < BH_ARRAY_LEN(bad); i++) {
        cr_expect_eq(bh_gateway_request_status(&request, &plain, NULL, bh_str_from(bad[i]), NULL),
                     BH_EINVAL, "row %zu", i);
        cr_expect_null(request.headers[0]);
        cr_expect_eq(request.url.len, 0);
    }
}

#define JOURNAL "https://gateway.example/api/journal/outbound?"

/* 2026-10-24 22:00:00 UTC: in Berlin the 25th has just begun, the day on which clocks are turned back. */
#define MIDNIGHT_MS ((int64_t)1792879200 * 1000)

Test(gateway_request, asks_for_a_page_of_the_journal)
{
    struct bh_zone *berlin = tzif_load("Europe/Berlin");
    const struct {
        const char *name;
        struct bh_gateway_journal_query query;
        const char *wanted; /* NULL: refused */
    } rows[] = {
        {"least",                          {0},                                         JOURNAL "limit=100&offset=0"                },
        {"a recipient",                    {.msisdn = "491711234567"},                  JOURNAL "limit=100&offset=0&to=491711234567"},
        {"third page",                     {.page = 2},                                 JOURNAL "limit=100&offset=200"              },
        {"a short page",                   {.page = 2, .limit = 1},                     JOURNAL "limit=1&offset=2"                  },
        {"the day before, local",
         {.from = {MIDNIGHT_MS}, .zone = berlin},
         JOURNAL "limit=100&offset=0&date_from=2026-10-24"                                                                          },
        {"the day before, a ms earlier",
         {.from = {MIDNIGHT_MS - 1}, .zone = berlin},
         JOURNAL "limit=100&offset=0&date_from=2026-10-23"                                                                          },
        {"the day before, UTC",
         {.from = {MIDNIGHT_MS}},
         JOURNAL "limit=100&offset=0&date_from=2026-10-23"                                                                          },
        {"the day after",
         {.until = {MIDNIGHT_MS + 25 * BH_HOUR_MS - 1}, .zone = berlin},
         JOURNAL "limit=100&offset=0&date_to=2026-10-26"                                                                            },
        {"over the end of a year",
         {.msisdn = "491711234567", .from = {1767225600000}, .until = {1767225600000}},
         JOURNAL "limit=100&offset=0&to=491711234567&date_from=2025-12-31&date_to=2026-01-02"                                       },
        {"over a leap day",
         {.from = {1709251200000}},
         JOURNAL "limit=100&offset=0&date_from=2024-02-29"                                                                          },
        {"one message",
         {.id = "77214945865", .limit = 1},
         JOURNAL "limit=1&offset=0&id=77214945865"                                                                                  },
        {"calls",
         {.calls = true, .page = 1},
         "https://gateway.example/api/journal/voice?limit=100&offset=100"                                                           },
        {"no message",                     {.id = ""},                                  NULL                                        },
        {"several messages",               {.id = "77,78"},                             NULL                                        },
        {"a message with too many digits", {.id = "1234567890123456789"},               NULL                                        },
        {"no number",                      {.msisdn = ""},                              NULL                                        },
        {"a name",                         {.msisdn = "Team"},                          NULL                                        },
        {"a number with plus",             {.msisdn = "+491711234567"},                 NULL                                        },
        {"a parameter behind it",          {.msisdn = "4917&limit=1"},                  NULL                                        },
        {"too many digits",                {.msisdn = "4917112345674917"},              NULL                                        },
        {"a time before all",              {.from = {-1}},                              NULL                                        },
        {"a time behind all",              {.until = {INT64_MAX}},                      NULL                                        },
        {"the last day of four digits",    {.from = {253402300799999}},                 NULL                                        },
        {"a page too far",                 {.page = BH_JOURNAL_PAGES_MAX},              NULL                                        },
        {"a page too long",                {.limit = BH_JOURNAL_PAGE + 1},              NULL                                        },
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        enum bh_status status =
            bh_gateway_request_journal(&request, &plain, NULL, &rows[i].query, NULL);
        cr_expect_eq(status, rows[i].wanted != NULL ? BH_OK : BH_EINVAL, "%s", rows[i].name);
        cr_expect_str_eq(bh_buf_text(&request.url), rows[i].wanted != NULL ? rows[i].wanted : "",
                         "%s", rows[i].name);
        cr_expect_eq(request.body.len, 0, "%s", rows[i].name);
        cr_expect(rows[i].wanted == NULL || strcmp(request.method, "GET") == 0, "%s", rows[i].name);
        cr_expect_eq(has_header("Authorization: basic KEY-1"), rows[i].wanted != NULL, "%s",
                     rows[i].name);
    }
    bh_zone_free(berlin);
}

Test(gateway_request, signs_the_question_for_the_journal_with_its_parameters)
{
    struct bh_gateway_profile profile = plain;
    struct bh_gateway_journal_query one = {.msisdn = "491711234567"};
    struct bh_gateway_journal_query other = {.msisdn = "491711234568"};
    char signature[256];
    profile.signing_key = "sekret";
    cr_assert_eq(bh_gateway_request_journal(&request, &profile, &stamp, &one, NULL), BH_OK);
    cr_assert_eq(headers_named("X-Signature: "), 1);
    for (size_t i = 0; request.headers[i] != NULL; i++)
        if (strncmp(request.headers[i], "X-Signature", 11) == 0)
            snprintf(signature, sizeof(signature), "%s", request.headers[i]);
    cr_assert_eq(bh_gateway_request_journal(&request, &profile, &stamp, &other, NULL), BH_OK);
    cr_expect(!has_header(signature));
    cr_assert_eq(bh_gateway_request_journal(&request, &profile, NULL, &one, NULL), BH_EINVAL,
                 "a signed request needs a stamp");
}

/* clang-format off */
Test(gateway_request, asks_about_webhooks)
{
    static const char url[] = "https://sms.example/webhook/a%2Fb?x=1&y";
    const struct {
        const char *name;
        struct bh_gateway_hooks_query query;
        const char *url, *body; /* NULL: refused */
    } rows[] = {
        {"the list",          {.action = BH_HOOKS_READ}, "https://gateway.example/api/hooks?action=read", ""},
        {"a subscription",    {BH_HOOKS_SUBSCRIBE, url, "dlr", "POST", NULL, NULL}, "https://gateway.example/api/hooks",
         "action=subscribe&target_url=https%3A%2F%2Fsms.example%2Fwebhook%2Fa%252Fb%3Fx%3D1%26y&event_type=dlr&request_method=POST"},
        {"... with a filter", {BH_HOOKS_SUBSCRIBE, "http://h", "all", "JSON", "4917", NULL}, "https://gateway.example/api/hooks",
         "action=subscribe&target_url=http%3A%2F%2Fh&event_type=all&request_method=JSON&event_filter=4917"},
        {"its end",           {.action = BH_HOOKS_UNSUBSCRIBE, .id = "2045"}, "https://gateway.example/api/hooks",
         "action=unsubscribe&id=2045"},
        {"no id",             {.action = BH_HOOKS_UNSUBSCRIBE, .id = ""}, NULL, NULL},
        {"an id with more",   {.action = BH_HOOKS_UNSUBSCRIBE, .id = "1&action=subscribe"}, NULL, NULL},
        {"a negative id",     {.action = BH_HOOKS_UNSUBSCRIBE, .id = "-1"}, NULL, NULL},
        {"no URL",            {BH_HOOKS_SUBSCRIBE, "", "dlr", "POST", NULL, NULL}, NULL, NULL},
        {"another scheme",    {BH_HOOKS_SUBSCRIBE, "ftp://h", "dlr", "POST", NULL, NULL}, NULL, NULL},
        {"a password",        {BH_HOOKS_SUBSCRIBE, "http://u:p@h", "dlr", "POST", NULL, NULL}, NULL, NULL},
        {"a line feed",       {BH_HOOKS_SUBSCRIBE, "http://h/\n", "dlr", "POST", NULL, NULL}, NULL, NULL},
        {"no event",          {BH_HOOKS_SUBSCRIBE, "http://h", "", "POST", NULL, NULL}, NULL, NULL},
        {"an unknown event",  {BH_HOOKS_SUBSCRIBE, "http://h", "DLR", "POST", NULL, NULL}, NULL, NULL},
        {"a strange method",  {BH_HOOKS_SUBSCRIBE, "http://h", "dlr", "PUT", NULL, NULL}, NULL, NULL},
        {"an empty filter",   {BH_HOOKS_SUBSCRIBE, "http://h", "dlr", "GET", "", NULL}, NULL, NULL},
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        enum bh_status status = bh_gateway_request_hooks(&request, &plain, NULL, &rows[i].query, NULL);
        bool good = rows[i].url != NULL;
        cr_expect_eq(status, good ? BH_OK : BH_EINVAL, "%s", rows[i].name);
        cr_expect_str_eq(bh_buf_text(&request.url), good ? rows[i].url : "", "%s: %s", rows[i].name, bh_buf_text(&request.url));
        cr_expect_str_eq(bh_buf_text(&request.body), good ? rows[i].body : "", "%s: %s", rows[i].name, bh_buf_text(&request.body));
        cr_expect(!good || strcmp(request.method, rows[i].body[0] != '\0' ? "POST" : "GET") == 0, "%s", rows[i].name);
    }
}
/* clang-format on */

Test(gateway_request, signs_like_the_vendors_client)
{
    struct bh_gateway_profile profile = plain;
    profile.url = "http://127.0.0.1:18080/api";
    profile.signing_key = "sekret";
    struct bh_gateway_stamp get = {"o5yulq4uwm1ro69chejynerien5sks3j", 1795316485};

    /* The vendor's vector has its id written without encoding, as ours is. */
    cr_assert_eq(bh_gateway_request_status(&request, &profile, &get, BH_STR_LITERAL("1"), NULL),
                 BH_OK);
    cr_expect(has_header("X-Signature: "
                         "6b9e57666b55c869101f599b63017b253ad74a76a602084ea8b4d6757177b153"));
    cr_expect(has_header("X-Timestamp: 1795316485"));
    cr_expect(has_header("X-Nonce: o5yulq4uwm1ro69chejynerien5sks3j"));

    struct bh_job job = {.recipients = &alice, .recipients_count = 1, .text = "t"};
    profile.url = "http://127.0.0.1:18080/api/";
    profile.signing_key = "";
    cr_assert_eq(render(&job, &profile, (struct bh_gateway_message){0}), BH_OK);
    cr_expect_eq(headers_named("X-Signature"), 0, "an empty key means: not signed");
    cr_expect_str_eq(bh_buf_text(&request.url), "http://127.0.0.1:18080/api/sms");
}

Test(gateway_request, refuses_what_cannot_be_put_into_a_request)
{
    static const struct {
        const char *name;
        const char *field;
        struct bh_gateway_profile profile;
        const char *nonce;
    } rows[] = {
        {"no address",         "url",       {.url = "", .api_key = "k", .sent_with = "s"},                             NULL},
        {"NULL address",       "url",       {.url = NULL, .api_key = "k", .sent_with = "s"},                           NULL},
        {"no host",            "url",       {.url = "https://", .api_key = "k", .sent_with = "s"},                     NULL},
        {"path for host",      "url",       {.url = "http:///api", .api_key = "k", .sent_with = "s"},                  NULL},
        {"file",               "url",       {.url = "file:///etc/passwd", .api_key = "k", .sent_with = "s"},           NULL},
        {"query",              "url",       {.url = "http://h/api?a=", .api_key = "k", .sent_with = "s"},              NULL},
        {"fragment",           "url",       {.url = "http://h/api#a", .api_key = "k", .sent_with = "s"},               NULL},
        {"blank",              "url",       {.url = "http://h/a pi", .api_key = "k", .sent_with = "s"},                NULL},
        {"line feed",          "url",       {.url = "http://h/\napi", .api_key = "k", .sent_with = "s"},               NULL},
        {"no key",             "api_key",   {.url = "http://h", .api_key = "", .sent_with = "s"},                      NULL},
        {"NULL key",           "api_key",   {.url = "http://h", .api_key = NULL, .sent_with = "s"},                    NULL},
        {"key with CRLF",
         "api_key",                         {.url = "http://h", .api_key = "k\r\nX: y", .sent_with = "s"},
         NULL                                                                                                              },
        {"key with line feed",
         "api_key",                         {.url = "http://h", .api_key = "k\n", .sent_with = "s"},
         NULL                                                                                                              },
        {"key with umlaut",
         "api_key",                         {.url = "http://h", .api_key = "\xc3\xa4", .sent_with = "s"},
         NULL                                                                                                              },
        {"key with blank",     "api_key",   {.url = "http://h", .api_key = " k", .sent_with = "s"},                    NULL},
        {"no name",            "sent_with", {.url = "http://h", .api_key = "k", .sent_with = NULL},                    NULL},
        {"name with CR",
         "sent_with",                       {.url = "http://h", .api_key = "k", .sent_with = "a\rb"},
         NULL                                                                                                              },
        {"short nonce",
         "nonce",                           {.url = "http://h", .api_key = "k", .sent_with = "s", .signing_key = "x"},
         "abc"                                                                                                             },
        {"no nonce",
         "nonce",                           {.url = "http://h", .api_key = "k", .sent_with = "s", .signing_key = "x"},
         NULL                                                                                                              },
    };
    struct bh_job job = {.recipients = &alice, .recipients_count = 1, .text = "t"};
    const struct bh_recipient *to = &alice;
    struct bh_gateway_message message = {.job = &job, .recipients = &to, .recipients_count = 1};
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct bh_error error = {0};
        struct bh_gateway_stamp bad_stamp = {rows[i].nonce, 1};
        cr_expect_eq(
            bh_gateway_request_message(&request, &rows[i].profile, &bad_stamp, &message, &error),
            BH_EINVAL, "%s", rows[i].name);
        cr_expect_str_eq(error.field, rows[i].field, "%s", rows[i].name);
        cr_expect_null(request.method, "%s", rows[i].name);
        cr_expect_null(request.headers[0], "%s", rows[i].name);
        cr_expect_eq(request.body.len, 0, "%s", rows[i].name);
    }
}

Test(gateway_request, refuses_nobody_and_a_call_to_two)
{
    struct bh_recipient two[] = {alice, bob};
    const struct bh_recipient *to[] = {&two[0], &two[1]};
    struct bh_job call = {
        .type = BH_JOB_VOICE, .recipients = two, .recipients_count = 2, .text = "t"};
    struct bh_gateway_message message = {.job = &call, .recipients = to, .recipients_count = 2};
    struct bh_error error;
    cr_expect_eq(bh_gateway_request_message(&request, &plain, NULL, &message, &error), BH_EINVAL);
    cr_expect_str_eq(error.field, "to");
    message.recipients_count = 0;
    cr_expect_eq(bh_gateway_request_message(&request, &plain, NULL, &message, &error), BH_EINVAL);
    call.type = BH_JOB_SMS;
    cr_expect_eq(bh_gateway_request_message(&request, &plain, NULL, &message, NULL), BH_EINVAL);
}

Test(gateway_request, stays_empty_when_the_body_is_over_its_bound)
{
    struct bh_gateway_request small;
    bh_gateway_request_init(&small, 20);
    struct bh_job job = {
        .recipients = &alice, .recipients_count = 1, .text = "much too long a text"};
    const struct bh_recipient *to = &alice;
    struct bh_gateway_message message = {.job = &job, .recipients = &to, .recipients_count = 1};
    cr_expect_eq(bh_gateway_request_message(&small, &plain, NULL, &message, NULL), BH_ETOOBIG);
    cr_expect_eq(small.body.len, 0);
    cr_expect_null(small.headers[0]);
    cr_assert_eq(bh_gateway_request_balance(&small, &plain, NULL, NULL), BH_OK,
                 "a failure must not stick");
    bh_gateway_request_release(&small);
}

Test(gateway_request, survives_every_failing_allocation)
{
    struct bh_gateway_profile profile = plain;
    profile.signing_key = "x";
    struct bh_job job = {.recipients = &alice, .recipients_count = 1, .text = "t"};
    const struct bh_recipient *to = &alice;
    struct bh_gateway_message message = {.job = &job, .recipients = &to, .recipients_count = 1};

    bh_use_scarce_memory();
    int failures = 0;
    for (int nth = 0; nth < 100; nth++) {
        struct bh_gateway_request fresh;
        bh_gateway_request_init(&fresh, 0);
        bh_allocations_left = nth;
        enum bh_status status =
            bh_gateway_request_message(&fresh, &profile, &stamp, &message, NULL);
        bool empty = fresh.headers[0] == NULL && fresh.body.len == 0;
        bh_gateway_request_release(&fresh);
        if (status == BH_OK)
            break;
        cr_expect_eq(status, BH_ENOMEM, "allocation %d", nth);
        cr_expect(empty, "allocation %d", nth);
        failures++;
    }
    bh_alloc_replace(NULL);
    cr_expect_gt(failures, 3);
    cr_expect_lt(failures, 100);
}
