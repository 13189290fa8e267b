/* Calls of scripts that Redis does not know: what is sent, how often, and what the caller hears. */
#include <stdio.h>
#include <string.h>

#include "integration/client.h"
#include "redis/account_codec.h"
#include "redis/script_call.h"
#include "support/linecut.h"
#include "support/redis_process.h"

static struct {
    struct bh_redis_process server;
    struct client client;
    struct bh_account_keys keys;
    struct bh_script_call call;
    redisContext *side;
    unsigned answers;
    int type;       /* of the last answer; 0: NULL */
    char text[300]; /* of an error */
    bool taught, again;
} t;

static void
side(const char *command)
{
    redisReply *reply = redisCommand(t.side, command);
    cr_assert(reply != NULL && reply->type != REDIS_REPLY_ERROR, "%s", command);
    freeReplyObject(reply);
}

static void
set_up(void)
{
    t.call = (struct bh_script_call){0};
    t.answers = 0;
    t.again = false;
    cr_assert_eq(bh_account_keys_init(&t.keys, "bellhop", "0123456789ab"), BH_OK);
    bh_redis_process_init(&t.server);
    bh_redis_process_start(&t.server, NULL);
    t.side = redisConnectUnix(t.server.socket_path);
    cr_assert(t.side != NULL && t.side->err == 0);
    client_init(&t.client, t.server.url);
    client_come_up(&t.client);
}

static void
tear_down(void)
{
    client_finish(&t.client);
    bh_script_call_release(&t.call);
    redisFree(t.side);
    bh_redis_process_release(&t.server);
}

TestSuite(script_call, .init = set_up, .fini = tear_down, .timeout = 60);

static void
begin(void)
{
    struct bh_call *call = bh_script_call_begin(&t.call, &t.client.conn, BH_SCRIPT_ACCOUNT);
    bh_encode_account_read(call, &t.keys);
}

static void
on_answer(void *arg, const struct redisReply *reply, const char *error_text)
{
    (void)arg;
    cr_assert_not(t.client.sending, "answered from within send");
    cr_assert_eq(reply == NULL, error_text != NULL);
    t.answers++;
    t.type = reply != NULL ? reply->type : 0;
    snprintf(t.text, sizeof(t.text), "%s",
             reply != NULL && reply->type == REDIS_REPLY_ERROR ? reply->str : "");
    if (!t.again)
        return;
    t.again = false;
    begin();
    cr_assert_eq(bh_script_call_send(&t.call, on_answer, NULL), BH_OK);
}

static void
send_it(void)
{
    t.client.sending = true;
    cr_assert_eq(bh_script_call_send(&t.call, on_answer, NULL), BH_OK);
    t.client.sending = false;
}

static uint64_t
commands(void)
{
    return bh_redis_connection_counters(&t.client.conn)->commands;
}

static void
load_by_side(void)
{
    const struct bh_str text = bh_scripts[BH_SCRIPT_ACCOUNT].text;
    redisReply *reply = redisCommand(t.side, "SCRIPT LOAD %b", text.ptr, text.len);
    cr_assert(reply != NULL && reply->type == REDIS_REPLY_STRING);
    cr_assert_str_eq(reply->str, bh_scripts[BH_SCRIPT_ACCOUNT].digest);
    freeReplyObject(reply);
}

Test(script_call, teaches_once_and_only_what_is_unknown)
{
    static const struct {
        const char *name;
        bool loaded;
        const char *before; /* NULL: nothing */
        uint64_t commands;
        int type;
        const char *text; /* the error begins so */
        /* clang-format off */
    } rows[] = {
        {"known", true, NULL, 1, REDIS_REPLY_ARRAY, ""},
        {"flushed before the call", true, "SCRIPT FLUSH", 3, REDIS_REPLY_ARRAY, ""},
        {"never loaded", false, NULL, 3, REDIS_REPLY_ARRAY, ""},
        {"known, and loading is refused", true, "ACL SETUSER default -script|load", 1,
         REDIS_REPLY_ARRAY, ""},
        {"loading is refused", false, "ACL SETUSER default -script|load", 3, REDIS_REPLY_ERROR,
         "NOSCRIPT "},
        {"all of SCRIPT is refused", false, "ACL SETUSER default -script", 3, REDIS_REPLY_ERROR,
         "NOSCRIPT "},
        {"calling is refused", false, "ACL SETUSER default -evalsha", 1, REDIS_REPLY_ERROR,
         "NOPERM "},
        {"the script itself fails", true, "SET bellhop:{@0123456789ab}:control text", 1,
         REDIS_REPLY_ERROR, "WRONGTYPE "},
    };
    /* clang-format on */
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        side("ACL SETUSER default +@all");
        side("FLUSHALL");
        side("SCRIPT FLUSH");
        if (rows[i].loaded)
            load_by_side();
        if (rows[i].before != NULL)
            side(rows[i].before);
        uint64_t commands_before = commands();
        t.answers = 0;
        begin();
        send_it();
        RUN_UNTIL(&t.client, t.answers > 0 && bh_redis_connection_pending(&t.client.conn) == 0);
        cr_expect_eq(t.answers, 1, "%s: %u answers", rows[i].name, t.answers);
        cr_expect_eq(commands() - commands_before, rows[i].commands, "%s: %u commands",
                     rows[i].name, (unsigned)(commands() - commands_before));
        cr_expect_eq(t.type, rows[i].type, "%s: type %d, %s", rows[i].name, t.type, t.text);
        cr_expect_eq(strncmp(t.text, rows[i].text, strlen(rows[i].text)), 0, "%s: %s", rows[i].name,
                     t.text);
    }
    side("ACL SETUSER default +@all");
}

Test(script_call, each_call_has_its_own_repetition_and_may_begin_the_next)
{
    for (unsigned i = 1; i <= 3; i++) {
        side("SCRIPT FLUSH");
        begin();
        t.again = true;
        send_it();
        RUN_UNTIL(&t.client, t.answers == 2 * i);
        cr_expect_eq(t.type, REDIS_REPLY_ARRAY, "round %u: %s", i, t.text);
    }
}

Test(script_call, a_lost_reply_is_not_asked_for_again)
{
    begin();
    bh_redis_process_pause(&t.server);
    send_it();
    uint64_t sent = commands();
    bh_redis_process_kill(&t.server);
    RUN_UNTIL(&t.client, t.answers == 1);
    cr_expect_eq(t.type, 0);
    cr_expect_eq(commands(), sent);
    cr_expect_eq(bh_script_call_send(&t.call, on_answer, NULL), BH_EDOWN);
    cr_expect_eq(t.answers, 1);
}

/* ---- forgotten between the text and the call ----------------------------------------------------- */

static void
on_flush(void *arg, const struct redisReply *reply, const char *error_text)
{
    (void)arg;
    (void)error_text;
    cr_assert(reply != NULL && reply->type == REDIS_REPLY_STATUS);
}

static unsigned loads;

static void
on_load(void *arg, const struct redisReply *reply, const char *error_text)
{
    (void)error_text;
    cr_assert_eq(arg, (void *)&loads);
    cr_assert(reply != NULL && reply->type == REDIS_REPLY_STRING, "the text was not taken");
    loads++;
}

/* As who writes his call anew each time, with a flush in the gap. */
static void
on_reply_with_flush(void *arg, const struct redisReply *reply, const char *error_text)
{
    const struct bh_str flush[] = {BH_STR_LITERAL("SCRIPT"), BH_STR_LITERAL("FLUSH")};
    if (bh_script_teach(&t.client.conn, BH_SCRIPT_ACCOUNT, reply, &t.taught, on_load, &loads)) {
        cr_assert_eq(bh_redis_connection_send(&t.client.conn, 2, flush, 0, on_flush, NULL), BH_OK);
        cr_assert_eq(bh_script_send(&t.client.conn, &t.call.call, on_reply_with_flush, arg), BH_OK);
        return;
    }
    on_answer(arg, reply, error_text);
}

Test(script_call, forgotten_again_behind_the_text_is_the_answer)
{
    t.taught = false;
    loads = 0;
    begin();
    cr_assert_eq(bh_script_send(&t.client.conn, &t.call.call, on_reply_with_flush, NULL), BH_OK);
    RUN_UNTIL(&t.client, t.answers == 1);
    cr_expect(t.taught);
    cr_expect_eq(loads, 1);
    cr_expect_eq(t.type, REDIS_REPLY_ERROR);
    cr_expect(has_text(t.text, "NOSCRIPT"), "%s", t.text);
}

/* A server that takes the text each time and never knows the script. */
Test(script_call, a_server_that_forgets_forever_is_asked_twice)
{
    struct bh_linecut *line = bh_linecut_start(&(struct bh_linecut_options){0});
    char url[64];
    static const char no_script[] = "-NOSCRIPT No matching script. Please use EVAL.\r\n";
    static const char taken_and_forgotten[] =
        "$2\r\nab\r\n-NOSCRIPT No matching script. Please use EVAL.\r\n";
    client_finish(&t.client);
    snprintf(url, sizeof(url), "redis://127.0.0.1:%u", bh_linecut_port(line));
    client_init(&t.client, url);
    t.client.options.client_name = NULL;
    client_start(&t.client);
    RUN_UNTIL(&t.client, bh_linecut_counters(line).from_clients > 0);
    bh_linecut_say(line, "+PONG\r\n", 7);
    RUN_UNTIL(&t.client, t.client.ups == 1);

    begin();
    send_it();
    uint64_t sent = commands();
    uint64_t bytes = bh_linecut_counters(line).from_clients;
    RUN_UNTIL(&t.client, bh_linecut_counters(line).from_clients > bytes);
    bh_linecut_say(line, no_script, sizeof(no_script) - 1);
    RUN_UNTIL(&t.client, commands() == sent + 2);
    cr_expect_eq(t.answers, 0);
    bh_linecut_say(line, taken_and_forgotten, sizeof(taken_and_forgotten) - 1);
    RUN_UNTIL(&t.client, t.answers == 1);
    cr_expect_eq(commands(), sent + 2);
    cr_expect_eq(t.type, REDIS_REPLY_ERROR);
    cr_expect(has_text(t.text, "NOSCRIPT"), "%s", t.text);
    cr_expect_eq(bh_redis_connection_pending(&t.client.conn), 0);
    bh_linecut_stop(line);
}
