/* What an operator counts, copies and asks about: shape, retries, export, estimate, and a job's whole history. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli_jobs.h"
#include "core/base.h"
#include "core/codec.h"
#include "core/json.h"
#include "core/str.h"

TestSuite(shape, .init = cli_jobs_set_up, .fini = cli_jobs_tear_down);

/* clang-format off */

Test(shape, counts_by_age_and_cause)
{
    static const struct cli_row rows[] = {
        {"by what", {"shape", "--by", "colour"}, NULL, 2, {NULL}, {"queue, country, from, label or reason"}},
        {"by queue", {"shape"}, NULL, 0,
         {"queue, minutes  T  5  10  20  40  80  160  320  640  1280  1280+  ?\n",
          "TOTAL           7  4   -   -   -   1    1    -    -     -      -  1\n",
          "sms             6  3   -   -   -   1    1    -    -     -      -  1\n",
          "voice           1  1   -   -   -   -    -    -    -     -      -  -\n"},
         {"their time has not come: 1"}},
        {"by country", {"shape", "--by", "country", "--queue", "sms"}, NULL, 0,
         {"TOTAL             6 ", "49                4  3", "43                2  -"}, {"not come: 1"}},
        {"by sender", {"shape", "--by", "from", "--queue", "sms"}, NULL, 0, {"Shop           5 ", "me             1 "}, {"not come: 1"}},
        {"by label", {"shape", "--by", "label", "--queue", "sms"}, NULL, 0, {"(no label)      4 ", "news            2 "}, {"not come: 1"}},
        {"by reason", {"shape", "--by", "reason", "state!=ready,scheduled"}, NULL, 0, {"credit           1 ", "uncertain        1 "}, {NULL}},
        {"those who are chosen", {"shape", "state=retrying", "code=600"}, NULL, 0, {"TOTAL           1  -   -   -   -   1 "}, {NULL}},
        {"the dead too, if asked for", {"shape", "state=dead"}, NULL, 0, {"TOTAL           3 "}, {NULL}},
        {"for machines", {"shape", "--json", "--by", "country", "queue=voice"}, NULL, 0,
         {"{\"by\":\"country\",\"all\":true,\"jobs\":1,\"ages\":[{\"under_ms\":300000,\"jobs\":1},", "\"country\":\"49\"",
          "{\"under_ms\":76800000,\"jobs\":0},{\"jobs\":0}],\"age_unknown\":0}"}, {NULL}},
        {"none", {"shape", "code=1"}, NULL, 3, {"TOTAL"}, {NULL}},
    };
    cli_jobs_put_usual();
    cli_jobs_check(rows, BH_ARRAY_LEN(rows));
}

Test(shape, is_bounded_and_clean)
{
    static const struct cli_row rows[] = {
        {"too many senders share a row", {"shape", "--by", "from"}, NULL, 0, {"TOTAL          250  ", "(others)        50  "}, {NULL}},
        {"hostile names", {"shape", "--by", "label"}, NULL, 0, {"?[2J?evil?        1    1 "}, {NULL}},
        {"for machines", {"shape", "--by", "from", "--json"}, NULL, 0, {"\"others\":true,\"jobs\":50"}, {NULL}},
    };
    for (int i = 0; i < 249; i++) {
        char from[16];
        snprintf(from, sizeof(from), "s%d", i);
        cli_jobs_put(&(struct cli_job){.id = "x", .place = "due", .waiting = 'r', .from = from});
    }
    cli_jobs_put(&(struct cli_job){.id = "y", .place = "due", .waiting = 'r', .state = "retrying",
                                  .label = "\033[2J\nevil\302\205", .from = "s250"});
    cli_jobs_check(rows, BH_ARRAY_LEN(rows));
}

Test(shape, retries_are_counted_by_time_and_number)
{
    static const struct cli_row rows[] = {
        {"all", {"retries"}, NULL, 0,
         {"NEXT TRY       T  1st  2nd  3rd  4th  5th  to 10  to 20  beyond\n",
          "TOTAL          6    -    3    1    1    -      -      1       -\n",
          "now            1    -    -    -    -    -      -      1       -\n",
          "within 15 min  4    -    3    -    1    -      -      -       -\n",
          "when released  1    -    -    1    -    -      -      -       -\n"}, {NULL}},
        {"some", {"retries", "state=held", "reason=credit"}, NULL, 0, {"TOTAL          1    -    1  "}, {NULL}},
        {"none", {"retries", "state=ready"}, NULL, 3, {"TOTAL          -"}, {NULL}},
        {"for machines", {"retries", "--json", "queue=voice"}, NULL, 0,
         {"{\"all\":true,\"jobs\":1,\"tries\":[{\"up_to\":1,\"jobs\":0},{\"up_to\":2,\"jobs\":1}",
          "{\"within_ms\":900000,\"jobs\":1,", "{\"when\":\"later\",\"jobs\":0,", "{\"when\":\"released\",\"jobs\":0,"}, {NULL}},
    };
    cli_jobs_put_usual();
    cli_jobs_put(&(struct cli_job){.id = "late", .place = "ready", .waiting = 'r', .attempts = 11});
    cli_jobs_put(&(struct cli_job){.id = "kept", .place = "due", .waiting = 'h', .reason = "operator", .attempts = 2,
                                  .in_ms = 9000000000000});
    cli_jobs_check(rows, BH_ARRAY_LEN(rows));
}

/* ---- export ---- */

Test(shape, export_has_all_of_a_job)
{
    static const struct cli_row rows[] = {
        {"one", {"export", "retry-1"}, NULL, 0,
         {"{\"queue\":\"sms\",\"id\":\"retry-1\",\"state\":\"retrying\",\"attempts\":3,", "\"status\":{\"queue\":\"sms\",\"id\":\"retry-1\"",
          "\"payload\":\"{\\\"to\\\":\\\"491701234567\\\",\\\"text\\\":\\\"hello\\\",\\\"from\\\":\\\"Shop\\\"}\"}\n", "\"code\":600"}, {NULL}},
        {"one that has ended", {"export", "sent-1"}, NULL, 0, {"\"state\":\"sent\"", "\"status\":{"}, {NULL}},
        {"none", {"export", "state=sent"}, NULL, 3, {NULL}, {"by their ids only"}},
        {"no more than asked for", {"export", "--limit", "2", "state=dead"}, NULL, 0, {"dead-2"}, {"there are more"}},
    };
    cli_jobs_put_usual();
    cli_jobs_check(rows, BH_ARRAY_LEN(rows));
    struct run_result result;
    cli_run((const char *const[]){"export", NULL}, NULL, &result);
    cr_expect_eq(cli_jobs_count_json("export", result.out), 11, "%s", result.out);
    cr_expect_null(strstr(result.out, "handle"), "that is nobody's business");
    run_release(&result);
}

/* clang-format on */

/* The bytes as they were pushed come back, whatever they are. */
Test(shape, export_keeps_payloads_byte_for_byte)
{
    static const struct {
        const char *bytes;
        size_t len;
        bool text;
    } rows[] = {
        {"not json",                                         8,  true },
        {"",                                                 0,  true },
        {"a\0b",                                             3,  true },
        {"\x01\x1B[2J\r\n\t\"\\/",                           11, true },
        {"\xC3\xA4\xE2\x82\xAC\xF0\x9F\x91\x8D\xE2\x80\xA8", 12, true },
        {"\xFF\xFE\x00 not text",                            12, false},
        {"\xC3",                                             1,  false},
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct run_result result;
        struct bh_json *json;
        struct bh_str text = {"", 0};
        TELL("DEL bellhop:{sms}");
        TELL("LPUSH bellhop:{sms} %b", rows[i].bytes, rows[i].len);
        cli_run((const char *const[]){"export", "--queue", "sms", NULL}, NULL, &result);
        cr_assert_eq(result.exit_status, 0, "row %zu: %s", i, result.err);
        /* An escaped NUL is the one thing that our own reader refuses. */
        if (memchr(rows[i].bytes, '\0', rows[i].len) != NULL && rows[i].text) {
            cr_expect_not_null(strstr(result.out, "\"payload\":\"a\\u0000b\""), "%s", result.out);
            run_release(&result);
            continue;
        }
        cr_assert_eq(bh_json_parse(bh_str_from(result.out), 65536, BH_JSON_STRICT, &json, NULL),
                     BH_OK, "row %zu: %s", i, result.out);
        const struct bh_json_value *root = bh_json_root(json);
        if (rows[i].text) {
            cr_expect(bh_json_string(bh_json_get(root, "payload"), &text), "row %zu", i);
            cr_expect(bh_str_equal(text, (struct bh_str){rows[i].bytes, rows[i].len}),
                      "row %zu: %s", i, result.out);
        } else {
            struct bh_buf wanted;
            bh_buf_init(&wanted, 256);
            cr_expect_eq(bh_base64_append(&wanted, rows[i].bytes, rows[i].len), BH_OK);
            cr_expect(bh_json_string(bh_json_get(root, "payload_base64"), &text), "row %zu", i);
            cr_expect(bh_str_equal(text, bh_buf_str(&wanted)), "row %zu: %s", i, result.out);
            bh_buf_release(&wanted);
        }
        bh_json_free(json);
        run_release(&result);
    }
}

/* ---- estimate ---- */

/* clang-format off */

Test(shape, estimate_tells_what_makes_a_text_dear)
{
    static const struct cli_row rows[] = {
        {"plain", {"estimate", "--text", "See you at 8"}, NULL, 0,
         {"encoding    GSM 03.38\ncharacters  12, at most 1520\nlength      12 septets, 160 in a part\nparts       1\n"}, {NULL}},
        {"the extension table", {"estimate", "--text", "5 \xE2\x82\xAC {a}"}, NULL, 0, {"10 septets", "GSM 03.38"}, {NULL}},
        {"one character", {"estimate", "--text", "Don\xE2\x80\x99t"}, NULL, 0,
         {"UCS-2, because of 1 character\n", "outside GSM \xE2\x80\x99  U+2019 at character 4 (line 1, column 4): write ' instead\n"}, {NULL}},
        {"on another line", {"estimate"}, "ab\nc\xC5\x82" "d\n", 0, {"U+0142 at character 5 (line 2, column 2)\n", "characters  6,"}, {NULL}},
        {"an emoji is two units", {"estimate", "--text", "\xF0\x9F\x91\x8D"}, NULL, 0, {"2 UTF-16 units", "U+1F44D at character 1"}, {NULL}},
        {"what must not reach a terminal", {"estimate", "--text", "a\033[2J\007"}, NULL, 0, {"?  U+001B at character 2", "?  U+0007"}, {NULL}},
        {"what it would be without", {"estimate", "--text", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\xE2\x80\xA6", "--price", "0.075"},
         NULL, 0, {"parts       2; 1 in GSM 03.38\n", "price       0.15; 0.075 in GSM 03.38\n"}, {NULL}},
        {"for many", {"estimate", "--text", "x", "--price", "0.075", "--recipients", "1200"}, NULL, 0, {"price       90 for 1200 recipients\n"}, {NULL}},
        {"as asked for", {"estimate", "--text", "x", "--unicode"}, NULL, 0, {"UCS-2, as asked for\n"}, {NULL}},
        {"binary", {"estimate", "--text", "41424344", "--udh", "050003CC0202"}, NULL, 0, {"binary", "4 octets"}, {NULL}},
        {"nothing", {"estimate"}, "", 0, {"parts       0\n"}, {NULL}},
        {"for machines", {"estimate", "--json", "--price", "0.1"}, "\xC5\x82\n", 0,
         {"{\"encoding\":\"ucs2\",\"characters\":1,\"units\":1,", "\"price\":0.1,", "\"foreign\":[{\"character\":\"\xC5\x82\",\"code\":\"U+0142\",\"place\":1,"}, {NULL}},
        {"no header", {"estimate", "--text", "x", "--udh", "zz"}, NULL, 1, {NULL}, {"udh"}},
        {"no text", {"estimate"}, "\xFF", 1, {NULL}, {"UTF-8"}},
        {"a price that is none", {"estimate", "--text", "x", "--price", "-1"}, NULL, 2, {NULL}, {"--price"}},
        {"a price in words", {"estimate", "--text", "x", "--price", "cheap"}, NULL, 2, {NULL}, {"--price"}},
        {"nobody", {"estimate", "--text", "x", "--recipients", "0"}, NULL, 2, {NULL}, {"--recipients"}},
        {"the text as operand", {"estimate", "hello"}, NULL, 2, {NULL}, {"--text"}},
    };
    cli_jobs_check(rows, BH_ARRAY_LEN(rows));
    char *text = malloc(70001);
    memset(text, 'x', 70000);
    text[70000] = '\0';
    const struct cli_row long_rows[] = {
        {"longer than a job may be", {"estimate"}, text, 1, {NULL}, {"too long"}},
        {"longer than an SMS may be", {"estimate"}, text + 70000 - 1521, 1, {"characters  1521", "parts       10"}, {"at most 1520"}},
        {"as long as it may be", {"estimate"}, text + 70000 - 1520, 0, {"parts       10"}, {NULL}},
    };
    cli_jobs_check(long_rows, BH_ARRAY_LEN(long_rows));
    free(text);
}

/* ---- show ---- */

Test(shape, show_tells_the_whole_history)
{
    static const struct cli_row rows[] = {
        {"in somebody's hands", {"show", "lease-1"}, NULL, 0, {"where             in the hands of mail1/0#77, lease ends "}, {NULL}},
        {"in the dead set", {"show", "dead-1"}, NULL, 0, {"where             in the dead set since "}, {NULL}},
        {"ended", {"show", "sent-1"}, NULL, 0, {"state             sent"}, {NULL}},
        {"pushed only", {"show", "raw-1"}, NULL, 0,
         {"raw-1 in queue sms\n  state             pushed, and not yet claimed by a worker\n  to                436641234567\n"}, {NULL}},
        {"pushed only, for machines", {"show", "--json", "raw-1"}, NULL, 0,
         {"{\"queue\":\"sms\",\"id\":\"raw-1\",\"state\":\"ready\",\"type\":\"sms\",\"to\":\"436641234567\",\"place\":\"pushed\"}\n"}, {NULL}},
        {"not even pushed", {"show", "raw-2"}, NULL, 3, {NULL}, {"raw-2 is not known"}},
        {"its evidence", {"show", "lost"}, NULL, 0,
         {"waiting for its time\n", "evidence          may have been sent since ",
          "                  workers ended over it, or lost it, 1 times in a row\n", "first request without an answer 2023-11-14 22:13:20",
          "the journal did not know it 2023-11-14 22:15:00", "repetitions inside the reload lock: 2"}, {NULL}},
        {"its recipients", {"show", "several"}, NULL, 0, {"recipients accepted: 1\n", "recipients still to be sent to: 1\n"}, {NULL}},
        {"a memo that nobody can read", {"show", "odd"}, NULL, 0, {"where             waiting"}, {NULL}},
        {"a record that nobody can read", {"show", "bad"}, NULL, 0, {"record            cannot be read\n"}, {NULL}},
        {"tried apart", {"show", "killer"}, NULL, 0, {"apart from the others", "2 times in a row"}, {NULL}},
        {"cancelled", {"show", "held-1"}, NULL, 0, {"cancelled: it ends when a worker next takes it"}, {NULL}},
        {"events", {"show", "retry-1"}, NULL, 0,
         {"history           2023-11-14 22:13:20  scheduled\n                    2023-11-14 22:13:21  retrying, attempt 1, code 600\n",
          "from outside      2023-11-14 22:13:22  hold by ?[31mme@here: retrying -> held\n"}, {NULL}},
        {"the status only", {"show", "--brief", "--json", "sent-1"}, NULL, 0, {"\"id\":\"sent-1\""}, {NULL}},
        {"for machines", {"show", "--json", "lost", "retry-1", "lease-1", "several"}, NULL, 0,
         {"\"place\":\"waiting\",\"evidence\":{\"uncertain_since\":", "\"first_lost_at\":1700000000000,", "\"owner\":\"mail1/0#77\",\"lease_until\":",
          "\"history\":[{\"at\":1700000000000,\"state\":\"scheduled\",\"attempts\":0,\"code\":0},",
          "\"audit\":[{\"at\":1700000002000,\"who\":\"\\u001b[31mme@here\",\"what\":\"hold\",\"before\":\"retrying\",\"after\":\"held\"}]",
          "\"accepted\":1"}, {NULL}},
    };
    cli_jobs_put_usual();
    cli_jobs_put(&(struct cli_job){.id = "lost", .place = "due", .waiting = 'u', .reason = "uncertain", .attempts = 1, .in_ms = 60000,
        .state = "retrying", .uncertain_ms_ago = 60000, .recoveries = 1, .memo = "f=1700000000 n=1700000100 g=2\n"});
    cli_jobs_put(&(struct cli_job){.id = "several", .place = "due", .waiting = 'r', .state = "retrying",
        .memo = "r=1\n0 a 100 1 75000 77 491701234567\n", .payload = "{\"to\":\"491701234567,491701234568\",\"text\":\"x\"}"});
    cli_jobs_put(&(struct cli_job){.id = "odd", .place = "due", .waiting = 'r', .state = "retrying", .memo = "r=one\n"});
    int bad = cli_jobs_put(&(struct cli_job){.id = "bad", .place = "due", .waiting = 'r', .state = "retrying"});
    TELL("HSET bellhop:{sms}:heads %d %s", bad, "7 tomorrow");
    cli_jobs_put(&(struct cli_job){.id = "killer", .place = "suspects", .waiting = 'r', .state = "retrying", .recoveries = 2});
    TELL("SET bellhop:{sms}:cancel:held-1 1");
    TELL("XADD bellhop:{sms}:events * id retry-1 state scheduled reason %s code 0 attempts 0 at 1700000000000", "");
    TELL("XADD bellhop:{sms}:events * id other-1 state failed reason %s code 0 attempts 0 at 1700000000500", "");
    for (int i = 0; i < 1200; i++)
        redisAppendCommand(stage.redis, "XADD bellhop:{sms}:events * id other-%d state sent at 1", i);
    for (int i = 0; i < 1200; i++) {
        redisReply *reply;
        cr_assert_eq(redisGetReply(stage.redis, (void **)&reply), REDIS_OK);
        freeReplyObject(reply);
    }
    TELL("XADD bellhop:{sms}:events * id retry-1 state retrying reason %s code 600 attempts 1 at 1700000001000", "");
    TELL("XADD bellhop:{sms}:audit * who %s what hold id retry-1 before retrying after held at 1700000002000", "\033[31mme@here");
    TELL("XADD bellhop:{sms}:audit * odd entry");
    cli_jobs_check(rows, BH_ARRAY_LEN(rows));
}

/* clang-format on */
