/*
 * bellhop top on a terminal of its own, and the commands that show what status sums up.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/base.h"
#include "integration/cli_jobs.h"
#include "support/cli_stage.h"
#include "support/pty.h"

static void
setup(void)
{
    cli_stage_open("[queue sms]\n[queue bulk]\n[queue voice]\ntype = voice\n");
}

TestSuite(cli_screens, .init = setup, .fini = cli_stage_close, .timeout = 120);

static struct bh_pty pty;

static void
start_top(size_t rows, size_t columns)
{
    const char *const args[] = {"top", "--interval", "500ms", NULL};
    const char *const environment[] = {stage.config_variable, "TERM=xterm", "TZ=UTC", NULL};
    bh_pty_start(&pty, BH_TEST_BELLHOP, args, environment, rows, columns);
}

static void
expect_end(int wanted)
{
    int code = bh_pty_wait(&pty);
    cr_expect_eq(code, wanted, "ended with %d", code);
    cr_expect_not(pty.other, "the other screen is left");
    cr_expect(bh_pty_is_sane(&pty), "echo and lines are back");
    cr_expect_eq(pty.strange, 0, "%zu strange bytes", pty.strange);
    bh_pty_release(&pty);
}

/* ---- top ---- */

static long long
integer(const char *format, const char *word)
{
    redisReply *reply = cli_stage_ask(format, word);
    long long value = reply->type == REDIS_REPLY_INTEGER ? reply->integer : -1;
    freeReplyObject(reply);
    return value;
}

Test(cli_screens, top_draws_sorts_filters_and_quits)
{
    TELL("RPUSH bellhop:{bulk} a b c");
    start_top(24, 100);
    cr_assert(bh_pty_sees(&pty, "No bellhopd is running"));
    cr_assert(bh_pty_sees(&pty, "bulk                3"));
    cr_expect(pty.other);
    cr_expect_not(bh_pty_is_sane(&pty));
    bh_pty_type(&pty, "s");
    cr_assert(bh_pty_sees(&pty, "by READY"));
    cr_expect(bh_pty_shows(&pty, "DRAIN"));
    bh_pty_type(&pty, "/vo");
    cr_assert(bh_pty_sees(&pty, "/vo_"));
    cr_expect_not(bh_pty_shows(&pty, "bulk   "));
    bh_pty_type(&pty, "\033");
    cr_assert(bh_pty_sees(&pty, "bulk   "));
    bh_pty_type(&pty, "?");
    cr_assert(bh_pty_sees(&pty, "? this help"));
    bh_pty_type(&pty, " ");
    cr_assert(bh_pty_sees(&pty, "by READY"));
    bh_pty_type(&pty, "q");
    expect_end(0);
}

static void
expect_pause_audited(void)
{
    static const char *const wanted[] = {"{\"queue\":\"bulk\",", "\"what\":\"pause\"",
                                         "\"after\":\"by bellhop top\""};
    struct run_result result;
    cli_run((const char *const[]){"audit", "--json", NULL}, NULL, &result);
    cli_expect_pieces("audit", "standard output", result.out, wanted, BH_ARRAY_LEN(wanted));
    run_release(&result);
}

Test(cli_screens, top_pauses_and_resumes_when_asked_twice)
{
    start_top(24, 100);
    cr_assert(bh_pty_sees(&pty, "voice "));
    bh_pty_type(&pty, "j");
    bh_pty_type(&pty, "p");
    cr_assert(bh_pty_sees(&pty, "pause queue bulk? y/n"));
    bh_pty_type(&pty, "n");
    cr_assert(bh_pty_sees(&pty, "q quit"));
    bh_pty_type(&pty, "\033[Ajp");
    cr_assert(bh_pty_sees(&pty, "pause queue bulk? y/n"));
    bh_pty_type(&pty, "y");
    cr_assert(bh_pty_sees(&pty, "= bulk"));
    expect_pause_audited();
    redisReply *paused = cli_stage_ask("HGET bellhop:{bulk}:control paused");
    cr_expect_str_eq(paused->str, "1");
    freeReplyObject(paused);
    bh_pty_type(&pty, "p");
    cr_assert(bh_pty_sees(&pty, "resume queue bulk? y/n"));
    bh_pty_type(&pty, "y");
    cr_assert(bh_pty_sees(&pty, "bulk is running"));
    bh_pty_type(&pty, "q");
    expect_end(0);
}

Test(cli_screens, top_fits_any_size)
{
    static const struct {
        size_t rows, columns;
    } sizes[] = {
        {10, 40 },
        {3,  12 },
        {1,  1  },
        {50, 190},
        {2,  80 },
        {24, 80 }
    };
    start_top(24, 100);
    cr_assert(bh_pty_sees(&pty, "DRAIN"));
    for (size_t i = 0; i < BH_ARRAY_LEN(sizes); i++) {
        bh_pty_resize(&pty, sizes[i].rows, sizes[i].columns);
        /* What was under way for the former size may stand out. */
        cr_assert(bh_pty_sees(&pty, sizes[i].columns > 1 ? "No" : "N"));
    }
    cr_assert(bh_pty_sees(&pty, "READY"));
    bh_pty_type(&pty, "q");
    cr_expect_eq(bh_pty_wait(&pty), 0);
    cr_expect(bh_pty_is_sane(&pty) && !pty.other);
    bh_pty_release(&pty);
}

Test(cli_screens, top_gives_the_terminal_back_at_every_end)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    for (size_t i = 0; i < BH_ARRAY_LEN(signals); i++) {
        start_top(24, 100);
        cr_assert(bh_pty_sees(&pty, "READY"));
        kill(pty.pid, signals[i]);
        expect_end(0);
    }
    start_top(24, 100);
    cr_assert(bh_pty_sees(&pty, "READY"));
    bh_pty_type(&pty, "\003"); /* as it is typed */
    expect_end(0);
}

TestSuite(cli_top_retries, .init = cli_jobs_set_up, .fini = cli_jobs_tear_down, .timeout = 120);

static void
expect_audit(const char *wanted)
{
    struct run_result result;
    cli_run((const char *const[]){"audit", "--json", "--limit", "1", NULL}, NULL, &result);
    cr_expect_not_null(strstr(result.out, wanted), "%s", result.out);
    run_release(&result);
}

Test(cli_top_retries, what_waits_for_a_try_and_nothing_else)
{
    cli_jobs_put_usual();
    cli_jobs_put(&(struct cli_job){.id = "held-2",
                                   .place = "due",
                                   .waiting = 'h',
                                   .reason = "operator",
                                   .in_ms = 900000,
                                   .state = "held"});
    TELL("HSET bellhop:{sms}:counters now:scheduled 2 now:retrying 1 now:uncertain 1 "
         "now:held:credit 1 now:held:operator 1");
    start_top(24, 100);
    cr_assert(bh_pty_sees(&pty, "voice "));
    bh_pty_type(&pty, "r");
    cr_assert(bh_pty_sees(&pty, "retry 3 waiting jobs of sms now? y/n"));
    bh_pty_type(&pty, "x");
    cr_assert(bh_pty_sees(&pty, "q quit"));
    cr_expect_eq(integer("ZCARD bellhop:{sms}:%s", "due"), 5, "nothing was done");
    bh_pty_type(&pty, "ry");
    cr_assert(bh_pty_sees(&pty, "sms: 3 jobs are tried now"));
    cr_expect_eq(integer("ZCARD bellhop:{sms}:%s", "due"), 2,
                 "the delayed one and the operator's stay");
    cr_expect_eq(integer("LLEN bellhop:{sms}:%s", "ready"), 4);
    expect_audit("\"what\":\"retry\",\"id\":\"retry-1 held-1 "
                 "unc-1\",\"count\":3,\"chosen_by\":\"by bellhop top: ");
    bh_pty_type(&pty, "jr");
    cr_assert(bh_pty_sees(&pty, "voice: no job waits for its next try"));
    bh_pty_type(&pty, "q");
    expect_end(0);
}

Test(cli_top_retries, more_than_a_page_of_them_with_one_line_in_the_audit)
{
    enum { MANY = 700 };
    char id[16];
    for (int i = 0; i < MANY; i++) {
        snprintf(id, sizeof(id), "m-%d", i);
        cli_jobs_put(&(struct cli_job){.id = id,
                                       .place = "due",
                                       .waiting = 'r',
                                       .attempts = 1,
                                       .in_ms = 900000,
                                       .state = "retrying"});
    }
    TELL("HSET bellhop:{sms}:counters now:retrying %d", MANY);
    start_top(10, 40);
    cr_assert(bh_pty_sees(&pty, "voice "));
    bh_pty_type(&pty, "r");
    cr_assert(bh_pty_sees(&pty, "retry 700 waiting jobs of sms now? y/n"));
    bh_pty_type(&pty, "y");
    cr_assert(bh_pty_sees(&pty, "sms: 700 jobs are tried now"));
    cr_expect_eq(integer("ZCARD bellhop:{sms}:%s", "due"), 0);
    cr_expect_eq(integer("LLEN bellhop:{sms}:%s", "ready"), MANY);
    cr_expect_eq(integer("XLEN bellhop:{sms}:%s", "audit"), 1);
    expect_audit("\"count\":700");
    bh_pty_type(&pty, "q");
    expect_end(0);
}

/* A program whose parent does not control jobs cannot be stopped by a key, so a shell stands in between. */
Test(cli_screens, top_stops_and_goes_on_under_a_shell)
{
    const char *const args[] = {"-i", NULL};
    const char *const environment[] = {stage.config_variable, "TERM=xterm", "TZ=UTC",
                                       "PS1=ready> ",         "ENV=",       NULL};
    bh_pty_start(&pty, "/bin/sh", args, environment, 24, 100);
    cr_assert(bh_pty_sees(&pty, "ready>"));
    bh_pty_type(&pty, BH_TEST_BELLHOP " top --interval 500ms\n");
    cr_assert(bh_pty_sees(&pty, "READY"));
    for (int again = 0; again < 2; again++) {
        cr_expect(pty.other && !bh_pty_is_sane(&pty));
        memset(pty.first_screen, 0, sizeof(pty.first_screen));
        bh_pty_type(&pty, "\032");
        cr_assert(bh_pty_sees(&pty, "Stopped"));
        cr_expect(!pty.other && bh_pty_is_sane(&pty), "the terminal is the shell's");
        bh_pty_type(&pty, "fg\n");
        cr_assert(bh_pty_sees(&pty, "READY"));
    }
    bh_pty_type(&pty, "s");
    cr_assert(bh_pty_sees(&pty, "by READY"));
    memset(pty.first_screen, 0, sizeof(pty.first_screen));
    bh_pty_type(&pty, "q");
    cr_assert(bh_pty_sees(&pty, "ready>"));
    cr_expect(!pty.other && bh_pty_is_sane(&pty));
    bh_pty_type(&pty, "exit 7\n");
    cr_expect_eq(bh_pty_wait(&pty), 7);
    bh_pty_release(&pty);
}

/* Nothing can be done at a SIGSTOP, but afterwards. */
Test(cli_screens, top_takes_the_terminal_again_when_it_is_continued)
{
    start_top(24, 100);
    cr_assert(bh_pty_sees(&pty, "READY"));
    bh_pty_stop(&pty);
    bh_pty_make_sane(&pty);
    bh_pty_forget(&pty);
    kill(pty.pid, SIGCONT);
    cr_expect(bh_pty_turns_raw(&pty));
    cr_assert(bh_pty_sees(&pty, "READY"));
    bh_pty_type(&pty, "q");
    expect_end(0);
}

Test(cli_screens, top_outlives_redis)
{
    start_top(24, 100);
    cr_assert(bh_pty_sees(&pty, "READY"));
    bh_redis_process_pause(&stage.server);
    cr_assert(bh_pty_sees(&pty, "answer since "));
    bh_pty_type(&pty, "?");
    cr_assert(bh_pty_sees(&pty, "? this help"));
    bh_pty_type(&pty, " ");
    bh_redis_process_resume(&stage.server);
    cr_assert(bh_pty_sees(&pty, "No bellhopd is running"));
    bh_pty_type(&pty, "q");
    expect_end(0);
}

Test(cli_screens, top_prints_nobodys_control_characters)
{
    TELL("HSET bellhop:{sms}:control paused 1 reason %s by %s since 1700000000000", "a\033[2J\007b",
         "\302\233H");
    TELL("HSET bellhop:{sms}:counters %s 5", "code:\033[1m");
    start_top(30, 160);
    cr_assert(bh_pty_sees(&pty, "= sms"));
    cr_assert(bh_pty_sees(&pty, "No bellhopd"));
    bh_pty_type(&pty, "q");
    expect_end(0);
}

/* ---- The others ---- */

struct row {
    const char *name;
    const char *args[RUN_ARGS_MAX];
    int exit_status;
    const char *out[4], *err[2];
};

static void
check(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct run_result result;
        cli_run(rows[i].args, NULL, &result);
        cr_expect_eq(result.exit_status, rows[i].exit_status, "%s: exit %d: %s%s", rows[i].name,
                     result.exit_status, result.out, result.err);
        cli_expect_pieces(rows[i].name, "output", result.out, rows[i].out, 4);
        cli_expect_pieces(rows[i].name, "errors", result.err, rows[i].err, 2);
        run_release(&result);
    }
}

Test(cli_screens, nothing_is_there_yet)
{
    /* clang-format off */
    static const struct row rows[] = {
        {"workers",          {"workers"},              3, {NULL}, {"no bellhopd has reported"}},
        {"codes",            {"codes"},                3, {NULL}, {"has not answered yet"}},
        {"balance",          {"balance"},              3, {NULL}, {"--ask asks"}},
        {"tail without",     {"tail"},                 1, {NULL}, {"set events = 100000 in [status]"}},
        {"tail, a bad term", {"tail", "stat=sent"},    2, {NULL}, {"is none of queue=NAME"}},
        {"tail, a typo",     {"tail", "state=snet"},   2, {NULL}, {"did you mean `sent`?"}},
        {"tail, no number",  {"tail", "--last", "x"},  2, {NULL}, {"from 1 to 10000"}},
        {"top, no terminal", {"top"},                  1, {NULL}, {"needs a terminal"}},
        {"top, too often",   {"top", "--interval", "1ms"}, 2, {NULL}, {"from 500ms to 60s"}},
        {"no such shell",    {"completion", "csh"},    2, {NULL}, {"one of bash, zsh and fish"}},
    };
    /* clang-format on */
    check(rows, BH_ARRAY_LEN(rows));
}

Test(cli_screens, codes_have_their_meaning)
{
    TELL("HSET bellhop:{sms}:counters code:100 7 code:202 9 code:%s 1", "\033[1m");
    /* clang-format off */
    static const struct row rows[] = {
        {"for people",   {"codes"},           0, {"sms     202      ?       ?       ?     9  the recipient's number is invalid", "accepted by the gateway", "?[1m"}, {NULL}},
        {"for machines", {"codes", "--json"}, 0, {"{\"queue\":\"sms\",\"code\":\"202\",\"m1\":null,\"m15\":null,\"m60\":null,\"ever\":9,"}, {NULL}},
    };
    /* clang-format on */
    check(rows, BH_ARRAY_LEN(rows));
}

Test(cli_screens, tail_prints_what_is_wanted)
{
    TELL("XADD bellhop:{sms}:events * id a state sent reason %s code 100 attempts 1 at "
         "1700000000000",
         "");
    TELL("XADD bellhop:{sms}:events * id %s state failed reason %s code 202 attempts 2 at "
         "1700000001000",
         "b\033[1m", "");
    TELL("XADD bellhop:{sms}:events * id d state sent delivery %s message_id 77 at 1700000001500",
         "EX\033[1m");
    TELL("XADD bellhop:{bulk}:events * id c state held reason credit code 500 attempts 0 at "
         "1700000002000");
    /* clang-format off */
    static const struct row rows[] = {
        {"all",         {"tail", "--last", "5", "--count", "4"}, 0, {"2023-11-14 22:13:20  sms  a  sent, code 100, attempt 1", "b?[1m  failed", "bulk  c  held (credit), code 500"}, {NULL}},
        {"a delivery",  {"tail", "id=d", "--last", "5", "--count", "1"}, 0, {"2023-11-14 22:13:21  sms  d  sent, delivery EX?[1m\n"}, {NULL}},
        {"a delivery for machines", {"tail", "id=d", "--last", "5", "--count", "1", "--json"}, 0, {"\"delivery\":\"EX\\u001b[1m\",\"message_id\":\"77\""}, {NULL}},
        {"by state",    {"tail", "state=held,failed", "--last", "5", "--count", "2"}, 0, {"b?[1m  failed", "c  held"}, {NULL}},
        {"by queue",    {"tail", "queue=bulk", "--last", "1", "--count", "1"}, 0, {"bulk  c"}, {NULL}},
        {"for machines", {"tail", "id=c", "--last", "1", "--count", "1", "--json"}, 0, {"{\"queue\":\"bulk\",\"id\":\"c\",\"state\":\"held\",\"reason\":\"credit\",\"code\":500,\"attempts\":0,\"at\":1700000002000}"}, {NULL}},
    };
    /* clang-format on */
    check(rows, BH_ARRAY_LEN(rows));
}

Test(cli_screens, status_tells_machines_what_the_gateway_answered)
{
    static const char *const wanted[] = {"\"codes\":{\"m1\":{\"100\":3,\"a\\\"b\":1},\"m15\":{"
                                         "\"100\":7,\"a\\\"b\":1,\"600\":2},\"m60\":{",
                                         "{\"queue\":\"bulk\","};
    struct timespec now;
    struct run_result result;
    cr_assert_eq(clock_gettime(CLOCK_REALTIME, &now), 0);
    long long at = (long long)now.tv_sec * 1000;
    TELL("HSET bellhop:{sms}:counters attempts 20 code:100 10 %s 1 code:600 2", "code:a\"b");
    char line[128];
    snprintf(line, sizeof(line), "%lld 0 0 0 0 0 0 0 attempts 16 code:100 7 code:600 2",
             at - 70000);
    TELL("RPUSH bellhop:{sms}:minutes %s", line);
    snprintf(line, sizeof(line), "%lld 0 0 0 0 0 0 0 attempts 10 code:100 3", at - 920000);
    TELL("RPUSH bellhop:{sms}:minutes %s", line);
    cli_run((const char *const[]){"status", "--json", NULL}, NULL, &result);
    cr_expect_eq(result.exit_status, 0, "%s", result.err);
    cli_expect_pieces("status", "standard output", result.out, wanted, BH_ARRAY_LEN(wanted));
    run_release(&result);
}
