/*
 * Every row of the gateway's voice page through the whole.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "daemon_rows.h"

#define ROWS(rows) (rows), sizeof(rows) / sizeof((rows)[0])
#define TO(n)      "\"to\":\"4917199980" n "\""

/* clang-format off */

static const struct daemon_row rows[] = {
    {"a number", "\"to\":\"0049171999999999\",\"text\":\"v 1\"", "sent",
     {"text=v 1", "to=49171999999999", "json=1", "!xml", "!from", "!debug", "!ttl", "!delay", "!foreign_id", "!p"},
     {"\"text\":\"v 1\"", "\"to\":\"49171999999999\"", "\"from\":\"491771783130\"", "\"kind\":\"voice\""},
     {"type=voice", "to=49171999999999", "code=100", "attempts=1", "price=0.1", "message_id~1", "confirmed_by=response", "!parts", "!encoding", "!error", "http_status=200"}},
    {"plus", "\"to\":\"+49171999999998\",\"text\":\"v 2\"", "sent",
     {"text=v 2", "to=49171999999998"}, {"\"text\":\"v 2\""}, {"code=100"}},
    {"national", "\"to\":\"0171999999997\",\"text\":\"v 3\"", "sent",
     {"text=v 3", "to=49171999999997"}, {"\"text\":\"v 3\""}, {"code=100"}},
    {"an array of one", "\"to\":[\"0171999999996\"],\"text\":\"v 4\"", "sent",
     {"text=v 4", "to=49171999999996"}, {"\"text\":\"v 4\""}, {"code=100"}},
    {"a contact", "\"to\":\"Alice\",\"text\":\"v 5\"", "sent",
     {"text=v 5", "to=Alice"}, {"\"text\":\"v 5\"", "\"to\":\"491700000001\""}, {"code=100"}},
    {"a name that is no contact", "\"to\":\"Nobody\",\"text\":\"v 6\"", "failed",
     {"text=v 6", "to=Nobody"}, {NULL}, {"attempts=1", "error~recipient", "!message_id"}},
    {"two numbers", "\"to\":\"0171999999995,0171999999994\",\"text\":\"v 7\"", "invalid",
     {NULL}, {NULL}, {"error~exactly one", "attempts=0"}},
    {"nobody", "\"to\":\"\",\"text\":\"v 8\"", "invalid", {NULL}, {NULL}, {"error~to"}},
    {"no text", TO("09"), "invalid", {NULL}, {NULL}, {"error~text"}},
    {"umlauts", TO("10") ",\"text\":\"v 10 Gr\u00fc\u00dfe\"", "sent",
     {"text=v 10 Gr\u00fc\u00dfe"}, {"\"text\":\"v 10 Gr\\u00fc\\u00dfe\""}, {"code=100"}},
    {"from", TO("11") ",\"text\":\"v 11\",\"from\":\"491771783131\"", "sent",
     {"text=v 11", "from=491771783131"}, {"\"text\":\"v 11\"", "\"from\":\"491771783131\""}, {"code=100"}},
    {"from that is no number", TO("12") ",\"text\":\"v 12\",\"from\":\"Sender\"", "invalid", {NULL}, {NULL}, {"error~from"}},
    {"xml", TO("13") ",\"text\":\"<?xml version='1.0'?><Response><Say>v 13 &amp; on</Say></Response>\",\"xml\":true", "sent",
     {"text=<?xml version='1.0'?><Response><Say>v 13 &amp; on</Say></Response>", "xml=1"},
     {"\"text\":\"<?xml version='1.0'?>", "\"xml\":true"}, {"code=100"}},
    {"xml that is none", TO("14") ",\"text\":\"<Say>v 14\",\"xml\":1", "invalid", {NULL}, {NULL}, {"error~XML"}},
    {"angle brackets without xml", TO("15") ",\"text\":\"v 15 <3\",\"xml\":0", "sent",
     {"text=v 15 <3", "!xml"}, {"\"text\":\"v 15 <3\""}, {"code=100"}},
    {"debug", TO("16") ",\"text\":\"v 16\",\"debug\":1", "sent",
     {"text=v 16", "debug=1"}, {NULL}, {"code=100", "price=0"}},
    {"json is always asked for", TO("17") ",\"text\":\"v 17\",\"json\":0", "sent",
     {"text=v 17", "json=1"}, {"\"text\":\"v 17\""}, {"code=100"}},
    {"ttl is ours", TO("18") ",\"text\":\"v 18\",\"ttl\":5", "sent",
     {"text=v 18", "!ttl"}, {"\"text\":\"v 18\""}, {"code=100"}},
    {"ttl over", TO("19") ",\"text\":\"v 19\",\"ttl\":5,\"enqueued_at\":1600000000", "expired",
     {NULL}, {NULL}, {"attempts=0"}},
    {"meta", TO("20") ",\"text\":\"v 20\",\"meta\":{\"a\":1}", "sent",
     {"text=v 20", "!meta"}, {"\"text\":\"v 20\""}, {"meta={\"a\":1}"}},
    {"an SMS on a voice queue", TO("21") ",\"text\":\"v 21\",\"type\":\"sms\",\"flash\":1", "sent",
     {"foreign_id=voice-20", "flash=1"}, {"\"kind\":\"sms\""}, {"type=sms", "parts=1"}},
    {"flash is for sms", TO("22") ",\"text\":\"v 22\",\"flash\":1", "invalid", {NULL}, {NULL}, {"error~sms"}},
    {"label is for sms", TO("23") ",\"text\":\"v 23\",\"label\":\"x\"", "invalid", {NULL}, {NULL}, {"error~sms"}},
    {"foreign_id is for sms", TO("24") ",\"text\":\"v 24\",\"foreign_id\":\"x\"", "invalid", {NULL}, {NULL}, {"error~sms"}},
    {"files are for sms", TO("25") ",\"text\":\"v 25\",\"files\":[]", "invalid", {NULL}, {NULL}, {"error~sms"}},
};

/* clang-format on */

Test(daemon_voice, follows_every_row_of_the_page)
{
    struct bh_rig rig;
    const struct bh_rig_options options = {
        .tap = true,
        .sim = "[contacts]\nAlice = 491700000001\n",
    };
    bh_rig_start(&rig, &options);
    daemon_rows_run(&rig, "voice", "voice", ROWS(rows));
    const struct bh_tap_request *request = bh_tap_find(rig.tap, "text", "v 1", 0);
    cr_assert_not_null(request);
    cr_expect(strncmp(request->head, "POST /api/voice HTTP/1.1\r\n", 26) == 0, "%s", request->head);
    bh_rig_stop(&rig);
}

/* Texts too long for a literal: what, how many characters, and whether that is allowed. */
Test(daemon_voice, reads_up_to_ten_thousand_characters)
{
    static const struct {
        const char *id, *unit, *state;
        size_t count;
    } texts[] = {
        {"ascii",     "x",          "sent",    10000},
        {"umlauts",   "\u00fc",     "sent",    10000},
        {"emoji",     "\U0001F600", "sent",    10000},
        {"one-more",  "x",          "invalid", 10001},
        {"one-emoji", "\U0001F600", "invalid", 10001},
    };
    struct bh_rig rig;
    const struct bh_rig_options options = {.tap = true};
    bh_rig_start(&rig, &options);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        size_t unit = strlen(texts[i].unit), len = unit * texts[i].count;
        char *text = malloc(len + 1);
        for (size_t at = 0; at < len; at += unit)
            memcpy(text + at, texts[i].unit, unit);
        text[len] = '\0';
        bh_rig_push(&rig, "voice",
                    bh_rig_text(&rig, "{\"id\":\"%s\",\"to\":\"491719998099\",\"text\":\"%s\"}",
                                texts[i].id, text));
        bh_rig_wait_state(&rig, "voice", texts[i].id, texts[i].state);
        unsigned wanted = strcmp(texts[i].state, "sent") == 0 ? 1 : 0;
        cr_expect_eq(bh_tap_count(rig.tap, "text", text), wanted, "%s", texts[i].id);
        free(text);
    }
    bh_rig_stop(&rig);
}

Test(daemon_voice, never_calls_twice_when_an_answer_is_lost)
{
    struct bh_rig rig;
    const struct bh_rig_options options = {.without_sim = false};
    bh_rig_start(&rig, &options);
    bh_rig_tell(&rig, "fault",
                "{\"kind\":\"drop\",\"at\":\"after\",\"match\":{\"text\":\"lost\"}}");
    bh_rig_push(&rig, "voice", "{\"id\":\"lost\",\"to\":\"491719998001\",\"text\":\"lost\"}");
    bh_rig_push(&rig, "voice", "{\"id\":\"next\",\"to\":\"491719998001\",\"text\":\"next\"}");
    bh_rig_wait_state(&rig, "voice", "lost", "unknown");
    bh_rig_wait_state(&rig, "voice", "next", "sent");
    daemon_check_status(&rig, "voice", "lost", "lost", "attempts=1");
    daemon_check_status(&rig, "voice", "lost", "lost", "error~not certain");
    cr_expect_eq(bh_rig_sim_number(&rig, "stats", "voice"), 2);
    cr_expect_eq(bh_rig_integer(&rig, "ZCARD bellhop:{voice}:dead"), 1, "an operator can find it");
    bh_rig_stop(&rig);
}
