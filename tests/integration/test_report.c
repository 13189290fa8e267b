/* To which job a delivery report is brought, and what is told about it: redis/report against a real Redis. */
#include <criterion/criterion.h>

#include <hiredis/hiredis.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "redis/report.h"
#include "support/config_fixture.h"
#include "support/redis_process.h"
#include "support/timed_loop.h"

static struct {
    struct bh_redis_process server;
    struct timed_loop loop;
    struct bh_redis_url url;
    struct bh_redis_connection connection;
    struct bh_config *config;
    redisContext *side;
    unsigned closed, answers;
    bool calling;
    enum bh_status status;
    struct bh_report_result result;
    char queue[40], id[80];
} t;

#define UNTIL(condition) TIMED_LOOP_UNTIL(&t.loop, condition)

static void
on_closed(void *arg)
{
    (void)arg;
    t.closed++;
}

static void
on_done(void *arg, enum bh_status status, const struct bh_report_result *result,
        const char *error_text)
{
    (void)arg;
    (void)error_text;
    cr_assert_not(t.calling, "an answer came from within the call");
    t.status = status;
    t.result = *result;
    (void)snprintf(t.queue, sizeof(t.queue), "%s", result->queue != NULL ? result->queue : "");
    (void)snprintf(t.id, sizeof(t.id), "%s", result->id != NULL ? result->id : "");
    t.answers++;
}

static void
configure(void)
{
    struct bh_config_report report = {0};
    struct bh_config_source source = fixture_source(
        BH_STR_LITERAL("[http]\nwebhook_token = t0ken-of-a-test\n[gateway]\napi_key = k\n"
                       "[queue one]\ntype = sms\n[queue two]\ntype = sms\n"));
    cr_assert_eq(bh_config_read(&source, &report, &t.config), BH_OK, "%s",
                 report.count > 0 ? report.messages[0].text : "?");
    bh_config_report_release(&report);
}

static void
set_up(void)
{
    signal(SIGPIPE, SIG_IGN);
    configure();
    bh_redis_process_init(&t.server);
    bh_redis_process_start(&t.server, NULL);
    t.side = redisConnectUnix(t.server.socket_path);
    cr_assert(t.side != NULL && t.side->err == 0);
    timed_loop_open(&t.loop);
    cr_assert_eq(bh_redis_url_parse(bh_str_from(t.server.url), &t.url, NULL), BH_OK);
    const struct bh_redis_options redis = {
        .url = &t.url, .reconnect = {.first_ms = 10, .max_ms = 50}
    };
    const struct bh_redis_listener listener = {.on_closed = on_closed};
    cr_assert_eq(bh_redis_connection_init(&t.connection, &t.loop.uv, &redis, &listener, NULL),
                 BH_OK);
    bh_redis_connection_start(&t.connection);
    UNTIL(bh_redis_connection_state(&t.connection) == BH_REDIS_READY);
}

static void
tear_down(void)
{
    bh_redis_connection_stop(&t.connection);
    UNTIL(t.closed == 1);
    bh_redis_connection_release(&t.connection);
    bh_redis_url_release(&t.url);
    timed_loop_close(&t.loop);
    redisFree(t.side);
    bh_redis_process_release(&t.server);
    bh_config_release(t.config);
}

TestSuite(report, .init = set_up, .fini = tear_down);

static void
run(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    redisReply *reply = redisvCommand(t.side, format, args);
    va_end(args);
    cr_assert(reply != NULL && reply->type != REDIS_REPLY_ERROR, "%s: %s", format,
              reply != NULL ? reply->str : t.side->errstr);
    freeReplyObject(reply);
}

static const char *
field(const char *queue, const char *id, const char *name)
{
    static char text[512];
    redisReply *reply = redisCommand(t.side, "HGET bellhop:{%s}:status:%s %s", queue, id, name);
    (void)snprintf(text, sizeof(text), "%s", reply != NULL && reply->str != NULL ? reply->str : "");
    freeReplyObject(reply);
    return text;
}

static enum bh_report_fate
deliver(const char *foreign_id, const char *message, enum bh_delivery delivery)
{
    struct bh_delivery_report report = {.event = BH_WEBHOOK_DLR,
                                        .status = delivery,
                                        .at = {1700000000000},
                                        .duration_s = -1,
                                        .price_per_minute_micro = -1};
    (void)snprintf(report.foreign_id, sizeof(report.foreign_id), "%s", foreign_id);
    (void)snprintf(report.message_id, sizeof(report.message_id), "%s", message);
    unsigned before = t.answers;
    t.calling = true;
    cr_assert_eq(bh_report_deliver(&t.connection, t.config, &report, on_done, NULL), BH_OK);
    t.calling = false;
    UNTIL(t.answers == before + 1);
    cr_assert_eq(t.status, BH_OK, "%d", (int)t.status);
    return t.result.fate;
}

/* A status: "QUEUE ID STATE TO MESSAGES FOREIGN", "-" for an empty field. */
static void
put(const char *line)
{
    char queue[16], id[16], state[16], to[32], messages[32], foreign[16];
    if (line == NULL)
        return;
    cr_assert_eq(
        sscanf(line, "%15s %15s %15s %31s %31s %15s", queue, id, state, to, messages, foreign), 6);
    run("HSET bellhop:{%s}:status:%s state %s to %s", queue, id, state, to);
    if (messages[0] != '-')
        run("HSET bellhop:{%s}:status:%s message_id %s", queue, id, messages);
    if (foreign[0] != '-')
        run("HSET bellhop:{%s}:status:%s foreign_id %s", queue, id, foreign);
}

/* An entry of the index: "QUEUE MESSAGE ID". */
static void
lead(const char *line)
{
    char queue[16], message[16], id[16];
    if (line == NULL)
        return;
    cr_assert_eq(sscanf(line, "%15s %15s %15s", queue, message, id), 3);
    run("SET bellhop:{%s}:message:%s %s", queue, message, id);
}

Test(report, finds_the_job_by_its_message_before_its_name)
{
    static const struct {
        const char *name;
        const char *statuses[3], *entries[2];
        const char *foreign_id, *message;
        enum bh_report_fate fate;
        const char *queue, *id; /* that it was brought to, or blamed for */
    } rows[] = {
  /* clang-format off */
        {"by the name", {"one a sent 491 77 -"}, {NULL}, "a", "77", BH_REPORT_NOTED, "one", "a"},
        {"by both", {"two a sent 491 77 -"}, {"two 77 a"}, "a", "77", BH_REPORT_NOTED, "two", "a"},
        {"by the message alone", {"two a sent 491 77 -"}, {"two 77 a"}, "", "77", BH_REPORT_NOTED, "two", "a"},
        {"the name leads nowhere", {"two a sent 491 77 order-5"}, {"two 77 a"}, "order-5", "77", BH_REPORT_NOTED, "two", "a"},
        {"the name is another job's", {"one b sent 492 78 -", "two a sent 491 77 b"}, {"two 77 a"}, "b", "77", BH_REPORT_NOTED, "two", "a"},
        {"the name is another job's, that has no message", {"one b unknown 492 - -", "two a sent 491 77 b"}, {"two 77 a"}, "b", "77", BH_REPORT_NOTED, "two", "a"},
        {"the name is another job's of the same queue", {"two b sent 492 - -", "two a sent 491 77 b"}, {"two 77 a"}, "b", "77", BH_REPORT_NOTED, "two", "a"},
        {"two of that name, one of that message", {"one a sent 491 78 -", "two a sent 491 77 -"}, {"two 77 a"}, "a", "77", BH_REPORT_NOTED, "two", "a"},
        {"two of that name, whose messages nobody knows", {"one a sent 491 - -", "two a sent 491 - -"}, {NULL}, "a", "77", BH_REPORT_AMBIGUOUS, "", ""},
        {"an entry whose job has gone", {NULL}, {"two 77 a"}, "", "77", BH_REPORT_NO_JOB, "", ""},
        {"an entry whose job has other messages", {"two a sent 491 78 -"}, {"two 77 a"}, "", "77", BH_REPORT_NO_JOB, "", ""},
        {"an entry of before, and the name", {"two a sent 491 78 -", "one b sent 491 77 -"}, {"two 77 a"}, "b", "77", BH_REPORT_NOTED, "one", "b"},
        {"an entry of before, and a name without a message", {"one b sent 491 - -"}, {"two 77 a"}, "b", "77", BH_REPORT_NOTED, "one", "b"},
        {"entries in two queues", {"one a sent 491 77 -", "two b sent 491 77 -"}, {"one 77 a", "two 77 b"}, "", "77", BH_REPORT_AMBIGUOUS, "", ""},
        {"entries in two queues, and the name", {"one a sent 491 77 -", "two b sent 491 77 -"}, {"one 77 a", "two 77 b"}, "b", "77", BH_REPORT_NOTED, "two", "b"},
        {"another message", {"one a sent 491 77 -"}, {NULL}, "a", "78", BH_REPORT_OTHER_MESSAGE, "one", "a"},
        {"nobody's message", {"one a sent 491 77 -"}, {NULL}, "", "78", BH_REPORT_NO_JOB, "", ""},
        {"a recipient's", {"one a partial 491,492 77,78 x"}, {"one 78 a"}, "x", "78", BH_REPORT_NOTED, "one", "a"},
        {"a recipient's, while the job goes on", {"one a retrying 491,492 77 x"}, {"one 77 a"}, "x", "77", BH_REPORT_EARLY, "one", "a"},
  /* clang-format on */
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        run("FLUSHALL");
        for (size_t k = 0; k < 3; k++)
            put(rows[i].statuses[k]);
        for (size_t k = 0; k < 2; k++)
            lead(rows[i].entries[k]);
        bool several = rows[i].statuses[0] != NULL && strchr(rows[i].statuses[0], ',') != NULL;
        if (several)
            run("HSET bellhop:{one}:status:a recipients %s",
                "[{\"recipient\":\"491\",\"success\":true,\"id\":\"77\"},"
                "{\"recipient\":\"492\",\"success\":true,\"id\":\"78\"}]");
        enum bh_report_fate fate =
            deliver(rows[i].foreign_id, rows[i].message, BH_DELIVERY_DELIVERED);
        cr_expect_eq(fate, rows[i].fate, "%s: %d", rows[i].name, (int)fate);
        cr_expect_str_eq(t.queue, rows[i].queue, "%s: %s", rows[i].name, t.queue);
        cr_expect_str_eq(t.id, rows[i].id, "%s: %s", rows[i].name, t.id);
        bool wrote = fate == BH_REPORT_NOTED && !several;
        for (size_t k = 0; k < 3 && rows[i].statuses[k] != NULL; k++) {
            char queue[16], id[16];
            cr_assert_eq(sscanf(rows[i].statuses[k], "%15s %15s", queue, id), 2);
            bool its = wrote && strcmp(queue, t.queue) == 0 && strcmp(id, t.id) == 0;
            cr_expect_str_eq(field(queue, id, "delivery"), its ? "DELIVERED" : "", "%s: %s of %s",
                             rows[i].name, id, queue);
        }
        if (several)
            cr_expect_not_null(
                strstr(field("one", "a", "recipients"), "\"delivery\":\"DELIVERED\""), "%s",
                rows[i].name);
    }
}

Test(report, without_any_name_is_refused_at_once)
{
    const struct bh_delivery_report report = {.event = BH_WEBHOOK_DLR};
    cr_expect_eq(bh_report_deliver(&t.connection, t.config, &report, on_done, NULL), BH_EINVAL);
    cr_expect_eq(t.answers, 0);
}

Test(report, tells_that_a_kept_payload_may_be_sent_again_until_somebody_takes_it)
{
    put("two a sent 491 77 order-5");
    lead("two 77 a");
    run("SET bellhop:{two}:kept:a payload");
    cr_expect_eq(deliver("order-5", "77", BH_DELIVERY_TRANSMITTED), BH_REPORT_NOTED);
    cr_expect_not(t.result.may_resend);
    cr_expect_eq(deliver("order-5", "77", BH_DELIVERY_EXPIRED), BH_REPORT_NOTED);
    cr_expect(t.result.may_resend);
    cr_expect_str_eq(t.id, "a");
    cr_expect_str_eq(t.queue, "two");
    cr_expect_eq(deliver("order-5", "77", BH_DELIVERY_EXPIRED), BH_REPORT_REPEATED);
    cr_expect(t.result.may_resend, "whoever was told may have died");
    run("DEL bellhop:{two}:kept:a");
    cr_expect_eq(deliver("order-5", "77", BH_DELIVERY_EXPIRED), BH_REPORT_REPEATED);
    cr_expect_not(t.result.may_resend);
}

/* One id, an SMS and a call: the report's kind says which. */
Test(report, is_never_brought_to_a_job_of_another_kind)
{
    run("HSET bellhop:{one}:status:a state sent to 491 type voice");
    run("HSET bellhop:{two}:status:a state sent to 491 type sms");
    cr_expect_eq(deliver("a", "77", BH_DELIVERY_DELIVERED), BH_REPORT_NOTED);
    cr_expect_str_eq(t.queue, "two");
    /* The numbers of calls are not those of SMS. */
    run("HSET bellhop:{one}:status:b state sent to 491 type voice message_id 78");
    lead("one 78 b");
    cr_expect_eq(deliver("", "78", BH_DELIVERY_FAILED), BH_REPORT_NO_JOB);
    cr_expect_str_eq(field("one", "b", "delivery"), "");
}

/* What stands where a status or an entry should. */
Test(report, is_told_as_failed_when_redis_holds_nonsense)
{
    static const char *const rows[] = {
        "SADD bellhop:{one}:status:a x",
        "SADD bellhop:{two}:message:77 x",
        "SET bellhop:{two}:message:77 "
        "0123456789012345678901234567890123456789012345678901234567890123456789",
    };
    struct bh_delivery_report report = {
        .event = BH_WEBHOOK_DLR, .foreign_id = "a", .message_id = "77"};
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        run("FLUSHALL");
        run(rows[i]);
        unsigned before = t.answers;
        cr_assert_eq(bh_report_deliver(&t.connection, t.config, &report, on_done, NULL), BH_OK);
        UNTIL(t.answers == before + 1);
        cr_expect(t.status == BH_EIO || t.status == BH_EPROTO, "%s: %d", rows[i], (int)t.status);
    }
    run("FLUSHALL");
    cr_expect_eq(deliver("a", "77", BH_DELIVERY_DELIVERED), BH_REPORT_NO_JOB);
}
