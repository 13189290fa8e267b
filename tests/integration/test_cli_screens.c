/*
 * bellhop top on a terminal of its own, and the commands that show what status sums up.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/base.h"
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
