/*
 * An operator settles jobs that may or may not have been sent: the real command on a real Redis, and then the whole
 * with daemon and gateway.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base.h"
#include "support/cli_stage.h"
#include "support/rig.h"

#define PATTERN_MAX 5
#define FAR         "32503680000000" /* the year 3000 */

/* ---- The stage ---- */

static void
set_up(void)
{
    cli_stage_open("[status]\nretention = 1h\n[queue sms]\n[queue voice]\ntype = voice\n");
}

TestSuite(resolve, .init = set_up, .fini = cli_stage_close);

static bool
field_is(const char *queue, const char *id, const char *name, const char *wanted)
{
    redisReply *reply = cli_stage_ask("HGET bellhop:{%s}:status:%s %s", queue, id, name);
    bool is = strcmp(reply->str != NULL ? reply->str : "(none)", wanted) == 0;
    freeReplyObject(reply);
    return is;
}

/* A job as a worker leaves it behind. */
static void
put(const char *queue, const char *id, int handle, const char *place, long long at,
    const char *state)
{
    bool dead = strcmp(place, "dead") == 0;
    char head[256];
    snprintf(head, sizeof(head),
             "1 u uncertain 2 0 - 0 0 1700000000000 1700000000000 " FAR " %d %s", dead ? 0 : 1, id);
    if (!dead)
        snprintf(head, sizeof(head),
                 "1 u uncertain 2 0 - 0 0 1700000000000 1700000000000 " FAR " %lld %s", at, id);
    TELL("HSET bellhop:{%s}:status:%s state %s type sms to 491701234567 attempts 2 updated_at %lld "
         "handle %d error %s",
         queue, id, state, at, handle, "its answer \033[1mwas lost");
    if (!dead)
        TELL("HSET bellhop:{%s}:status:%s reason uncertain next_at " FAR, queue, id);
    size_t len = strlen(head);
    head[len] = '\n';
    TELL("HSET bellhop:{%s}:heads %d %b", queue, handle, head, len + 1);
    TELL("HSET bellhop:{%s}:jobs %d %s", queue, handle, "{}");
    if (strcmp(place, "ready") == 0)
        TELL("LPUSH bellhop:{%s}:ready %d", queue, handle);
    else
        TELL("ZADD bellhop:{%s}:%s %s %d", queue, place, dead ? "1700000005000" : FAR, handle);
    if (!dead)
        TELL("HINCRBY bellhop:{%s}:counters now:uncertain 1", queue);
}

struct row {
    const char *name;
    const char *args[RUN_ARGS_MAX];
    const char *input;
    int exit_status;
    const char *out[PATTERN_MAX]; /* pieces of standard output; none: it must be empty */
    const char *err[PATTERN_MAX]; /* pieces of standard error; none: it must be empty */
};

static void
expect_pieces(const char *name, const char *where, const char *text, const char *const *pieces)
{
    if (pieces[0] == NULL)
        cr_expect_str_eq(text, "", "%s: %s: %s", name, where, text);
    cli_expect_pieces(name, where, text, pieces, PATTERN_MAX);
}

static void
check_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct run_result result;
        cli_run(rows[i].args, rows[i].input, &result);
        cr_expect_eq(result.exit_status, rows[i].exit_status, "%s: exit %d, wanted %d: %s%s",
                     rows[i].name, result.exit_status, rows[i].exit_status, result.out, result.err);
        expect_pieces(rows[i].name, "stdout", result.out, rows[i].out);
        expect_pieces(rows[i].name, "stderr", result.err, rows[i].err);
        cr_expect_null(strchr(result.out, '\033'), "%s: a terminal could be steered", rows[i].name);
        cr_expect_null(strchr(result.err, '\033'), "%s: a terminal could be steered", rows[i].name);
        run_release(&result);
    }
}

/* ---- The command ---- */

/* clang-format off */

Test(resolve, refuses_what_it_cannot_understand)
{
    static const struct row rows[] = {
        {"nothing",               {"resolve"},                                        NULL, 2, {NULL}, {"which job, and what became of it?", "--list"}},
        {"no word",               {"resolve", "a1"},                                  NULL, 2, {NULL}, {"sent, failed or resend, not \"a1\""}},
        {"no id",                 {"resolve", "sent"},                                NULL, 2, {NULL}, {"which job?"}},
        {"a word of another kind",{"resolve", "a1", "delivered"},                     NULL, 2, {NULL}, {"not \"delivered\""}},
        {"several without --yes", {"resolve", "a1", "a2", "resend"},                  NULL, 2, {NULL}, {"--yes if all of them are to be sent again"}},
        {"input without --yes",   {"resolve", "-", "sent"},                           "a1", 2, {NULL}, {"--yes if all of them were sent"}},
        {"an id for resend",      {"resolve", "a1", "resend", "--message-id", "7"},   NULL, 2, {NULL}, {"--message-id is for one job"}},
        {"an id for two",         {"resolve", "a1", "a2", "sent", "--yes", "--message-id=7"}, NULL, 2, {NULL}, {"--message-id is for one job"}},
        {"an id that is none",    {"resolve", "a1", "sent", "--message-id", "7 7"},   NULL, 2, {NULL}, {"77135016"}},
        {"--limit alone",         {"resolve", "a1", "sent", "--limit", "7"},          NULL, 2, {NULL}, {"--limit is for --list"}},
        {"--list with ids",       {"resolve", "--list", "a1"},                        NULL, 2, {NULL}, {"takes no ids"}},
        {"--list of none",        {"resolve", "--list", "--limit=0"},                 NULL, 2, {NULL}, {"from 1 to 1000"}},
        {"--list of too many",    {"resolve", "--list", "--limit=1001"},              NULL, 2, {NULL}, {"from 1 to 1000"}},
        {"no such queue",         {"resolve", "--queue", "smss", "a1", "sent"},       NULL, 1, {NULL}, {"did you mean sms?"}},
        {"no id at all",          {"resolve", "a/b", "sent"},                         NULL, 1, {NULL}, {"no id of a job"}},
        {"not known",             {"resolve", "nobody", "sent"},                      NULL, 3, {NULL}, {"nobody: is not known"}},
        {"empty input",           {"resolve", "-", "sent", "--yes"},                  "\n", 3, {NULL}, {NULL}},
        {"nothing to list",       {"resolve", "--list"},                              NULL, 3, {NULL}, {"no job is uncertain"}},
        {"a Redis that is not there", {"resolve", "--redis", "unix:///nonexistent/s", "a1", "sent"}, NULL, 1, {NULL}, {"no connection to Redis"}},
    };
    check_rows(rows, BH_ARRAY_LEN(rows));
    redisReply *keys = cli_stage_ask("DBSIZE");
    cr_expect_eq(keys->integer, 0, "something was written");
    freeReplyObject(keys);
}

Test(resolve, says_what_was_and_what_is)
{
    static const struct row rows[] = {
        {"sent", {"resolve", "u1", "sent", "--message-id", "4711"}, NULL, 0,
         {"u1: was unknown since 2023-11-14 22:13:25 (its answer ?[1mwas lost), now sent, confirmed by operator\n"}, {NULL}},
        {"sent again", {"resolve", "u1", "sent"}, NULL, 0, {"u1: is sent already\n"}, {NULL}},
        {"and then failed", {"resolve", "u1", "failed"}, NULL, 1, {NULL}, {"u1: is sent, not uncertain: the gateway has accepted it"}},
        {"failed", {"resolve", "u2", "failed"}, NULL, 0, {"u2: was unknown since", "now failed, kept in the dead set"}, {NULL}},
        {"failed, resend", {"resolve", "u2", "resend"}, NULL, 1, {NULL}, {"u2: is failed, not uncertain", "send it as a new job"}},
        {"resend", {"resolve", "w1", "resend"}, NULL, 0, {"w1: was uncertain since 2023-11-14 22:13:20 (", "now retrying: a worker takes it up"}, {NULL}},
        {"resend again", {"resolve", "w1", "resend"}, NULL, 0, {"w1: is retrying already"}, {NULL}},
        {"one in the line", {"resolve", "w2", "sent"}, NULL, 0, {"w2: was uncertain"}, {NULL}},
        {"a group, one of it unknown", {"resolve", "u3", "nobody", "w3", "resend", "--yes"}, NULL, 1,
         {"u3: was unknown", "w3: was uncertain"}, {"nobody: is not known"}},
        {"from input", {"resolve", "-", "failed", "--yes"}, "u4\n u5 \n\nv1\n", 0, {"u4: was", "u5: was", "v1: was unknown"}, {NULL}},
        {"JSON", {"resolve", "--json", "u6", "sent"}, NULL, 0,
         {"{\"queue\":\"sms\",\"id\":\"u6\",\"result\":\"done\",\"before\":\"unknown\",\"after\":\"sent\",\"since\":1700000005000,\"text\":\"was unknown"}, {NULL}},
        {"JSON refused", {"resolve", "--json", "u6", "resend"}, NULL, 1, {"\"result\":\"not_uncertain\",\"before\":\"sent\""}, {NULL}},
        {"JSON not known", {"resolve", "--json", "nobody", "sent"}, NULL, 3, {"{\"id\":\"nobody\",\"result\":\"not_known\""}, {NULL}},
    };
    static const char *const dead[] = {"u1", "u2", "u3", "u4", "u5", "u6"};
    for (int i = 0; i < 6; i++)
        put("sms", dead[i], i + 1, "dead", 1700000000000, "unknown");
    put("voice", "v1", 1, "dead", 1700000000000, "unknown");
    put("sms", "w1", 11, "due", 1700000000000, "retrying");
    put("sms", "w2", 12, "ready", 1700000000000, "sending");
    put("sms", "w3", 13, "due", 1700000000000, "retrying");
    check_rows(rows, BH_ARRAY_LEN(rows));
    cr_expect(field_is("sms", "u1", "message_id", "4711"));
    cr_expect(field_is("sms", "u1", "confirmed_by", "operator"));
    cr_expect(field_is("sms", "u3", "state", "retrying"));
    cr_expect(field_is("voice", "v1", "state", "failed"));
    redisReply *reply = cli_stage_ask("PTTL bellhop:{sms}:status:u1");
    cr_expect(reply->integer > 0 && reply->integer <= 3600000, "%lld: the configuration's hour", reply->integer);
    freeReplyObject(reply);
    reply = cli_stage_ask("XREVRANGE bellhop:{sms}:audit + - COUNT 1");
    cr_assert_eq(reply->elements, 1);
    const redisReply *fields = reply->element[0]->element[1];
    cr_expect_str_eq(fields->element[0]->str, "who");
    cr_expect_not_null(strchr(fields->element[1]->str, '@'), "%s", fields->element[1]->str);
    freeReplyObject(reply);
}

Test(resolve, tells_why_not_and_what_to_do)
{
    static const struct row rows[] = {
        {"in hand", {"resolve", "busy", "sent"}, NULL, 1, {NULL}, {"busy: is in a worker's hand right now; try again in "}},
        {"in a dead hand", {"resolve", "lost", "sent"}, NULL, 1, {NULL}, {"lost: was in a worker's hand", "is bellhopd running?"}},
        {"JSON in hand", {"resolve", "busy", "sent", "--json"}, NULL, 1, {"\"result\":\"leased\"", "\"wait_ms\":"}, {NULL}},
        {"trimmed", {"resolve", "gone", "resend"}, NULL, 1, {NULL}, {"gone: cannot be sent again", "resolve this one as sent or failed"}},
        {"too late", {"resolve", "late", "resend"}, NULL, 1, {NULL}, {"late: would only expire: its ttl ran out at 2023-11-14 22:13:20"}},
        {"in two queues", {"resolve", "both", "sent"}, NULL, 1, {NULL}, {"both: is the id of jobs in several queues; name one with --queue"}},
        {"in one of them", {"resolve", "both", "sent", "--queue=voice"}, NULL, 0, {"both: was unknown"}, {NULL}},
        {"its status forgotten", {"resolve", "old", "sent"}, NULL, 0, {"old: was unknown since 2023-11-14 22:13:25, now sent"}, {NULL}},
        {"not a hash", {"resolve", "text", "sent"}, NULL, 1, {NULL}, {"WRONGTYPE"}},
    };
    put("sms", "busy", 1, "due", 1700000000000, "retrying");
    put("sms", "lost", 2, "due", 1700000000000, "retrying");
    TELL("HSET bellhop:{sms}:heads 1 %s 2 %s", "1 u uncertain 2 0 other/1 7 0 1 1 " FAR " 1 busy\n",
         "1 u uncertain 2 0 other/1 7 0 1 1 " FAR " 1 lost\n");
    TELL("ZADD bellhop:{sms}:leases " FAR " 1 1700000000000 2");
    TELL("HSET bellhop:{sms}:status:gone state unknown handle 77");
    put("sms", "late", 3, "dead", 1700000000000, "unknown");
    TELL("HSET bellhop:{sms}:heads 3 %s", "1 u uncertain 2 0 - 0 0 1 1 1700000000000 0 late\n");
    put("sms", "both", 4, "dead", 1700000000000, "unknown");
    put("voice", "both", 4, "dead", 1700000000000, "unknown");
    put("voice", "old", 5, "dead", 1700000000000, "unknown");
    TELL("DEL bellhop:{voice}:status:old");
    TELL("SET bellhop:{sms}:status:text x");
    check_rows(rows, BH_ARRAY_LEN(rows));
    cr_expect(field_is("sms", "both", "state", "unknown"));
    cr_expect(field_is("sms", "late", "state", "unknown"));
}

Test(resolve, lists_who_waits_for_a_word_oldest_first)
{
    static const struct row rows[] = {
        {"all", {"resolve", "--list"}, NULL, 0,
         {"ID  QUEUE  STATE      TO               SINCE                ATTEMPTS  WHY\n"
          "w1  sms    uncertain  49*******567     2023-11-14 22:13:18         2  its answer ?[1mwas lost\n"
          "w2  voice  uncertain  49*******567     2023-11-14 22:13:19         2  the worker that was sending it ended\n"
          "u1  sms    unknown    49*******567 +1  2023-11-14 22:13:25         2  its answer ?[1mwas lost\n"
          "u2  voice  unknown    -                2023-11-14 22:13:25         2  its status has been forgotten\n"}, {NULL}},
        {"one queue", {"resolve", "--list", "--queue=voice"}, NULL, 0, {"w2", "u2"}, {NULL}},
        {"a few", {"resolve", "--list", "--limit", "1"}, NULL, 0, {"w1"}, {"3 more"}},
        {"JSON", {"resolve", "--list", "--json"}, NULL, 0,
         {"{\"queue\":\"sms\",\"id\":\"w1\",\"state\":\"uncertain\",\"to\":\"49*******567\",\"since\":1699999998000,\"attempts\":2,\"why\":\"its answer"}, {NULL}},
    };
    put("sms", "w1", 1, "due", 1699999998000, "retrying");
    put("voice", "w2", 2, "ready", 1699999999000, "sending");
    TELL("HDEL bellhop:{voice}:status:w2 error");
    put("sms", "u1", 3, "dead", 1700000000000, "unknown");
    TELL("HSET bellhop:{sms}:status:u1 to %s", "491701234567,491701234568");
    put("voice", "u2", 4, "dead", 1700000000000, "unknown");
    TELL("DEL bellhop:{voice}:status:u2");
    /* And those that are nobody's business here. */
    TELL("HSET bellhop:{sms}:heads 8 %s 9 %s", "1 r - 2 0 - 0 0 1 1 1 0 failed\n", "1 s - 0 0 - 0 0 1 1 1 0 later\n");
    TELL("ZADD bellhop:{sms}:dead 1 8");
    TELL("ZADD bellhop:{sms}:due 1 9 2 10");
    check_rows(rows, BH_ARRAY_LEN(rows));
}

Test(resolve, does_not_end_what_waits_for_other_recipients)
{
    static const struct row rows[] = {
        {"sent", {"resolve", "w1", "sent"}, NULL, 1, {NULL}, {"w1: cannot end as sent", "the others still wait"}},
        {"JSON", {"resolve", "w1", "sent", "--json"}, NULL, 1, {"\"result\":\"others_wait\""}, {NULL}},
        {"resend", {"resolve", "w1", "resend"}, NULL, 0, {"w1: was uncertain", "now retrying"}, {NULL}},
    };
    put("sms", "w1", 1, "due", 1700000000000, "retrying");
    TELL("HSET bellhop:{sms}:status:w1 recipients %s",
         "[{\"recipient\":\"49170\",\"success\":null},{\"recipient\":\"49171\"}]");
    check_rows(rows, BH_ARRAY_LEN(rows));
}

Test(resolve, show_tells_the_ways_out)
{
    static const struct row rows[] = {
        {"unknown", {"show", "u1"}, NULL, 0,
         {"what happens next Nothing more by itself", "                    bellhop resolve u1 sent     if the",
          "bellhop resolve u1 failed ", "bellhop resolve u1 resend ", "49170      not known"}, {NULL}},
        {"who waits", {"show", "u1"}, NULL, 0, {"49172      not sent yet"}, {NULL}},
        {"uncertain", {"show", "w1"}, NULL, 0, {"it waits for evidence, in ", "bellhop resolve w1 sent"}, {NULL}},
        {"for machines", {"show", "--json", "u1"}, NULL, 0, {"\"state\":\"unknown\""}, {NULL}},
    };
    put("sms", "u1", 1, "dead", 1700000000000, "unknown");
    TELL("HSET bellhop:{sms}:status:u1 recipients %s",
         "[{\"recipient\":\"49170\",\"success\":null},{\"recipient\":\"49171\",\"success\":true},{\"recipient\":\"49172\"}]");
    put("sms", "w1", 2, "due", 1700000000000, "retrying");
    check_rows(rows, BH_ARRAY_LEN(rows));
    static const char *const both[][4] = {{"show", "u1", NULL}, {"show", "--json", "u1", NULL}};
    for (size_t i = 0; i < 2; i++) {
        struct run_result result;
        cli_run(both[i], NULL, &result);
        cr_expect_null(strstr(result.out, "handle"), "%s: that is nobody's business", result.out);
        run_release(&result);
    }
    TELL("HSET bellhop:{sms}:status:w1 reason %s", "");
    struct run_result result;
    cli_run((const char *const[]){"show", "w1", NULL}, NULL, &result);
    cr_expect_null(strstr(result.out, "bellhop resolve"), "%s", result.out);
    run_release(&result);
}

/* clang-format on */

Test(resolve, a_full_server_can_be_helped_out)
{
    put("sms", "u1", 1, "dead", 1700000000000, "unknown");
    TELL("CONFIG SET maxmemory-policy noeviction");
    TELL("CONFIG SET maxmemory 1");
    static const struct row rows[] = {
        {"sent", {"resolve", "u1", "sent"}, NULL, 0, {"now sent"}, {NULL}},
    };
    check_rows(rows, BH_ARRAY_LEN(rows));
    TELL("CONFIG SET maxmemory 0");
}

/* ---- The whole ---- */

static struct bh_rig rig;

static void
rig_run(const char *const *args, int wanted, const char *piece)
{
    struct run_result result;
    const char *variable = bh_rig_text(&rig, "BELLHOP_CONFIG=%s", rig.daemons[0].config);
    cli_run_at(rig.dir, variable, args, NULL, &result);
    cr_expect_eq(result.exit_status, wanted, "%s: %s%s", args[1], result.out, result.err);
    cr_expect_not_null(strstr(result.out, piece), "no \"%s\" in %s%s", piece, result.out,
                       result.err);
    run_release(&result);
}

/* A voice job that was accepted and whose answer was lost; `accepted` false: it was lost before. */
static void
lose_answer(const char *id, bool accepted)
{
    bh_rig_tell(&rig, "fault",
                bh_rig_text(&rig, "{\"kind\":\"drop\",\"at\":\"%s\",\"match\":{\"text\":\"%s\"}}",
                            accepted ? "after" : "before", id));
    bh_rig_push(
        &rig, "voice",
        bh_rig_text(&rig, "{\"id\":\"%s\",\"to\":\"491719998001\",\"text\":\"%s\"}", id, id));
    bh_rig_wait_state(&rig, "voice", id, "unknown");
}

Test(resolve_whole, each_word_does_what_it_says, .timeout = 120)
{
    static const char *const sent[] = {"resolve", "a", "sent", "--message-id=77", NULL};
    static const char *const failed[] = {"resolve", "b", "failed", NULL};
    static const char *const list[] = {"resolve", "--list", NULL};
    const struct bh_rig_options options = {.tap = true};
    bh_rig_start(&rig, &options);
    lose_answer("a", true);
    lose_answer("b", true);
    rig_run(list, 0, "unknown");
    rig_run(sent, 0, "a: was unknown since ");
    rig_run(failed, 0, "b: was unknown since ");
    cr_expect(bh_rig_is(&rig, "voice", "a", "state", "sent"));
    cr_expect(bh_rig_is(&rig, "voice", "a", "message_id", "77"));
    cr_expect(bh_rig_is(&rig, "voice", "b", "state", "failed"));
    cr_expect_eq(bh_rig_integer(&rig, "ZCARD bellhop:{voice}:dead"), 1);
    cr_expect_eq(bh_rig_counter(&rig, "voice", "uncertain:operator"), 2);
    /* Neither is called again, nor taken for new when it is pushed again. */
    bh_rig_push(&rig, "voice", "{\"id\":\"a\",\"to\":\"491719998001\",\"text\":\"a\"}");
    bh_rig_push(&rig, "voice", "{\"id\":\"end\",\"to\":\"491719998001\",\"text\":\"end\"}");
    bh_rig_wait_state(&rig, "voice", "end", "sent");
    cr_expect_eq(bh_tap_count(rig.tap, "text", "a"), 1);
    cr_expect_eq(bh_tap_count(rig.tap, "text", "b"), 1);
    bh_rig_stop(&rig);
}

Test(resolve_whole, resend_sends_once_more, .timeout = 120)
{
    static const char *const resend[] = {"resolve", "a", "resend", NULL};
    const struct bh_rig_options options = {.tap = true};
    bh_rig_start(&rig, &options);
    lose_answer("a", false);
    rig_run(resend, 0, "a: was unknown since ");
    bh_rig_wait_state(&rig, "voice", "a", "sent");
    cr_expect_eq(bh_tap_count(rig.tap, "text", "a"), 2);
    cr_expect(bh_rig_is(&rig, "voice", "a", "attempts", "2"));
    cr_expect(bh_rig_is(&rig, "voice", "a", "confirmed_by", "response"));
    cr_expect_eq(bh_rig_unfinished(&rig, "voice"), 0);
    cr_expect_eq(bh_rig_integer(&rig, "ZCARD bellhop:{voice}:dead"), 0);
    cr_expect_gt(bh_rig_integer(&rig, "PTTL bellhop:{voice}:status:a"), 0);
    rig_run(resend, 1, "");
    bh_rig_stop(&rig);
}

/* The word is in Redis: a daemon that dies before it could act on it leaves it there. */
Test(resolve_whole, a_word_outlives_the_daemon, .timeout = 120)
{
    static const char *const resend[] = {"resolve", "a", "b", "resend", "--yes", NULL};
    const struct bh_rig_options options = {.tap = true};
    bh_rig_start(&rig, &options);
    lose_answer("a", false);
    lose_answer("b", true);
    bh_process_kill(&rig.daemons[0].process);
    rig_run(resend, 0, "b: was unknown since ");
    cr_expect_eq(bh_tap_count(rig.tap, "text", "a"), 1);
    bh_rig_restart_daemon(&rig, &rig.daemons[0]);
    bh_rig_wait_state(&rig, "voice", "a", "sent");
    bh_rig_wait_state(&rig, "voice", "b", "sent");
    cr_expect_eq(bh_tap_count(rig.tap, "text", "a"), 2);
    cr_expect_eq(bh_tap_count(rig.tap, "text", "b"), 2, "the operator wanted it so");
    bh_rig_stop(&rig);
}

/* Nobody has to wait for the evidence: the word comes while the job waits. */
Test(resolve_whole, a_word_goes_before_the_evidence, .timeout = 120)
{
    static const struct {
        const char *id, *at, *word;
        unsigned requests;
        const char *confirmed_by;
    } rows[] = {
        {"taken", "after",  "sent",   1, "operator"},
        {"lost",  "before", "resend", 2, "response"},
    };
    const struct bh_rig_options options = {.tap = true};
    bh_rig_start(&rig, &options);
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        const char *id = rows[i].id;
        bh_rig_tell(
            &rig, "fault",
            bh_rig_text(&rig, "{\"kind\":\"drop\",\"at\":\"%s\",\"match\":{\"text\":\"%s\"}}",
                        rows[i].at, id));
        bh_rig_push(&rig, "sms",
                    bh_rig_text(&rig, "{\"id\":\"%s\",\"to\":\"49171999800%zu\",\"text\":\"%s\"}",
                                id, i, id));
        bh_rig_wait_state(&rig, "sms", id, "retrying");
        cr_expect(bh_rig_is(&rig, "sms", id, "reason", "uncertain"));
        const char *const args[] = {"resolve", id, rows[i].word, NULL};
        rig_run(args, 0, "was uncertain since ");
        bh_rig_wait_state(&rig, "sms", id, "sent");
        cr_expect(bh_rig_is(&rig, "sms", id, "confirmed_by", rows[i].confirmed_by), "%s", id);
        cr_expect_eq(bh_tap_count(rig.tap, "text", id), rows[i].requests, "%s", id);
        cr_expect_eq(bh_rig_accepted(&rig, id), 1, "%s", id);
    }
    cr_expect_eq(bh_rig_unfinished(&rig, "sms"), 0);
    bh_rig_stop(&rig);
}
