/* How a command chooses jobs, and lists them: the real program, a real Redis, jobs of every kind. */
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli_jobs.h"
#include "core/base.h"
#include "core/str.h"

#define MANY 10000

TestSuite(list, .init = cli_jobs_set_up, .fini = cli_jobs_tear_down);

/* clang-format off */

Test(list, refuses_what_it_cannot_understand)
{
    static const struct cli_row rows[] = {
        {"a mistyped field", {"list", "stat=held"}, NULL, 2, {NULL}, {"did you mean `state`?"}},
        {"a mistyped state", {"list", "state=hold"}, NULL, 2, {NULL}, {"did you mean `held`?"}},
        {"an age without unit", {"list", "age>10"}, NULL, 2, {NULL}, {"has no unit"}},
        {"no such queue", {"list", "queue=fax"}, NULL, 2, {NULL}, {"no queue of the configuration"}},
        {"no such queue by option", {"list", "--queue", "fax"}, NULL, 1, {NULL}, {"fax"}},
        {"no limit", {"list", "--limit", "0"}, NULL, 2, {NULL}, {"1 to 100000"}},
        {"no number", {"list", "--limit", "ten"}, NULL, 2, {NULL}, {"1 to 100000"}},
        {"a mistyped column", {"list", "--fields", "id,stat"}, NULL, 2, {NULL}, {"did you mean `state`?"}},
        {"no such column", {"list", "--fields", "colour"}, NULL, 2, {NULL}, {"there are id, queue"}},
        {"no column", {"list", "--fields", ""}, NULL, 2, {NULL}, {"--fields"}},
        {"too many columns", {"list", "--fields", "id,id,id,id,id,id,id,id,id,id,id,id,id,id,id,id,id"}, NULL, 2, {NULL},
         {"at most 16"}},
        {"no id", {"list", "a b"}, NULL, 1, {NULL}, {"is no id of a job"}},
        {"a terminal's word as id", {"list", "\033[2J"}, NULL, 1, {NULL}, {"\\x1B"}},
        {"an id with a line feed", {"list", "-"}, "a\033b\n", 1, {NULL}, {"is no id of a job"}},
    };
    cli_jobs_check(rows, BH_ARRAY_LEN(rows));
}

Test(list, of_nothing_says_so)
{
    static const struct cli_row rows[] = {
        {"nothing there", {"list"}, NULL, 3, {NULL}, {"there is no such job"}},
        {"for machines", {"list", "--json"}, NULL, 3, {NULL}, {"there is no such job"}},
        {"no such id", {"list", "nobody"}, NULL, 3, {NULL}, {"nobody is not known"}},
        {"no ids", {"list", "-"}, "", 3, {NULL}, {"there is no such job"}},
        {"who was sent", {"list", "state=sent"}, NULL, 3, {NULL}, {"found by their ids only"}},
    };
    cli_jobs_check(rows, BH_ARRAY_LEN(rows));
}

Test(list, chooses_by_each_field)
{
    static const struct cli_row rows[] = {
        {"state", {"list", "state=retrying"}, NULL, 0, {"retry-1", "unc-1", "call-1"}, {NULL}},
        {"all of them", {"list"}, NULL, 0, {"ready-1", "raw-1", "dead-3", "lease-1", "call-1", "sched-1"}, {NULL}},
        {"uncertain", {"list", "state=uncertain", "--fields", "id,state"}, NULL, 0, {"ID     STATE\nunc-1  uncertain\n"}, {NULL}},
        {"sending", {"list", "state=sending"}, NULL, 0, {"lease-1", "in hand"}, {NULL}},
        {"ready", {"list", "state=ready", "--fields", "id"}, NULL, 0, {"ID\nready-1\nraw-1\n"}, {NULL}},
        {"scheduled, in the line or not", {"list", "state=scheduled", "--fields", "id"}, NULL, 0, {"ID\nready-1\nsched-1\n"}, {NULL}},
        {"dead", {"list", "state=dead", "--fields", "id,state"}, NULL, 0,
         {"ID      STATE\ndead-1  failed\ndead-2  unknown\ndead-3  invalid\n"}, {NULL}},
        {"not dead, not due", {"list", "state!=dead,retrying,held,scheduled", "--fields", "id"}, NULL, 0, {"ID\nlease-1\nraw-1\n"}, {NULL}},
        {"unknown", {"list", "state=unknown", "--fields", "id"}, NULL, 0, {"ID\ndead-2\n"}, {NULL}},
        {"invalid", {"list", "state=invalid", "--fields", "id,error"}, NULL, 0, {"ERROR\ndead-3  unknown field `tll`\n"}, {NULL}},
        {"reason", {"list", "reason=credit", "--fields", "id"}, NULL, 0, {"ID\nheld-1\n"}, {NULL}},
        {"code", {"list", "code=600", "--fields", "id"}, NULL, 0, {"ID\nretry-1\n"}, {NULL}},
        {"code of the dead", {"list", "code>300", "code<400", "--fields", "id"}, NULL, 0, {"ID\ndead-1\n"}, {NULL}},
        {"age", {"list", "age>30m", "age<90m", "--fields", "id"}, NULL, 0, {"ID\nretry-1\n"}, {NULL}},
        {"next", {"list", "next>1h", "--fields", "id"}, NULL, 0, {"ID\nsched-1\n"}, {NULL}},
        {"attempts", {"list", "attempts>2", "state!=dead", "--fields", "id"}, NULL, 0, {"ID\nretry-1\n"}, {NULL}},
        {"to", {"list", "to~43*", "--fields", "id"}, NULL, 0, {"ID\nheld-1\nraw-1\n"}, {NULL}},
        {"to one of several", {"list", "to=+41791234567", "--fields", "id"}, NULL, 0, {"ID\nlease-1\n"}, {NULL}},
        {"label", {"list", "label=news", "--fields", "id"}, NULL, 0, {"ID\nready-1\nretry-1\n"}, {NULL}},
        {"from", {"list", "from=me", "--fields", "id,from"}, NULL, 0, {"ID     FROM\nraw-1  me\n"}, {NULL}},
        {"type", {"list", "type=voice", "--fields", "id"}, NULL, 0, {"ID\ncall-1\n"}, {NULL}},
        {"queue", {"list", "queue!=sms", "--fields", "id"}, NULL, 0, {"ID\ncall-1\n"}, {NULL}},
        {"queue by option", {"list", "--queue", "voice", "--fields", "id"}, NULL, 0, {"ID\ncall-1\n"}, {NULL}},
        {"id", {"list", "id~*-1", "state=held", "--fields", "id"}, NULL, 0, {"ID\nheld-1\n"}, {NULL}},
        {"nothing like it", {"list", "state=held", "code=600"}, NULL, 3, {NULL}, {"there is no such job"}},
        {"no state can hold", {"list", "state=held", "state=sending"}, NULL, 3, {NULL}, {"there is no such job"}},
        {"some that left", {"list", "state=sent,held", "--fields", "id"}, NULL, 0, {"ID\nheld-1\n"}, {"by their ids only"}},
    };
    cli_jobs_put_usual();
    cli_jobs_check(rows, BH_ARRAY_LEN(rows));
}

Test(list, looks_up_ids)
{
    static const struct cli_row rows[] = {
        {"wherever they are", {"list", "sent-1", "retry-1", "dead-1", "lease-1", "--fields", "id,place"}, NULL, 0,
         {"sent-1   ended\n", "retry-1  waiting\n", "dead-1   dead\n", "lease-1  in hand\n"}, {NULL}},
        {"in the line", {"list", "ready-1", "--fields", "id,place,state"}, NULL, 0, {"ready-1  ready  ready\n"}, {NULL}},
        {"one that was sent", {"list", "sent-1", "state=sent", "--fields", "id,state,code"}, NULL, 0, {"sent-1  sent    100\n"}, {NULL}},
        {"with a filter", {"list", "retry-1", "held-1", "state=held", "--fields", "id"}, NULL, 0, {"ID\nheld-1\n"}, {NULL}},
        {"with a filter that none passes", {"list", "retry-1", "code=1"}, NULL, 3, {NULL}, {"there is no such job"}},
        {"from standard input", {"list", "-", "--fields", "id"}, "retry-1\n\n  held-1  \r\nnobody", 0, {"ID\nretry-1\nheld-1\n"},
         {"nobody is not known"}},
        {"from input, filtered", {"list", "-", "code=600", "--fields", "id"}, "retry-1\nheld-1\n", 0, {"ID\nretry-1\n"}, {NULL}},
        {"twice is once", {"list", "retry-1", "retry-1", "sent-1", "sent-1", "--json", "--fields", "id"}, NULL, 0,
         {"{\"id\":\"retry-1\"}\n{\"id\":\"sent-1\"}\n"}, {NULL}},
        {"in another queue", {"list", "call-1", "--queue", "sms"}, NULL, 3, {NULL}, {"call-1 is not known"}},
        {"a dead one that is forgotten", {"list", "dead-9", "--fields", "id,state,from"}, NULL, 0, {"dead-9  failed  Shop\n"}, {NULL}},
        {"one that nobody has claimed", {"list", "nobody", "raw-1", "--fields", "id,place,to"}, NULL, 0, {"raw-1  pushed  436641234567\n"},
         {"nobody is not known"}},
        {"in two queues", {"list", "twin", "--json", "--fields", "id,queue"}, NULL, 0, {"\"sms\"", "\"voice\""}, {NULL}},
    };
    cli_jobs_put_usual();
    cli_jobs_put(&(struct cli_job){.id = "dead-9", .place = "dead", .waiting = 'r'});
    cli_jobs_put(&(struct cli_job){.id = "twin", .place = "due", .waiting = 'r', .state = "retrying"});
    cli_jobs_put(&(struct cli_job){.id = "twin", .queue = "voice", .place = "due", .waiting = 'r', .state = "retrying"});
    cli_jobs_check(rows, BH_ARRAY_LEN(rows));
}

/* What a job leaves behind that ends, or changes places, while somebody looks. */
Test(list, copes_with_jobs_that_are_half_gone)
{
    static const struct cli_row rows[] = {
        {"no record any more", {"list", "gone-1", "--fields", "id,place,state"}, NULL, 0, {"gone-1  ended  retrying\n"}, {NULL}},
        {"its handle is another's", {"list", "gone-2", "--fields", "id,place"}, NULL, 0, {"gone-2  ended\n"}, {NULL}},
        {"no status any more", {"list", "label!=x", "id=gone-3", "--fields", "id,to"}, NULL, 0, {"gone-3  491701234567\n"},
         {"records that cannot be read"}},
        {"neither status nor payload", {"list", "id=gone-4", "--fields", "id,to,from"}, NULL, 0, {"gone-4  -   -\n"},
         {"records that cannot be read"}},
        {"a record that nobody can read", {"list", "state=dead"}, NULL, 3, {NULL}, {"passed over", "there is no such job"}},
        {"the same by id", {"list", "bad-1", "--fields", "id,place"}, NULL, 0, {"bad-1  dead\n"}, {"records that cannot be read"}},
        {"a handle without anything", {"list", "state=retrying", "--json", "--fields", "id"}, NULL, 0, {"gone-3"},
         {"records that cannot be read"}},
        {"the age of one that is not born yet", {"list", "future", "--fields", "id,age"}, NULL, 0, {"future  0 ms\n"}, {NULL}},
    };
    int gone = cli_jobs_put(&(struct cli_job){.id = "gone-1", .place = "due", .waiting = 'r', .state = "retrying"});
    TELL("HDEL bellhop:{sms}:heads %d", gone);
    int other = cli_jobs_put(&(struct cli_job){.id = "gone-2", .place = "due", .waiting = 'h', .state = "held"});
    TELL("HSET bellhop:{sms}:heads %d %s", other, "1 h credit 0 0 - 0 0 0 0 0 0 somebody-else\n");
    cli_jobs_put(&(struct cli_job){.id = "gone-3", .place = "due", .waiting = 'r'});
    int bare = cli_jobs_put(&(struct cli_job){.id = "gone-4", .place = "due", .waiting = 'r'});
    TELL("HDEL bellhop:{sms}:jobs %d", bare);
    int bad = cli_jobs_put(&(struct cli_job){.id = "bad-1", .place = "dead", .waiting = 'r', .state = "failed"});
    TELL("HSET bellhop:{sms}:heads %d %s", bad, "9 from the future");
    cli_jobs_put(&(struct cli_job){.id = "future", .place = "due", .waiting = 'r', .age_ms = -3600000, .state = "retrying"});
    TELL("ZADD bellhop:{sms}:due 1 4711");
    cli_jobs_check(rows, BH_ARRAY_LEN(rows));
}

Test(list, shows_what_nobody_has_claimed)
{
    static const struct cli_row rows[] = {
        {"no job at all", {"list", "state=ready", "--fields", "id,error"}, NULL, 0,
         {"-          not valid JSON at byte 1", "nice       -", "has-an-id  unknown field `txet`"}, {NULL}},
        {"oldest first", {"list", "--fields", "bytes"}, NULL, 0, {"BYTES\n    4\n"}, {NULL}},
        {"the status of another of its id is not its own", {"list", "id=nice", "--fields", "id,state,code,to"}, NULL, 0,
         {"nice  ready     -  491701234567\n"}, {NULL}},
        {"moved aside comes first", {"list", "--limit", "1", "--fields", "bytes"}, NULL, 0, {"BYTES\n    4\n"}, {"first 1"}},
        {"a text where a job should be is no filter's", {"list", "to=491701234567", "--fields", "id"}, NULL, 0, {"ID\nnice\n"}, {NULL}},
    };
    TELL("LPUSH bellhop:{sms} %s", "{\"id\":\"nice\",\"to\":\"0170 1234567\",\"text\":\"x\"}");
    TELL("LPUSH bellhop:{sms} %s", "{\"id\":\"has-an-id\",\"to\":\"0170 1234567\",\"txet\":\"x\"}");
    TELL("LPUSH bellhop:{sms} %b", "\xFF\x00\x1B[2J", (size_t)6);
    TELL("LPUSH bellhop:{sms}:in %s", "oops");
    TELL("HSET bellhop:{sms}:status:nice state sent code 100 to 4999 attempts 1");
    cli_jobs_check(rows, BH_ARRAY_LEN(rows));
}

Test(list, the_dead_have_a_word_of_their_own)
{
    static const struct cli_row rows[] = {
        {"which word", {"dead"}, NULL, 2, {NULL}, {"bellhop dead list"}},
        {"a mistyped word", {"dead", "lsit"}, NULL, 2, {NULL}, {"did you mean `dead list`?"}},
        {"no such word", {"dead", "dance"}, NULL, 2, {NULL}, {"there is no `dead dance`"}},
        {"all", {"dead", "list"}, NULL, 0, {"DIED", "dead-1  sms    failed", "dead-2  sms    unknown", "dead-3"}, {NULL}},
        {"filtered", {"dead", "list", "code=305", "--fields", "id"}, NULL, 0, {"ID\ndead-1\n"}, {NULL}},
        {"those who live are none", {"dead", "list", "retry-1"}, NULL, 3, {NULL}, {"no such job"}},
        {"nor those who wait", {"dead", "list", "state=held"}, NULL, 3, {NULL}, {"no such job"}},
        {"for machines", {"dead", "list", "--json"}, NULL, 0, {"\"died_at\":", "\"state\":\"unknown\""}, {NULL}},
    };
    cli_jobs_put_usual();
    cli_jobs_check(rows, BH_ARRAY_LEN(rows));
}

/* clang-format on */

Test(list, json_has_all_and_is_json)
{
    struct run_result result;
    cli_jobs_put_usual();
    cli_run((const char *const[]){"list", "--json", NULL}, NULL, &result);
    cr_expect_eq(cli_jobs_count_json("list", result.out), 11, "%s", result.out);
    static const char *const pieces[] = {
        "\"id\":\"retry-1\"",   "\"state\":\"uncertain\"", "\"reason\":\"credit\"",
        "\"next_at\":",         "\"lease_until\":",        "\"died_at\":",
        "\"code\":600",         "\"attempts\":3",          "4917\\u0007\\u001b[2J",
        "\"place\":\"pushed\"", "\"label\":\"news\"",      "\"uncertain\":true",
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(pieces); i++)
        cr_expect_not_null(strstr(result.out, pieces[i]), "no %s in %s", pieces[i], result.out);
    cr_expect_null(strstr(result.out, "handle"), "that is nobody's business");
    run_release(&result);
    cli_run((const char *const[]){"list", "--json", "--fields", "id,handle", "id=retry-1", NULL},
            NULL, &result);
    cr_expect_str_eq(result.out, "{\"id\":\"retry-1\",\"handle\":\"3\"}\n");
    run_release(&result);
}

/* ---- where it is started ---- */

/* A socket must not get the number of a standard file that somebody has closed. */
Test(list, works_without_standard_files)
{
    static const struct {
        const char *redirection;
        int exit_status;
        const char *out;
        const char *err;
    } rows[] = {
        {"<&-",        0, "{\"id\":\"retry-1\"}\n", ""                               },
        {"2>&-",       0, "{\"id\":\"retry-1\"}\n", ""                               },
        {"<&- 2>&-",   0, "{\"id\":\"retry-1\"}\n", ""                               },
        {">&-",        1, "",                       "cannot write to standard output"},
        {">/dev/full", 1, "",                       "cannot write to standard output"},
        {"<&- >&-",    1, "",                       "cannot write to standard output"},
    };
    cli_jobs_put_usual();
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        char script[160];
        struct run_result result;
        snprintf(script, sizeof(script), "exec \"$0\" list --json --fields id retry-1 %s",
                 rows[i].redirection);
        run_program(
            &(struct run_request){
                .program = "/bin/sh",
                .directory = stage.server.dir,
                .args = (const char *const[]){"-c",  script, BH_TEST_BELLHOP, NULL},
                .environment = (const char *const[]){stage.config_variable, NULL      },
        },
            &result);
        cr_expect_eq(result.exit_status, rows[i].exit_status, "%s: %d %s", rows[i].redirection,
                     result.exit_status, result.err);
        cr_expect_str_eq(result.out, rows[i].out, "%s", rows[i].redirection);
        cr_expect_not_null(strstr(result.err, rows[i].err), "%s: %s", rows[i].redirection,
                           result.err);
        run_release(&result);
    }
}

/* ---- many ---- */

static void
flush(int pending)
{
    redisReply *reply;
    for (; pending > 0; pending--) {
        cr_assert_eq(redisGetReply(stage.redis, (void **)&reply), REDIS_OK);
        cr_assert_neq(reply->type, REDIS_REPLY_ERROR, "%s", reply->str);
        freeReplyObject(reply);
    }
}

/* Jobs j00001 and so on in `due`, in this order. */
static void
put_many(int count)
{
    for (int i = 1; i <= count; i++) {
        char head[160];
        snprintf(head, sizeof(head),
                 "1 r - 1 0 - 0 0 1700000000000 1700000000000 32503680000000 0 j%05d\n", i);
        redisAppendCommand(stage.redis, "HSET bellhop:{sms}:heads %d %s", i, head);
        redisAppendCommand(stage.redis, "ZADD bellhop:{sms}:due %lld %d", 32503680000000LL + i, i);
        redisAppendCommand(stage.redis,
                           "HSET bellhop:{sms}:status:j%05d state retrying to 49170%07d", i, i);
        if (i % 500 == 0)
            flush(3 * 500);
    }
    flush(3 * (count % 500));
}

static void
check_count(const char *const *args, size_t wanted, const char *err)
{
    struct run_result result;
    cli_run(args, NULL, &result);
    cr_expect_eq(result.exit_status, 0, "%s", result.err);
    cr_expect_eq(cli_jobs_count_json(args[1], result.out), wanted);
    if (err != NULL)
        cr_expect_not_null(strstr(result.err, err), "no \"%s\" in %s", err, result.err);
    else
        cr_expect_str_eq(result.err, "");
    run_release(&result);
}

Test(list, walks_many_jobs, .timeout = 120)
{
    put_many(MANY);
    check_count((const char *const[]){"list", "--json", "--fields", "id", NULL}, 1000,
                "the first 1000; there are more");
    check_count(
        (const char *const[]){"list", "--json", "--fields", "id", "--limit", "100000", NULL}, MANY,
        NULL);
    check_count((const char *const[]){"list", "--json", "--fields", "id", "to~*0009999", NULL}, 1,
                NULL);
    check_count((const char *const[]){"list", "--json", "--fields", "id", "id~*7", NULL}, 1000,
                NULL);
}

Test(list, takes_many_ids_on_standard_input, .timeout = 120)
{
    struct run_result result;
    char *input = malloc(2000 * 8 + 1);
    put_many(2000);
    for (int i = 0; i < 2000; i++)
        snprintf(input + i * 7, 8, "j%05d\n", 2000 - i);
    cli_run(
        (const char *const[]){"list", "-", "--json", "--fields", "id,to", "--limit", "1999", NULL},
        input, &result);
    cr_expect_eq(cli_jobs_count_json("ids", result.out), 1999);
    static const char first[] = "{\"id\":\"j02000\",\"to\":\"491700002000\"}\n";
    cr_expect_eq(strncmp(result.out, first, sizeof(first) - 1), 0, "%.80s", result.out);
    cr_expect_not_null(strstr(result.err, "there are more"), "%s", result.err);
    run_release(&result);
    free(input);
}

/* Payloads that are too large to be held together are read a few at a time. */
Test(list, is_not_drowned_by_large_payloads, .timeout = 120)
{
    size_t len = (size_t)3 * 1024 * 1024;
    char *payload = malloc(len + 1);
    memset(payload, 'x', len);
    payload[len] = '\0';
    for (int i = 0; i < 30; i++)
        TELL("LPUSH bellhop:{sms} %b", payload, len);
    for (int i = 0; i < 30; i++)
        cli_jobs_put(
            &(struct cli_job){.id = "same", .place = "dead", .waiting = 'n', .payload = payload});
    free(payload);
    check_count((const char *const[]){"list", "--json", "--fields", "bytes,from", NULL}, 60, NULL);
}

/* ---- what moves while it is looked at ---- */

/* In a process of its own, which ends with the server if nobody ends it before. */
static void
do_or_end(redisContext *redis, const char *format, unsigned number)
{
    redisReply *reply = redisCommand(redis, format, number);
    if (reply == NULL)
        _exit(1);
    freeReplyObject(reply);
}

/* Jobs go from due to ready and back, and some end. */
static void
move_for_ever(void)
{
    redisContext *redis = redisConnectUnix(stage.server.socket_path);
    if (redis == NULL || redis->err != 0)
        _exit(1);
    for (unsigned i = 0;; i++) {
        unsigned handle = i * 7919U % 2000U + 1;
        if (i % 2 == 0) {
            do_or_end(redis, "ZREM bellhop:{sms}:due %u", handle);
            do_or_end(redis, "LPUSH bellhop:{sms}:ready %u", handle);
        } else {
            do_or_end(redis, "LTRIM bellhop:{sms}:ready 0 -2", handle);
            do_or_end(redis, "ZADD bellhop:{sms}:due 32503680000000 %u", handle);
        }
        if (i % 50 == 0) {
            do_or_end(redis, "HDEL bellhop:{sms}:heads %u", handle);
            do_or_end(redis, "DEL bellhop:{sms}:status:j%05u", handle);
        }
    }
}

static void
expect_each_once(const char *text)
{
    static bool seen[2001];
    struct bh_str rest = bh_str_from(text), line;
    memset(seen, 0, sizeof(seen));
    while (bh_str_split(&rest, '\n', &line) && line.len > 0) {
        int number = 0;
        cr_assert_eq(sscanf(line.ptr, "{\"id\":\"j%5d\"", &number), 1, "%.*s", BH_STR_ARGS(line));
        cr_assert(number >= 1 && number <= 2000);
        cr_expect_not(seen[number], "j%05d twice", number);
        seen[number] = true;
    }
}

Test(list, tells_no_job_twice_while_they_move, .timeout = 120)
{
    put_many(2000);
    pid_t mover = fork();
    cr_assert(mover >= 0);
    if (mover == 0)
        move_for_ever();
    for (int i = 0; i < 5; i++) {
        struct run_result result;
        cli_run(
            (const char *const[]){"list", "--json", "--fields", "id,to", "--limit", "5000", NULL},
            NULL, &result);
        cr_expect_eq(result.exit_status, 0, "%s", result.err);
        cr_expect_gt(cli_jobs_count_json("moving", result.out), 500);
        expect_each_once(result.out);
        run_release(&result);
    }
    cr_expect_eq(kill(mover, 0), 0, "it has been moving all the while");
    kill(mover, SIGKILL);
    while (waitpid(mover, NULL, 0) < 0 && errno == EINTR)
        ;
}
