/* The rules of `bellhop hooks check`: each fact that matters, its grade, and the line that cures it. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "core/diagnose_hooks.h"

#define ADDRESS "https://sms.example/webhook/tok"
#define HOOK(id, url, event, rest)                                                                 \
    "{\"id\":\"" id "\",\"target_url\":\"" url "\",\"event_type\":\"" event "\"" rest "}"

static struct bh_diagnosis diagnosis;

static const struct bh_webhook_facts good = {
    .url = "https://sms.example", .token = {"tok", 3},
         .listens = true, .has_voice = true
};

/* Is there a line of that grade and topic with this piece and this cure ("": none at all)? */
static bool
has_line(enum bh_grade grade, const char *topic, const char *piece, const char *cure)
{
    for (size_t i = 0; i < diagnosis.count; i++) {
        const struct bh_diagnosis_line *line = &diagnosis.lines[i];
        bool cured = line->cures_count == 0 && cure[0] == '\0';
        for (size_t c = 0; c < line->cures_count && cure[0] != '\0'; c++)
            cured = cured || strstr(line->cures[c], cure) != NULL;
        if (line->grade == grade && strcmp(line->topic, topic) == 0 &&
            strstr(line->found, piece) != NULL && cured)
            return true;
    }
    return false;
}

static struct bh_exchange
answered(int status, const char *body)
{
    return (struct bh_exchange){.handed_over = BH_HANDED_ALL,
                                .trouble = status == 0 ? BH_TROUBLE_CONNECT : BH_TROUBLE_NONE,
                                .http_status = status,
                                .headers_complete = status != 0,
                                .body_complete = status != 0,
                                .retry_after_ms = -1,
                                .body = bh_str_from(body)};
}

/* clang-format off */
Test(diagnose_hooks, looks_at_what_is_configured)
{
    static const struct {
        const char *name;
        struct bh_webhook_facts facts;
        bool makes_sense;
        enum bh_grade grade;
        const char *topic, *piece, *cure;
    } rows[] = {
        {"good",         {"https://sms.example", {"tok", 3}, true, true, false},  true,  BH_GRADE_OK,   "token",  "is set",      ""},
        {"no token",     {"https://sms.example", {"", 0}, true, true, false},     false, BH_GRADE_BAD,  "token",  "not set",     "webhook_token = SECRET"},
        {"no URL",       {"", {"tok", 3}, true, true, false},                     false, BH_GRADE_BAD,  "url",    "not set",     "webhook_url = https://HOST"},
        {"no endpoint",  {"https://sms.example", {"tok", 3}, false, true, false}, true,  BH_GRADE_BAD,  "listen", "is empty",    "listen = 127.0.0.1:9177"},
        {"loopback",     {"http://127.0.0.1:9177", {"tok", 3}, true, true, false}, true, BH_GRADE_RISK, "url",    "bellhop-sim", "https://HOST"},
        {"localhost",    {"http://localhost/x", {"tok", 3}, true, true, false},   true,  BH_GRADE_RISK, "url",    "bellhop-sim", "https://HOST"},
        {"loopback, v6", {"http://[::1]:9177", {"tok", 3}, true, true, false},    true,  BH_GRADE_RISK, "url",    "bellhop-sim", "https://HOST"},
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        memset(&diagnosis, 0, sizeof(diagnosis));
        cr_expect_eq(bh_diagnose_webhook_settings(&diagnosis, &rows[i].facts), rows[i].makes_sense, "%s", rows[i].name);
        cr_expect(has_line(rows[i].grade, rows[i].topic, rows[i].piece, rows[i].cure), "%s: %s", rows[i].name,
                  diagnosis.lines[0].found);
    }
}

Test(diagnose_hooks, looks_for_us_in_the_list)
{
    static const struct {
        const char *name, *hooks;
        bool has_voice;
        enum bh_grade grade;
        const char *topic, *piece, *cure;
    } rows[] = {
        {"good",            HOOK("7", ADDRESS, "dlr", ""), true, BH_GRADE_OK, "dlr", "Subscribed: 7.", ""},
        {"by all",          HOOK("7", ADDRESS, "all", ""), true, BH_GRADE_OK, "voice_status", "Subscribed: 7.", ""},
        {"nobody",          "", true, BH_GRADE_BAD, "dlr", "Not subscribed", "bellhop hooks add --event dlr"},
        {"no calls made",   "", false, BH_GRADE_NOTE, "voice_status", "Not subscribed", "bellhop hooks add --event voice_status"},
        {"calls made",      "", true, BH_GRADE_BAD, "voice_status", "Not subscribed", "bellhop hooks add --event voice_status"},
        {"another's",       HOOK("7", "https://shop.example", "dlr", ""), true, BH_GRADE_BAD, "dlr", "Not subscribed", "add --event dlr"},
        {"switched off",    HOOK("7", ADDRESS, "dlr", ",\"enabled\":false"), true, BH_GRADE_BAD, "dlr", "switched off", "bellhop hooks remove 7"},
        {"... and again",   HOOK("7", ADDRESS, "dlr", ",\"enabled\":false"), true, BH_GRADE_BAD, "dlr", "switched off", "bellhop hooks add --event dlr"},
        {"filtered",        HOOK("7", ADDRESS, "dlr", ",\"event_filter\":\"49\""), true, BH_GRADE_RISK, "dlr", "filter", "add --event dlr"},
        {"twice",           HOOK("7", ADDRESS, "dlr", "") "," HOOK("8", ADDRESS, "all", ""), true, BH_GRADE_NOTE, "dlr", "2 times", "bellhop hooks remove"},
        {"a former token",  HOOK("7", "https://sms.example/webhook/old", "dlr", ""), true, BH_GRADE_BAD, "dlr", "another token (7)", "add --event dlr"},
        {"... is in the way", HOOK("7", "https://sms.example/webhook/old", "dlr", ""), true, BH_GRADE_NOTE, "former", "7 is for this endpoint", "bellhop hooks remove 7"},
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        char body[1024];
        struct bh_webhook_facts facts = good;
        struct bh_hooks_answer list;
        memset(&diagnosis, 0, sizeof(diagnosis));
        facts.has_voice = rows[i].has_voice;
        snprintf(body, sizeof(body), "{\"success\":true,\"hooks\":[%s]}", rows[i].hooks);
        struct bh_exchange exchange = answered(200, body);
        cr_assert_eq(bh_hooks_read_list(&exchange, &list), BH_OK);
        bh_diagnose_webhook_list(&diagnosis, &facts, &list, ADDRESS);
        cr_expect(has_line(rows[i].grade, rows[i].topic, rows[i].piece, rows[i].cure), "%s: %s: %s", rows[i].name,
                  diagnosis.lines[0].topic, diagnosis.lines[0].found);
        for (size_t n = 0; n < diagnosis.count; n++)
            cr_expect_null(strstr(diagnosis.lines[n].found, "webhook/"), "%s shows an address", rows[i].name);
        bh_hooks_answer_release(&list);
    }
}

Test(diagnose_hooks, tells_of_a_list_that_was_not_given)
{
    static const struct {
        int status;
        const char *body, *piece, *cure;
    } rows[] = {
        {200, "902", "(code 902)", "right to webhooks"},
        {200, "<html>", "web page", "[gateway] url"},
        {0, "", "no connection", "bellhop doctor"},
        {503, "", "(HTTP 503)", ""},
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct bh_exchange exchange = answered(rows[i].status, rows[i].body);
        struct bh_hooks_answer list;
        memset(&diagnosis, 0, sizeof(diagnosis));
        cr_assert_eq(bh_hooks_read_list(&exchange, &list), BH_OK);
        bh_diagnose_webhook_list(&diagnosis, &good, &list, ADDRESS);
        cr_expect(has_line(BH_GRADE_BAD, "list", rows[i].piece, rows[i].cure), "%s", diagnosis.lines[0].found);
        bh_hooks_answer_release(&list);
    }
}

Test(diagnose_hooks, judges_what_answers_at_the_address)
{
    static const struct {
        const char *name;
        int status;
        const char *body;
        bool is_picky;
        enum bh_grade grade;
        const char *piece, *cure;
        enum bh_trouble trouble;
    } rows[] = {
        {"ours",                 200, "ok\n",       false, BH_GRADE_OK,   "knows the token",   "", BH_TROUBLE_NONE},
        {"a web page",           200, "<html>",     false, BH_GRADE_BAD,  "answers 200",       "webhook_url", BH_TROUBLE_NONE},
        {"another token",        404, "not found",  false, BH_GRADE_BAD,  "answers 404",       "systemctl reload", BH_TROUBLE_NONE},
        {"a login",              302, "",           false, BH_GRADE_BAD,  "answers 302",       "webhook_url", BH_TROUBLE_NONE},
        {"a proxy alone",        502, "",           false, BH_GRADE_BAD,  "finds no bellhopd", "bellhop doctor", BH_TROUBLE_NONE},
        {"nobody",               0,   "",           false, BH_GRADE_RISK, "no connection to it", "curl", BH_TROUBLE_CONNECT},
        {"no such name",         0,   "",           false, BH_GRADE_RISK, "its name cannot be resolved", "curl", BH_TROUBLE_RESOLVE},
        {"another's certificate", 0,  "",           false, BH_GRADE_RISK, "its certificate is not trusted", "curl", BH_TROUBLE_CERTIFICATE},
        {"no TLS",               0,   "",           false, BH_GRADE_RISK, "no secure connection to it (TLS)", "curl", BH_TROUBLE_TLS},
        {"silence",              0,   "",           false, BH_GRADE_RISK, "no whole answer came in time", "curl", BH_TROUBLE_TIMEOUT},
        {"signed ones only",     403, "",           true,  BH_GRADE_NOTE, "signed",            "", BH_TROUBLE_NONE},
        {"forbidden for all",    403, "",           false, BH_GRADE_BAD,  "answers 403",       "webhook_url", BH_TROUBLE_NONE},
        {"picky, and a page",    200, "<html>",     true,  BH_GRADE_BAD,  "answers 200",       "webhook_url", BH_TROUBLE_NONE},
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct bh_exchange exchange = answered(rows[i].status, rows[i].body);
        struct bh_webhook_facts facts = good;
        if (rows[i].status == 0)
            exchange.trouble = rows[i].trouble;
        facts.is_picky = rows[i].is_picky;
        memset(&diagnosis, 0, sizeof(diagnosis));
        bh_diagnose_webhook_reach(&diagnosis, &facts, &exchange);
        cr_expect(has_line(rows[i].grade, "address", rows[i].piece, rows[i].cure), "%s: %s", rows[i].name,
                  diagnosis.lines[0].found);
    }
}
/* clang-format on */
