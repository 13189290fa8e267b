#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/gateway_journal.h"
#include "core/gateway_status.h"
#include "core/json.h"
#include "support/scarce_memory.h"
#include "support/tzif.h"

/* 2026-11-20 10:00:03.123 in Berlin */
#define AT_MS INT64_C(1795165203123)

static struct bh_zone *berlin;

static void
init(void)
{
    bh_json_use_allocator();
    berlin = tzif_load("Europe/Berlin");
}

static void
fini(void)
{
    bh_zone_free(berlin);
}

TestSuite(gateway_status, .init = init, .fini = fini);

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

/* What was learnt of 77, 78 and 79, as one text: "DELIVERED@1795165203123,-,-". */
static const char *
shown(const struct bh_pulled_message *messages, size_t count)
{
    static char text[512];
    size_t len = 0;
    for (size_t i = 0; i < count; i++) {
        const char *word = bh_delivery_name(messages[i].delivery);
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s", i > 0 ? "," : "",
                                word[0] != '\0' ? word : "-");
        if (messages[i].at.ms != 0)
            len += (size_t)snprintf(text + len, sizeof(text) - len, "@%lld",
                                    (long long)messages[i].at.ms);
        if (messages[i].duration_s >= 0)
            len += (size_t)snprintf(text + len, sizeof(text) - len, "+%llds",
                                    (long long)messages[i].duration_s);
    }
    return text;
}

static void
three(struct bh_pulled_message messages[3])
{
    static const char *const ids[] = {"77", "78", "79"};
    for (size_t i = 0; i < 3; i++) {
        messages[i] = (struct bh_pulled_message){.duration_s = -1};
        snprintf(messages[i].id, sizeof(messages[i].id), "%s", ids[i]);
    }
}

struct row {
    const char *name;
    const char *body;
    size_t count;
    bool is_signed;
    enum bh_pulled wanted;
    const char *learnt;
    int code;
};

#define T_  "2026-11-20 10:00:03.123"
#define AT_ "@1795165203123"

/* clang-format off */
static const struct row rows[] = {
    {"two lines",                    "DELIVERED\n" T_,                       1, false, BH_PULLED_READ,    "DELIVERED" AT_, 0},
    {"a word alone",                 "TRANSMITTED",                          1, false, BH_PULLED_READ,    "TRANSMITTED", 0},
    {"lines of another system",      "\xef\xbb\xbf  buffered \r\n" T_ "\r\n\r\n", 1, false, BH_PULLED_READ, "BUFFERED" AT_, 0},
    {"a time that is none",          "DELIVERED\nyesterday",                 1, false, BH_PULLED_READ,    "DELIVERED", 0},
    {"two lines for two messages",   "DELIVERED\n" T_,                       2, false, BH_PULLED_NOT_SO,  "-,-", 0},
    {"three lines",                  "DELIVERED\n" T_ "\nDELIVERED",         1, false, BH_PULLED_NOT_SO,  "-", 0},
    {"another word",                 "SEEN\n" T_,                            1, false, BH_PULLED_NOT_SO,  "-", 0},
    {"a call's word",                "completed\n" T_,                       1, false, BH_PULLED_NOT_SO,  "-", 0},
    {"not known",                    "600",                                  1, false, BH_PULLED_READ,    "-", 0},
    {"not known, quoted",            "\"600\"",                              1, true,  BH_PULLED_READ,    "-", 0},
    {"not known of several",         "600",                                  2, false, BH_PULLED_NOT_SO,  "-,-", 600},
    {"not known before signing",     "901",                                  1, false, BH_PULLED_READ,    "-", 0},
    {"901 of several",               "901",                                  3, false, BH_PULLED_NOT_SO,  "-,-,-", 901},
    {"the signature",                "901",                                  1, true,  BH_PULLED_REFUSED, "-", 901},
    {"the key",                      "900",                                  1, false, BH_PULLED_REFUSED, "-", 900},
    {"the right",                    "902",                                  3, false, BH_PULLED_REFUSED, "-,-,-", 902},
    {"the address",                  "{\"success\":\"903\"}",                3, false, BH_PULLED_REFUSED, "-,-,-", 903},
    {"a right, in an object",        "{\"success\":false,\"error\":\"902\"}", 3, false, BH_PULLED_REFUSED, "-,-,-", 902},
    {"a parameter is missing",       "305",                                  3, false, BH_PULLED_NOT_SO,  "-,-,-", 305},
    {"all is well, and that is all", "100",                                  3, false, BH_PULLED_NOT_SO,  "-,-,-", 100},
    {"nothing",                      "",                                     1, false, BH_PULLED_NOTHING, "-", 0},
    {"blanks",                       " \n ",                                 1, false, BH_PULLED_NOTHING, "-", 0},
    {"a page",                       "<html><body>Bad</body></html>",        1, false, BH_PULLED_NOT_SO,  "-", 0},
    {"a list",
     "[{\"id\":\"77\",\"status\":\"DELIVERED\",\"status_time\":\"" T_ "\"},"
     "{\"id\":\"78\",\"status\":null,\"status_time\":null},"
     "{\"id\":\"79\",\"status\":\"FAILED\",\"status_time\":null}]",          3, false, BH_PULLED_READ,    "DELIVERED" AT_ ",-,FAILED", 0},
    {"numbers as numbers",           "[{\"id\":78,\"status\":\"EXPIRED\",\"status_time\":1795165203}]",
                                                                             3, false, BH_PULLED_READ,    "-,EXPIRED@1795165203000,-", 0},
    {"in another order",
     "[{\"id\":\"79\",\"status\":\"REJECTED\"},{\"id\":\"77\",\"status\":\"ACCEPTED\"}]",
                                                                             3, false, BH_PULLED_READ,    "ACCEPTED,-,REJECTED", 0},
    {"a list of one",                "[{\"id\":\"77\",\"status\":\"UNKNOWN\",\"status_time\":\"" T_ "\"}]", 1, false, BH_PULLED_READ, "UNKNOWN" AT_, 0},
    {"an object of one",             "{\"id\":\"77\",\"status\":\"NOTDELIVERED\",\"status_time\":\"" T_ "\"}", 1, false, BH_PULLED_READ, "NOTDELIVERED" AT_, 0},
    {"a list with holes",            "{\"0\":{\"id\":\"77\",\"status\":\"DELIVERED\"},\"2\":{\"id\":\"79\",\"status\":\"FAILED\"}}",
                                                                             3, false, BH_PULLED_READ,    "DELIVERED,-,FAILED", 0},
    {"an empty list",                "[]",                                   3, false, BH_PULLED_READ,    "-,-,-", 0},
    {"an empty object",              "{}",                                   3, false, BH_PULLED_NOT_SO,  "-,-,-", 0},
    {"an empty word",                "[{\"id\":\"77\",\"status\":\"\"}]",    3, false, BH_PULLED_READ,    "-,-,-", 0},
    {"others' messages",             "[{\"id\":\"7\",\"status\":\"DELIVERED\"},{\"id\":\"777\",\"status\":\"FAILED\"}]",
                                                                             3, false, BH_PULLED_READ,    "-,-,-", 0},
    {"a number with blanks",         "[{\"id\":\" 77\",\"status\":\"DELIVERED\"}]", 3, false, BH_PULLED_READ, "-,-,-", 0},
    {"said twice",                   "[{\"id\":\"77\",\"status\":\"DELIVERED\"},{\"id\":\"77\",\"status\":\"FAILED\"}]",
                                                                             3, false, BH_PULLED_READ,    "DELIVERED,-,-", 0},
    {"one good entry of many",       "[7,null,[],{},{\"id\":[]},{\"id\":\"79\",\"status\":\"DELIVERED\"}]",
                                                                             3, false, BH_PULLED_READ,    "-,-,DELIVERED", 0},
    {"no entry that can be read",    "[7,null,\"77\",{\"msg_id\":\"77\",\"status\":\"DELIVERED\"}]",
                                                                             3, false, BH_PULLED_NOT_SO,  "-,-,-", 0},
    {"no word that is known",        "[{\"id\":\"77\",\"status\":\"SEEN\"}]", 3, false, BH_PULLED_NOT_SO, "-,-,-", 0},
    {"a word that is a number",      "[{\"id\":\"77\",\"status\":1}]",       3, false, BH_PULLED_NOT_SO,  "-,-,-", 0},
    {"a call's word in a list",      "[{\"id\":\"77\",\"status\":\"completed\"},{\"id\":\"78\",\"status\":\"DELIVERED\"}]",
                                                                             3, false, BH_PULLED_READ,    "-,DELIVERED,-", 0},
    {"cut off",                      "[{\"id\":\"77\",\"status\":\"DELIVERED\"}",   3, false, BH_PULLED_NOT_SO, "-,-,-", 0},
    {"a text of a list",             "\"[]\"",                               3, false, BH_PULLED_NOT_SO,  "-,-,-", 0},
};
/* clang-format on */

Test(gateway_status, reads_each_form_of_an_answer_and_nothing_else)
{
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        const struct row *row = &rows[i];
        struct bh_pulled_message messages[3];
        three(messages);
        const struct bh_status_asked asked = {messages, row->count, row->is_signed, berlin};
        const struct bh_exchange exchange = answered(200, row->body);
        int code = -1;
        enum bh_pulled got = bh_gateway_status_read(&exchange, &asked, &code);
        cr_expect_eq(got, row->wanted, "%s: %s", row->name, bh_pulled_name(got));
        cr_expect_eq(code, row->code, "%s: code %d", row->name, code);
        cr_expect_str_eq(shown(messages, row->count), row->learnt, "%s", row->name);
    }
}

Test(gateway_status, goes_by_the_status_where_no_body_decides)
{
    static const struct {
        int status;
        enum bh_pulled wanted;
    } statuses[] = {
        {0,   BH_PULLED_NOTHING},
        {302, BH_PULLED_NOTHING},
        {400, BH_PULLED_NOTHING},
        {401, BH_PULLED_REFUSED},
        {403, BH_PULLED_REFUSED},
        {404, BH_PULLED_NOT_SO },
        {405, BH_PULLED_NOT_SO },
        {410, BH_PULLED_NOT_SO },
        {429, BH_PULLED_NOTHING},
        {500, BH_PULLED_NOTHING},
        {501, BH_PULLED_NOT_SO },
        {503, BH_PULLED_NOTHING},
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(statuses); i++) {
        struct bh_pulled_message messages[3];
        three(messages);
        const struct bh_status_asked asked = {messages, 1, false, berlin};
        const struct bh_exchange exchange = answered(statuses[i].status, "DELIVERED\n" T_);
        int code = -1;
        enum bh_pulled got = bh_gateway_status_read(&exchange, &asked, &code);
        cr_expect_eq(got, statuses[i].wanted, "%d: %s", statuses[i].status, bh_pulled_name(got));
        cr_expect_eq(code, 0);
        cr_expect_str_eq(shown(messages, 1), "-", "%d", statuses[i].status);
    }
}

Test(gateway_status, learns_nothing_from_half_an_answer)
{
    struct bh_pulled_message messages[3];
    struct bh_exchange exchange = answered(200, "DELIVERED\n" T_);
    int code;
    three(messages);
    const struct bh_status_asked asked = {messages, 1, false, berlin};
    exchange.body_complete = false;
    cr_expect_eq(bh_gateway_status_read(&exchange, &asked, &code), BH_PULLED_NOTHING);
    exchange.body_complete = true;
    exchange.headers_complete = false;
    cr_expect_eq(bh_gateway_status_read(&exchange, &asked, &code), BH_PULLED_NOTHING);
    cr_expect_str_eq(shown(messages, 1), "-");
}

Test(gateway_status, takes_no_lack_of_memory_for_an_answer)
{
    const struct bh_exchange exchange =
        answered(200, "[{\"id\":\"77\",\"status\":\"DELIVERED\",\"status_time\":\"" T_ "\"}]");
    enum bh_pulled got = BH_PULLED_NOTHING;
    int failures = 0;
    bh_use_scarce_memory();
    for (int nth = 0; nth < 1000 && got != BH_PULLED_READ; nth++) {
        struct bh_pulled_message messages[3];
        int code;
        three(messages);
        const struct bh_status_asked asked = {messages, 3, false, berlin};
        bh_allocations_left = nth;
        got = bh_gateway_status_read(&exchange, &asked, &code);
        cr_expect(got == BH_PULLED_READ || got == BH_PULLED_NOTHING, "allocation %d", nth);
        cr_expect_str_eq(shown(messages, 1), got == BH_PULLED_READ ? "DELIVERED" AT_ : "-");
        failures += got == BH_PULLED_READ ? 0 : 1;
    }
    bh_alloc_replace(NULL);
    cr_expect_eq(got, BH_PULLED_READ);
    cr_expect_gt(failures, 2);
}

/* ---- pages of the journal ---------------------------------------------------------------------------- */

struct page_row {
    const char *name;
    const char *body;
    bool calls;
    enum bh_pulled wanted;
    const char *learnt;
    unsigned entries;
    int64_t last_ms;
    int code;
};

#define TIME_ "\"timestamp\":\"" T_ "\""
#define DLR_  "\"dlr_timestamp\":\"" T_ "\""

/* clang-format off */
static const struct page_row page_rows[] = {
    {"an SMS",            "[{\"id\":\"77\",\"dlr\":\"DELIVERED\"," DLR_ "," TIME_ "}]",    false, BH_PULLED_READ,    "DELIVERED" AT_ ",-,-", 1, AT_MS, 0},
    {"a number",          "[{\"id\":79,\"dlr\":\"failed\"}]",                              false, BH_PULLED_READ,    "-,-,FAILED", 1, 0, 0},
    {"none yet",          "[{\"id\":\"77\",\"dlr\":null,\"dlr_timestamp\":null," TIME_ "}]", false, BH_PULLED_READ,  "-,-,-", 1, AT_MS, 0},
    {"others' messages",  "[{\"id\":\"1\",\"dlr\":\"DELIVERED\"},{\"id\":\"2\",\"dlr\":\"FAILED\"," TIME_ "}]",
                                                                                           false, BH_PULLED_READ,    "-,-,-", 2, AT_MS, 0},
    {"an unknown word",   "[{\"id\":\"77\",\"dlr\":\"SEEN\"},{\"id\":\"78\",\"dlr\":\"EXPIRED\"}]", false, BH_PULLED_READ, "-,EXPIRED,-", 2, 0, 0},
    {"a call's word",     "[{\"id\":\"77\",\"dlr\":\"completed\"}]",                       false, BH_PULLED_READ,    "-,-,-", 1, 0, 0},
    {"said twice",        "[{\"id\":\"77\",\"dlr\":\"DELIVERED\"},{\"id\":\"77\",\"dlr\":\"FAILED\"}]", false, BH_PULLED_READ, "DELIVERED,-,-", 2, 0, 0},
    {"no entries",        "[]",                                                            false, BH_PULLED_READ,    "-,-,-", 0, 0, 0},
    {"no objects",        "[7,null,\"77\"]",                                               false, BH_PULLED_READ,    "-,-,-", 3, 0, 0},
    {"a call",            "[{\"id\":\"78\",\"status\":\"completed\",\"duration\":\"8\"," TIME_ "}]", true, BH_PULLED_READ, "-,completed@1795165211123+8s,-", 1, AT_MS, 0},
    {"a call in vain",    "[{\"id\":\"78\",\"status\":\"no-answer\",\"duration\":\"0\"," TIME_ "}]", true, BH_PULLED_READ, "-,no-answer@1795165203123+0s,-", 1, AT_MS, 0},
    {"a call without duration", "[{\"id\":\"78\",\"status\":\"failed\",\"duration\":null," TIME_ "}]", true, BH_PULLED_READ, "-,failed,-", 1, AT_MS, 0},
    {"a call too long",   "[{\"id\":\"78\",\"status\":\"completed\",\"duration\":\"99999999999\"," TIME_ "}]", true, BH_PULLED_READ, "-,completed,-", 1, AT_MS, 0},
    {"a call that lasts less than no time", "[{\"id\":\"78\",\"status\":\"completed\",\"duration\":\"-1\"}]", true, BH_PULLED_READ, "-,completed,-", 1, 0, 0},
    {"a call that has not begun", "[{\"id\":\"78\",\"status\":\"\"}]",                     true,  BH_PULLED_READ,    "-,-,-", 1, 0, 0},
    {"an SMS among calls", "[{\"id\":\"78\",\"dlr\":\"DELIVERED\"}]",                      true,  BH_PULLED_READ,    "-,-,-", 1, 0, 0},
    {"no right",          "902",                                                           false, BH_PULLED_REFUSED, "-,-,-", 0, 0, 902},
    {"the key",           "{\"success\":\"900\"}",                                         true,  BH_PULLED_REFUSED, "-,-,-", 0, 0, 900},
    {"another code",      "600",                                                           true,  BH_PULLED_NOT_SO,  "-,-,-", 0, 0, 600},
    {"a page of a web server", "<html></html>",                                            false, BH_PULLED_NOTHING, "-,-,-", 0, 0, 0},
    {"nothing",           "",                                                              false, BH_PULLED_NOTHING, "-,-,-", 0, 0, 0},
    {"cut off",           "[{\"id\":\"77\",\"dlr\":\"DELIVERED\"}",                        false, BH_PULLED_NOTHING, "-,-,-", 0, 0, 0},
};
/* clang-format on */

Test(gateway_status, reads_what_became_of_messages_from_a_page_of_the_journal)
{
    for (size_t i = 0; i < BH_ARRAY_LEN(page_rows); i++) {
        const struct page_row *row = &page_rows[i];
        struct bh_pulled_message messages[3];
        struct bh_journal_page page;
        three(messages);
        const struct bh_exchange exchange = answered(200, row->body);
        enum bh_pulled got =
            bh_gateway_journal_pull(&exchange, berlin, row->calls, messages, 3, &page);
        cr_expect_eq(got, row->wanted, "%s: %s", row->name, bh_pulled_name(got));
        cr_expect_str_eq(shown(messages, 3), row->learnt, "%s", row->name);
        cr_expect_eq(page.entries, row->entries, "%s: %u entries", row->name, page.entries);
        cr_expect_eq(page.last_at.ms, row->last_ms, "%s", row->name);
        cr_expect_eq(page.code, row->code, "%s: code %d", row->name, page.code);
    }
}

Test(gateway_status, tells_a_journal_that_is_not_there_from_one_that_does_not_answer)
{
    static const struct {
        int status;
        enum bh_pulled wanted;
    } statuses[] = {
        {0,   BH_PULLED_NOTHING},
        {401, BH_PULLED_REFUSED},
        {403, BH_PULLED_REFUSED},
        {404, BH_PULLED_NOT_SO },
        {410, BH_PULLED_NOT_SO },
        {500, BH_PULLED_NOTHING},
        {503, BH_PULLED_NOTHING},
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(statuses); i++) {
        struct bh_pulled_message messages[3];
        struct bh_journal_page page;
        three(messages);
        const struct bh_exchange exchange = answered(statuses[i].status, "[]");
        enum bh_pulled got = bh_gateway_journal_pull(&exchange, berlin, false, messages, 3, &page);
        cr_expect_eq(got, statuses[i].wanted, "%d: %s", statuses[i].status, bh_pulled_name(got));
    }
}
