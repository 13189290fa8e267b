/*
 * Every row of the gateway's SMS page through the whole: producer, Redis, bellhopd, gateway, status hash.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "daemon_rows.h"

/* Bytes that are no JSON have no id and so no status: see test_daemon_life.c. */

#define ROWS(rows) (rows), sizeof(rows) / sizeof((rows)[0])

#define A10    "abcdefghij"
#define A100   A10 A10 A10 A10 A10 A10 A10 A10 A10 A10
#define A500   A100 A100 A100 A100 A100
#define A1520  A500 A500 A500 A10 A10
#define UE10   "\u00fc\u00fc\u00fc\u00fc\u00fc\u00fc\u00fc\u00fc\u00fc\u00fc"
#define CJK10  "\u4e2d\u4e2d\u4e2d\u4e2d\u4e2d\u4e2d\u4e2d\u4e2d\u4e2d\u4e2d"
#define CJK100 CJK10 CJK10 CJK10 CJK10 CJK10 CJK10 CJK10 CJK10 CJK10 CJK10
#define TO(n)  "\"to\":\"4917199990" n "\""

static const char address_book[] = "[contacts]\nAlice = 491700000001\nBob B = 491700000004\n"
                                   "[groups]\nTeam = 491700000002,491700000003\n";

/* clang-format off */

static const struct daemon_row to_rows[] = {
    {"00 and country code",
     "\"to\":\"0049171999999999\",\"text\":\"to 1\"", "sent",
     {"to=49171999999999", "text=to 1", "json=1", "!debug", "!delay", "!from", "!label",
      "!no_reload", "!details", "!p", "ttl=2880"},
     {"\"to\":\"49171999999999\"", "\"text\":\"to 1\"", "\"from\":\"SMS\"", "\"parts\":1",
      "\"price\":0.075"},
     {"type=sms", "to=49171999999999", "code=100", "attempts=1", "parts=1", "encoding=gsm",
      "price=0.075", "confirmed_by=response", "!error", "!reason", "!next_at", "http_status=200"}},
    {"plus and country code",
     "\"to\":\"+49171999999998\",\"text\":\"to 2\"", "sent",
     {"to=49171999999998"},
     {"\"to\":\"49171999999998\""},
     {"to=49171999999998"}},
    {"country code",
     "\"to\":\"49171999999997\",\"text\":\"to 3\"", "sent",
     {"to=49171999999997"},
     {"\"to\":\"49171999999997\""},
     {"to=49171999999997"}},
    {"national",
     "\"to\":\"0171 999 999 96\",\"text\":\"to 4\"", "sent",
     {"to=4917199999996"},
     {"\"to\":\"4917199999996\""},
     {"attempts=1"}},
    {"a contact",
     "\"to\":\"Alice\",\"text\":\"to 5\"", "sent",
     {"to=Alice"},
     {"\"to\":\"491700000001\""},
     {"to=Alice"}},
    {"a contact with a blank",
     "\"to\":\"Bob B\",\"text\":\"to 6\"", "sent",
     {"to=Bob B"},
     {"\"to\":\"491700000004\""},
     {"to=Bob B"}},
    {"a group",
     "\"to\":\"Team\",\"text\":\"to 7\"", "sent",
     {"to=Team"},
     {"\"to\":\"491700000002\""},
     {"to=Team", "code=100"}},
    {"several with commas",
     "\"to\":\"0171999999001,+49171999999002\",\"text\":\"to 8\"", "sent",
     {"to=49171999999001,49171999999002"},
     {"\"to\":\"49171999999001\""},
     {"attempts=1", "price=0.15", "message_id~,", "recipients~49171999999001",
      "recipients~49171999999002"}},
    {"an array",
     "\"to\":[\"0171999999003\",49171999999004,\" +49171999999005 \"],\"text\":\"to 9\"", "sent",
     {"to=49171999999003,49171999999004,49171999999005"},
     {"\"to\":\"49171999999003\""},
     {"price=0.225", "recipients~49171999999005", "recipients~\"success\":true"}},
    {"numbers and a contact",
     "\"to\":\"0171999999006,Alice\",\"text\":\"to 10\"", "sent",
     {"to=49171999999006,Alice"},
     {"\"to\":\"49171999999006\""},
     {"code=100"}},
    {"one twice",
     "\"to\":\"0171999999007,+49171999999007\",\"text\":\"to 11\"", "invalid",
     {NULL},
     {NULL},
     {"error~to", "attempts=0"}},
    {"nobody", "\"to\":\"\",\"text\":\"to 12\"", "invalid", {NULL}, {NULL}, {"error~to"}},
    {"missing", "\"text\":\"to 13\"", "invalid", {NULL}, {NULL}, {"error~to"}},
    {"null", "\"to\":null,\"text\":\"to 14\"", "invalid", {NULL}, {NULL}, {"error~to"}},
    {"a hole in a list",
     "\"to\":\"0171999999008,,0171999999009\",\"text\":\"to 15\"", "invalid",
     {NULL},
     {NULL},
     {"error~to"}},
};

/* clang-format on */

Test(daemon_sms, takes_every_form_of_to)
{
    struct bh_rig rig;
    const struct bh_rig_options options = {.tap = true, .sim = address_book};
    bh_rig_start(&rig, &options);
    daemon_rows_run(&rig, "sms", "to", ROWS(to_rows));
    cr_expect_eq(bh_rig_sim_number(&rig, "stats", "doubled_count"), 0);
    bh_rig_stop(&rig);
}

/* clang-format off */

static const struct daemon_row text_rows[] = {
    {"umlauts",
     TO("01") ",\"text\":\"Gr\u00fc\u00dfe, \u00c4rger & \u00d6l\"",
     "sent", {"text=Gr\u00fc\u00dfe, \u00c4rger & \u00d6l"},
     {"Gr\\u00fc\\u00dfe", "\"encoding\":\"gsm\""},
     {"encoding=gsm", "parts=1"}},
    {"JSON escapes",
     TO("02") ",\"text\":\"a\\u00fc\\n\\\"b\\\" \\/ c\"",
     "sent", {"text=a\u00fc\n\"b\" / c"},
     {"a\\u00fc\\n\\\"b\\\""},
     {"parts=1"}},
    {"what a form must escape",
     TO("03") ",\"text\":\"1+1=2 & 50% ; #?\"",
     "sent", {"text=1+1=2 & 50% ; #?"},
     {"1+1=2 & 50% ; #?"},
     {"parts=1"}},
    {"an emoji",
     TO("04") ",\"text\":\"Hi \U0001F600\"",
     "sent", {"text=Hi \U0001F600"},
     {"\\ud83d\\ude00", "\"encoding\":\"ucs2\""},
     {"encoding=ucs2", "parts=1"}},
    {"an emoji by escapes",
     TO("05") ",\"text\":\"Hi \\ud83d\\ude01\"",
     "sent", {"text=Hi \U0001F601"},
     {"\\ud83d\\ude01"},
     {"encoding=ucs2"}},
    {"the euro sign",
     TO("06") ",\"text\":\"5 \u20ac\"",
     "sent", {"text=5 \u20ac"},
     {"\"encoding\":\"gsm\""},
     {"encoding=gsm"}},
    {"160 characters",
     TO("07") ",\"text\":\"" A100 A10 A10 A10 A10 A10 A10 "\"",
     "sent", {"text=" A100 A10 A10 A10 A10 A10 A10},
     {"\"parts\":1"},
     {"parts=1", "price=0.075"}},
    {"161 characters",
     TO("08") ",\"text\":\"" A100 A10 A10 A10 A10 A10 A10 "!\"",
     "sent", {"text=" A100 A10 A10 A10 A10 A10 A10 "!"},
     {"\"parts\":2"},
     {"parts=2", "price=0.15"}},
    {"100 Chinese characters",
     TO("09") ",\"text\":\"" CJK100 "\"",
     "sent", {"text=" CJK100},
     {"\"parts\":2", "\"encoding\":\"ucs2\""},
     {"parts=2", "encoding=ucs2"}},
    {"1520 characters",
     TO("10") ",\"text\":\"" A1520 "\"",
     "sent", {"text=" A1520},
     {"\"parts\":10"},
     {"parts=10", "price=0.75"}},
    {"1521 characters",
     TO("11") ",\"text\":\"" A1520 "!\"",
     "invalid", {NULL},
     {NULL},
     {"error~1520"}},
    {"no character", TO("12") ",\"text\":\"\"", "invalid", {NULL}, {NULL}, {"error~text"}},
    {"no text", TO("13"), "invalid", {NULL}, {NULL}, {"error~text"}},
    {"a number", TO("14") ",\"text\":5", "invalid", {NULL}, {NULL}, {"error~text"}},
};

/* clang-format on */

Test(daemon_sms, carries_every_text)
{
    struct bh_rig rig;
    const struct bh_rig_options options = {.tap = true};
    bh_rig_start(&rig, &options);
    daemon_rows_run(&rig, "sms", "text", ROWS(text_rows));
    bh_rig_stop(&rig);
}

/* clang-format off */

static const struct daemon_row option_rows[] = {
    {"from, 11 characters",
     TO("21") ",\"text\":\"o 1\",\"from\":\"Sender12345\"",
     "sent", {"from=Sender12345"},
     {"\"from\":\"Sender12345\""},
     {"code=100"}},
    {"from, 16 digits",
     TO("22") ",\"text\":\"o 2\",\"from\":\"4917111111111111\"",
     "sent", {"from=4917111111111111"},
     {"\"from\":\"4917111111111111\""},
     {"code=100"}},
    {"from, a number",
     TO("23") ",\"text\":\"o 3\",\"from\":491711111111",
     "sent", {"from=491711111111"},
     {"\"from\":\"491711111111\""},
     {"code=100"}},
    {"from, 12 characters",
     TO("24") ",\"text\":\"o 4\",\"from\":\"Sender123456\"",
     "invalid", {NULL},
     {NULL},
     {"error~from"}},
    {"from, 17 digits",
     TO("25") ",\"text\":\"o 5\",\"from\":\"49171111111111112\"",
     "invalid", {NULL},
     {NULL},
     {"error~from"}},
    {"delay far in the past, unix", TO("26") ",\"text\":\"o 6\",\"delay\":1141511104", "expired",
     {NULL}, {NULL}, {"attempts=0"}},
    {"delay far in the past, local", TO("27") ",\"text\":\"o 7\",\"delay\":\"2016-03-04 23:25:04\"", "expired",
     {NULL}, {NULL}, {"attempts=0"}},
    {"delay, no time of day",
     TO("28") ",\"text\":\"o 8\",\"delay\":\"2016-03-04\"",
     "invalid", {NULL},
     {NULL},
     {"error~delay"}},
    {"no_reload",
     TO("29") ",\"text\":\"o 9\",\"no_reload\":1",
     "sent", {"no_reload=1"},
     {"\"text\":\"o 9\""},
     {"code=100"}},
    {"unicode",
     TO("30") ",\"text\":\"o 10\",\"unicode\":true",
     "sent", {"unicode=1"},
     {"\"encoding\":\"ucs2\""},
     {"encoding=ucs2"}},
    {"flash",
     TO("31") ",\"text\":\"o 11\",\"flash\":\"1\"",
     "sent", {"flash=1"},
     {"\"flash\":true"},
     {"code=100"}},
    {"flags that are off",
     TO("32") ",\"text\":\"o "
              "12\",\"flash\":0,\"unicode\":false,\"utf8\":\"0\",\"no_reload\":false,\"debug\":0,"
              "\"performance_tracking\":0", "sent",
     {"!flash", "!unicode", "!utf8", "!no_reload", "!debug", "!performance_tracking",
      "to=491719999032"},
     {"\"flash\":false"},
     {"code=100"}},
    {"udh and hex",
     TO("33") ",\"text\":\"48616c6c6f\",\"udh\":\"050003CC0201\"",
     "sent", {"udh=050003CC0201", "text=48616c6c6f"},
     {"\"udh\":\"050003CC0201\"", "\"is_binary\":true"},
     {"parts=1"}},
    {"udh that is no hex",
     TO("34") ",\"text\":\"o 14\",\"udh\":\"050003CC02x1\"",
     "invalid", {NULL},
     {NULL},
     {"error~udh"}},
    {"utf8",
     TO("35") ",\"text\":\"o 15 \u00e4\",\"utf8\":1",
     "sent", {"utf8=1"},
     {"o 15 \\u00e4"},
     {"code=100"}},
    {"ttl",
     TO("36") ",\"text\":\"o 16\",\"ttl\":60",
     "sent", {"ttl=60"},
     {"\"text\":\"o 16\""},
     {"code=100"}},
    {"ttl as a text",
     TO("37") ",\"text\":\"o 17\",\"ttl\":\"1\"",
     "sent", {"ttl=1"},
     {"\"text\":\"o 17\""},
     {"code=100"}},
    {"ttl 0", TO("38") ",\"text\":\"o 18\",\"ttl\":0", "invalid", {NULL}, {NULL}, {"error~ttl"}},
    {"debug",
     TO("39") ",\"text\":\"o 19\",\"debug\":1",
     "sent", {"debug=1"},
     {NULL},
     {"code=100", "price=0", "!message_id", "attempts=1"}},
    {"details, return_msg_id, json",
     TO("40") ",\"text\":\"o 20\",\"details\":1,\"return_msg_id\":1,\"json\":0",
     "sent", {"json=1", "!details", "!return_msg_id"},
     {"\"text\":\"o 20\""},
     {"message_id~77", "code=100"}},
    {"label",
     TO("41") ",\"text\":\"o 21\",\"label\":\"Customer_1.a-b@c\"",
     "sent", {"label=Customer_1.a-b@c"},
     {"\"label\":\"Customer_1.a-b@c\""},
     {"label=Customer_1.a-b@c"}},
    {"label, 100 characters",
     TO("42") ",\"text\":\"o 22\",\"label\":\"" A100 "\"",
     "sent", {"label=" A100},
     {"\"label\":\"" A100 "\""},
     {"label=" A100}},
    {"label, 101 characters",
     TO("43") ",\"text\":\"o 23\",\"label\":\"" A100 "x\"",
     "invalid", {NULL},
     {NULL},
     {"error~label"}},
    {"label with a blank",
     TO("44") ",\"text\":\"o 24\",\"label\":\"a b\"",
     "invalid", {NULL},
     {NULL},
     {"error~label"}},
    {"performance_tracking",
     TO("45") ",\"text\":\"o 25 https://example.com/x\",\"performance_tracking\":1",
     "sent", {"performance_tracking=1"},
     {"o 25 https:"},
     {"code=100"}},
    {"foreign_id given",
     TO("46") ",\"text\":\"o 26\",\"foreign_id\":\"order-77\"",
     "sent", {"foreign_id=order-77"},
     {"\"foreign_id\":\"order-77\""},
     {"foreign_id=order-77"}},
    {"foreign_id filled",
     TO("47") ",\"text\":\"o 27\"",
     "sent", {"foreign_id=option-26"},
     {"\"foreign_id\":\"option-26\""},
     {"code=100"}},
    {"foreign_id, 65 characters",
     TO("48") ",\"text\":\"o 28\",\"foreign_id\":\"" A10 A10 A10 A10 A10 A10 "abcde\"",
     "invalid", {NULL},
     {NULL},
     {"error~foreign_id"}},
    {"a file",
     TO("49") ",\"text\":\"o 29 "
              "[[doc.pdf]]\",\"files\":[{\"name\":\"doc.pdf\",\"contents\":\"aGFsbG8=\","
              "\"validity\":3,\"password\":\"pass 1\"}]", "sent",
     {"files[0][name]=doc.pdf", "files[0][contents]=aGFsbG8=", "files[0][validity]=3",
      "files[0][password]=pass 1", "text=o 29 [[doc.pdf]]", "!files[1][name]"},
     {"https:"},
     {"code=100"}},
    {"two files",
     TO("50") ",\"text\":\"o 30 [[a.txt]] "
              "[[b.txt]]\",\"files\":[{\"name\":\"a.txt\",\"contents\":\"YQ==\"},{\"name\":\"b."
              "txt\",\"contents\":\"Yg==\"}]", "sent",
     {"files[0][name]=a.txt", "files[1][name]=b.txt",
      "files[1][contents]=Yg==", "!files[0][validity]", "!files[0][password]", "to=491719999050"},
     {"https:"},
     {"code=100"}},
    {"a file without its place",
     TO("51") ",\"text\":\"o 31\",\"files\":[{\"name\":\"a.txt\",\"contents\":\"YQ==\"}]",
     "invalid", {NULL},
     {NULL},
     {"error~a.txt"}},
    {"a place without its file",
     TO("52") ",\"text\":\"o 32 [[a.txt]] "
              "[[b.txt]]\",\"files\":[{\"name\":\"a.txt\",\"contents\":\"YQ==\"}]", "invalid",
     {NULL},
     {NULL},
     {"error~b.txt"}},
    {"contents not base64",
     TO("53") ",\"text\":\"o 33 [[a.txt]]\",\"files\":[{\"name\":\"a.txt\",\"contents\":\"Y*==\"}]",
     "invalid", {NULL},
     {NULL},
     {"error~base64"}},
    {"meta",
     TO("54") ",\"text\":\"o 34\",\"meta\":{\"order\": 5, \"deep\":[1]}",
     "sent", {"!meta", "foreign_id=option-33"},
     {"\"text\":\"o 34\""},
     {"meta={\"order\": 5, \"deep\":[1]}"}},
    {"a misspelt field",
     TO("55") ",\"text\":\"o 35\",\"tll\":5",
     "invalid", {NULL},
     {NULL},
     {"error~did you mean `ttl`"}},
    {"a field of voice jobs",
     TO("56") ",\"text\":\"o 36\",\"xml\":1",
     "invalid", {NULL},
     {NULL},
     {"error~voice"}},
    {"callback_url, and the queue allows none",
     TO("99") ",\"text\":\"o c\",\"callback_url\":\"https://shop.example/done\"",
     "invalid", {NULL},
     {NULL},
     {"error~allows no callbacks"}},
};

/* clang-format on */

Test(daemon_sms, passes_every_option_on)
{
    struct bh_rig rig;
    const struct bh_rig_options options = {.tap = true,
                                           .sim = "[gateway]\nlimit_parameters = yes\n"};
    bh_rig_start(&rig, &options);
    daemon_rows_run(&rig, "sms", "option", ROWS(option_rows));
    bh_rig_stop(&rig);
}

Test(daemon_sms, sends_the_minutes_that_are_left)
{
    struct bh_rig rig;
    const struct bh_rig_options options = {.tap = true};
    bh_rig_start(&rig, &options);
    long long ago_ms = bh_unix_ms() - 10 * 60000 - 30000;
    bh_rig_push(
        &rig, "sms",
        bh_rig_text(&rig,
                    "{\"id\":\"ms\"," TO("61") ",\"text\":\"t\",\"ttl\":60,\"enqueued_at\":%lld}",
                    ago_ms));
    bh_rig_push(
        &rig, "sms",
        bh_rig_text(
            &rig, "{\"id\":\"s\"," TO("62") ",\"text\":\"t\",\"ttl\":60,\"enqueued_at\":\"%lld\"}",
            ago_ms / 1000));
    bh_rig_push(
        &rig, "sms",
        bh_rig_text(&rig,
                    "{\"id\":\"over\"," TO("63") ",\"text\":\"t\",\"ttl\":10,\"enqueued_at\":%lld}",
                    ago_ms));
    bh_rig_push(
        &rig, "sms",
        bh_rig_text(&rig,
                    "{\"id\":\"delay\"," TO("64") ",\"text\":\"t\",\"ttl\":60,\"delay\":%lld}",
                    ago_ms / 1000));
    bh_rig_wait_state(&rig, "sms", "ms", "sent");
    bh_rig_wait_state(&rig, "sms", "s", "sent");
    bh_rig_wait_state(&rig, "sms", "delay", "sent");
    bh_rig_wait_state(&rig, "sms", "over", "expired");
    /* 49 minutes and nearly 30 seconds are left, rounded up. */
    cr_expect_not_null(bh_tap_find(rig.tap, "ttl", "50", 0), "milliseconds");
    cr_expect_eq(bh_tap_count(rig.tap, "ttl", "50"), 3,
                 "seconds as text, and a delay that is over");
    cr_expect_eq(bh_rig_accepted(&rig, "over"), 0);
    daemon_check_status(&rig, "sms", "over", "over", "attempts=0");
    bh_rig_stop(&rig);
}

Test(daemon_sms, makes_an_id_up_where_none_is_given)
{
    struct bh_rig rig;
    const struct bh_rig_options options = {.tap = true};
    bh_rig_start(&rig, &options);
    bh_rig_push(&rig, "sms", "{" TO("71") ",\"text\":\"no id\"}");
    BH_RIG_UNTIL(&rig, bh_tap_count(rig.tap, "text", "no id") == 1);
    char *id = bh_tap_form(bh_tap_find(rig.tap, "text", "no id", 0), "foreign_id", NULL);
    cr_assert_not_null(id);
    cr_expect_eq(strlen(id), 36, "a UUID: %s", id);
    cr_expect_eq(id[14], '7', "of version 7: %s", id);
    bh_rig_wait_state(&rig, "sms", id, "sent");
    free(id);
    bh_rig_stop(&rig);
}

Test(daemon_sms, asks_as_the_gateway_wants_to_be_asked)
{
    struct bh_rig rig;
    const struct bh_rig_options options = {.tap = true};
    bh_rig_start(&rig, &options);
    bh_rig_push(&rig, "sms", "{\"id\":\"ask\"," TO("81") ",\"text\":\"ask\"}");
    bh_rig_wait_state(&rig, "sms", "ask", "sent");
    const struct bh_tap_request *request = bh_tap_find(rig.tap, "foreign_id", "ask", 0);
    static const struct {
        const char *name, *wanted;
    } headers[] = {
        {"Accept",        "application/json"                 },
        {"Content-Type",  "application/x-www-form-urlencoded"},
        {"Authorization", "basic sim-live-key"               },
    };
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        char *value = bh_tap_header(request, headers[i].name);
        cr_expect(value != NULL && strcmp(value, headers[i].wanted) == 0, "%s: %s", headers[i].name,
                  value != NULL ? value : "(none)");
        free(value);
    }
    cr_expect(strncmp(request->head, "POST /api/sms HTTP/1.1\r\n", 24) == 0, "%s", request->head);
    cr_expect_null(strstr(request->head, "sim-live-key\r\nX-"), "the key stands there once");
    char *expect = bh_tap_header(request, "Expect");
    cr_expect_null(expect);
    free(expect);
    char *sent_with = bh_tap_header(request, "SentWith");
    cr_expect(sent_with != NULL && strncmp(sent_with, "Bellhop/", 8) == 0, "%s", sent_with);
    free(sent_with);
    cr_expect_not_null(strstr(bh_rig_message(&rig, "ask"), "\"connection\":\"Bellhop"));
    bh_rig_stop(&rig);
}
