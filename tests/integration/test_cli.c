/* The command as people and scripts use it: the real program, a real Redis, and what both say. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bellhop/job.h>

#include "core/base.h"
#include "support/cli_stage.h"

#define ID          "order-4711"
#define STATUS      "bellhop:{sms}:status:" ID
#define PATTERN_MAX 8

/* ---- The stage ---- */

static void
set_up(void)
{
    cli_stage_open("[queue sms]\n[queue voice]\ntype = voice\n");
}

TestSuite(cli, .init = set_up, .fini = cli_stage_close);

/* ---- What is refused, told and printed ---- */

struct row {
    const char *name;
    const char *args[RUN_ARGS_MAX];
    const char *input;
    int exit_status;
    const char *out[PATTERN_MAX]; /* pieces of standard output */
    const char *err[PATTERN_MAX]; /* pieces of standard error; none: it must be empty */
};

static void
check_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct run_result result;
        cli_run(rows[i].args, rows[i].input, &result);
        cr_expect_eq(result.exit_status, rows[i].exit_status, "%s: exit %d, wanted %d: %s%s",
                     rows[i].name, result.exit_status, rows[i].exit_status, result.out, result.err);
        cli_expect_pieces(rows[i].name, "stdout", result.out, rows[i].out, PATTERN_MAX);
        cli_expect_pieces(rows[i].name, "stderr", result.err, rows[i].err, PATTERN_MAX);
        if (rows[i].err[0] == NULL)
            cr_expect_str_eq(result.err, "", "%s: %s", rows[i].name, result.err);
        cr_expect_null(strchr(result.out, '\033'), "%s: colours without a terminal", rows[i].name);
        run_release(&result);
    }
}

Test(cli, answers_what_it_is_asked_about_itself)
{
    static const struct row rows[] = {
        {"nothing at all",             {NULL},             NULL, 2, {"commands:"},            {NULL}                    },
        {"help",                       {"help"},           NULL, 0, {"commands:", "  send "}, {NULL}                    },
        {"help of help",               {"help", "help"},   NULL, 0, {"commands:"},            {NULL}                    },
        {"--help",                     {"--help"},         NULL, 0, {"commands:"},            {NULL}                    },
        {"--version",                  {"--version"},      NULL, 0, {"bellhop "},             {NULL}                    },
        {"help of a command",
         {"help", "show"},
         NULL,                                                   0,
         {"usage: bellhop show", "examples:"},
         {NULL}                                                                                                         },
        {"a command's --help",
         {"send", "--help"},
         NULL,                                                   0,
         {"--foreign-id", "--wait[=TIME]"},
         {NULL}                                                                                                         },
        {"a mistyped command",         {"sned"},           NULL, 2, {NULL},                   {"did you mean `send`?"}  },
        {"help of a mistyped",         {"help", "statsu"}, NULL, 2, {NULL},                   {"did you mean `status`?"}},
        {"no command like it",
         {"frobnicate"},
         NULL,                                                   2,
         {NULL},
         {"there is no command `frobnicate`"}                                                                           },
        {"a mistyped option",
         {"show", "--jsn", "x"},
         NULL,                                                   2,
         {NULL},
         {"did you mean --json?", "bellhop help show"}                                                                  },
        {"a config that is not there",
         {"--config", "/nonexistent/b.ini", "status"},
         NULL,                                                   1,
         {NULL},
         {"/nonexistent/b.ini", "No such file"}                                                                         },
        {"a Redis that is not there",
         {"--redis", "unix:///nonexistent/s", "status"},
         NULL,                                                   1,
         {NULL},
         {"no connection to Redis", "/nonexistent/s"}                                                                   },
        {"a URL that is none",
         {"--redis", "http://:secret@x", "status"},
         NULL,                                                   1,
         {NULL},
         {"[redis] url"}                                                                                                },
    };
    check_rows(rows, BH_ARRAY_LEN(rows));
}

Test(cli, send_refuses_what_the_worker_would_refuse)
{
    static const struct row rows[] = {
        {"nothing to send",          {"send"},                                                  NULL, 2, {NULL}, {"--to NUMBER --text TEXT"}},
        {"text without option",      {"send", "hello"},                                         NULL, 2, {NULL}, {"--text"}                 },
        {"which queue",
         {"send", "--to", "491701234567", "--text", "x"},
         NULL,                                                                                        2,
         {NULL},
         {"--queue NAME", "sms, voice"}                                                                                                     },
        {"unknown queue",
         {"send", "--queue", "smss", "--to", "491701234567", "--text", "x"},
         NULL,                                                                                        1,
         {NULL},
         {"did you mean sms?"}                                                                                                              },
        {"no recipient",
         {"send", "--queue", "sms", "--text", "x"},
         NULL,                                                                                        1,
         {NULL},
         {"not pushed", "`to`"}                                                                                                             },
        {"no text",
         {"send", "--queue", "sms", "--to", "491701234567"},
         NULL,                                                                                        1,
         {NULL},
         {"not pushed", "`text`"}                                                                                                           },
        {"a bad number",
         {"send", "--queue", "sms", "--to", "12", "--text", "x"},
         NULL,                                                                                        1,
         {NULL},
         {"`to`"}                                                                                                                           },
        {"a bad ttl",
         {"send", "--queue", "sms", "--to", "491701234567", "--text", "x", "--ttl", "0"},
         NULL,                                                                                        1,
         {NULL},
         {"`ttl`"}                                                                                                                          },
        {"a bad id",
         {"send", "--queue", "sms", "--to", "491701234567", "--text", "x", "--id", "a b"},
         NULL,                                                                                        1,
         {NULL},
         {"`id`"}                                                                                                                           },
        {"a bad delay",
         {"send", "--queue", "sms", "--to", "491701234567", "--text", "x", "--delay", "soon"},
         NULL,                                                                                        1,
         {NULL},
         {"`delay`"}                                                                                                                        },
        {"meta that breaks out",
         {"send", "--queue", "sms", "--to", "491701234567", "--text", "x", "--meta",
          "{},\"ttl\":1"},
         NULL,                                                                                        1,
         {NULL},
         {"`meta`"}                                                                                                                         },
        {"voice to two",
         {"send", "--queue", "voice", "--to", "491701234567,491701234568", "--text", "x"},
         NULL,                                                                                        1,
         {NULL},
         {"`to`"}                                                                                                                           },
        {"a file that is not there",
         {"send", "--queue", "sms", "--to", "491701234567", "--text", "[[a]]", "--file",
          "/nonexistent/a"},
         NULL,                                                                                        1,
         {NULL},
         {"/nonexistent/a"}                                                                                                                 },
        {"two texts",
         {"send", "--queue", "sms", "--to", "491701234567", "--text", "x", "--text-file", "-"},
         "y",                                                                                         1,
         {NULL},
         {"not both"}                                                                                                                       },
        {"two sources",
         {"send", "--queue", "sms", "--text", "x", "-"},
         "{}",                                                                                        2,
         {NULL},
         {"not both"}                                                                                                                       },
        {"a bad wait",
         {"send", "--queue", "sms", "--to", "491701234567", "--text", "x", "--wait=5"},
         NULL,                                                                                        2,
         {NULL},
         {"--wait"}                                                                                                                         },
        {"empty input",
         {"send", "--queue", "sms", "-"},
         "\n \n",                                                                                     3,
         {NULL},
         {"no job on standard input"}                                                                                                       },
        {"only bad lines",
         {"send", "--queue", "sms", "-"},
         "{}\nnonsense\n",                                                                            1,
         {NULL},
         {"job 1 is not pushed", "job 2 is not pushed", "2 of 2 jobs"}                                                                      },
    };
    check_rows(rows, BH_ARRAY_LEN(rows));
    redisReply *keys = cli_stage_ask("DBSIZE");
    cr_expect_eq(keys->integer, 0, "something was pushed after all");
    freeReplyObject(keys);
}

Test(cli, send_plans_without_pushing)
{
    static const struct row rows[] = {
        {"gsm",
         {"send", "--dry-run", "--queue", "sms", "--to", "491701234567", "--text", "hello"},
         NULL,                                                    0,
         {"\"text\":\"hello\"", "1 recipient, encoding gsm, 5 characters, 1 part;",
          "nothing was pushed"},
         {NULL}},
        {"ucs2",
         {"send", "--dry-run", "--queue", "sms", "--to", "491701234567", "--to", "491701234568",
          "--text", "Gr\u00FC\u00DFe \U0001F389"},
         NULL,                                                    0,
         {"2 recipients, encoding ucs2, 7 characters", "character 7 (U+1F389)"},
         {NULL}},
        {"the only queue of a type",
         {"send", "--dry-run", "--type", "voice", "--to", "491701234567", "--text", "hello"},
         NULL,                                                    0,
         {"voice for queue voice"},
         {NULL}},
        {"text from input",
         {"send", "--dry-run", "--queue", "sms", "--to", "491701234567", "--text-file", "-"},
         "a\nb\n",                                                0,
         {"\"text\":\"a\\nb\""},
         {NULL}},
        {"a line",
         {"send", "--dry-run", "--json", "--queue", "sms", "-"},
         "{\"id\":\"a\",\"to\":\"491701234567\",\"text\":\"x\"}", 0,
         {"{\"job\":{\"enqueued_at\":", ",\"id\":\"a\",\"to\"",
          "\"encoding\":\"gsm\",\"characters\":1,\"parts\":1}"},
         {NULL}},
    };
    check_rows(rows, BH_ARRAY_LEN(rows));
    redisReply *keys = cli_stage_ask("DBSIZE");
    cr_expect_eq(keys->integer, 0);
    freeReplyObject(keys);
}

/* ---- What is pushed ---- */

/* The job that a worker would take next, parsed as the worker does. */
static struct bh_job *
take_next(const char *queue)
{
    struct bh_job *job = NULL;
    struct bh_error error = {0};
    redisReply *reply = cli_stage_ask("RPOP bellhop:{%s}", queue);
    cr_assert_eq(reply->type, REDIS_REPLY_STRING, "nothing was pushed");
    enum bh_job_verdict verdict = bh_job_parse(reply->str, (size_t)reply->len, NULL, &job, &error);
    cr_assert_eq(verdict, BH_JOB_VALID, "%s: %s", reply->str, error.text);
    freeReplyObject(reply);
    return job;
}

Test(cli, send_turns_every_option_into_its_field)
{
    char path[128];
    cli_stage_write("offer.txt", "hello");
    bh_redis_process_path(&stage.server, "offer.txt", path, sizeof(path));
    const char *const args[] = {"send",
                                "--queue=sms",
                                "--to=491701234567",
                                "--to",
                                "+491701234568",
                                "--text=see [[offer.txt]]",
                                "--from=Shop",
                                "--delay=+90s",
                                "--ttl=5",
                                "--id=" ID,
                                "--label=l",
                                "--foreign-id=f",
                                "--flash",
                                "--unicode",
                                "--no-reload",
                                "--utf8",
                                "--debug",
                                "--performance_tracking",
                                "--file",
                                path,
                                "--file-validity=3",
                                "--retry=5s",
                                "--on-uncertain=resend",
                                "--meta={\"a\":1}",
                                NULL};
    struct run_result result;
    cli_run(args, NULL, &result);
    cr_expect_eq(result.exit_status, 0, "%s", result.err);
    cr_expect_str_eq(result.out, ID "\n");
    run_release(&result);

    struct bh_job *job = take_next("sms");
    cr_expect_str_eq(job->id, ID);
    cr_expect_eq(job->recipients_count, 2);
    cr_expect_str_eq(job->recipients[1].msisdn, "491701234568");
    cr_expect_str_eq(job->text, "see [[offer.txt]]");
    cr_expect_str_eq(job->from, "Shop");
    cr_expect_str_eq(job->delay, "+90s");
    cr_expect_eq(job->ttl_minutes, 5);
    cr_expect_str_eq(job->label, "l");
    cr_expect_str_eq(job->foreign_id, "f");
    cr_expect(job->flash && job->unicode && job->no_reload && job->utf8 && job->debug);
    cr_expect(job->performance_tracking && !job->xml);
    cr_assert_eq(job->files_count, 1);
    cr_expect_str_eq(job->files[0].name, "offer.txt");
    cr_expect_str_eq(job->files[0].contents, "aGVsbG8=");
    cr_expect_eq(job->files[0].validity_days, 3);
    cr_expect_str_eq(job->retry, "5s");
    cr_expect_eq(job->on_uncertain, BH_ON_UNCERTAIN_RESEND);
    cr_expect_str_eq(job->meta, "{\"a\":1}");
    cr_expect_gt(job->enqueued_at_ms, 1700000000000);
    bh_job_free(job);
}

Test(cli, send_reads_lines_in_their_order_and_passes_bad_ones_over)
{
    const char *const args[] = {"send", "--queue", "sms", "-", NULL};
    struct run_result result;
    cli_run(args,
            "{\"id\":\"a\",\"to\":\"491701234567\",\"text\":\"first\"}\r\n"
            "\n"
            "{\"id\":\"b\",\"to\":\"491701234567\",\"tekst\":\"second\"}\n"
            "{\"to\":\"491701234567\",\"text\":\"third\",\"enqueued_at\":1700000000}",
            &result);
    cr_expect_eq(result.exit_status, 1);
    cr_expect_not_null(strstr(result.err, "job 2 is not pushed"), "%s", result.err);
    cr_expect_not_null(strstr(result.err, "did you mean `text`"), "%s", result.err);
    cr_expect_eq(strncmp(result.out, "a\n", 2), 0, "%s", result.out);
    char made_up[64];
    snprintf(made_up, sizeof(made_up), "%.*s", (int)strcspn(result.out + 2, "\n"), result.out + 2);
    cr_expect_eq(strlen(made_up), 36);
    run_release(&result);

    struct bh_job *job = take_next("sms");
    cr_expect_str_eq(job->text, "first");
    cr_expect_neq(job->enqueued_at_ms, 0);
    bh_job_free(job);
    job = take_next("sms");
    cr_expect_str_eq(job->text, "third");
    cr_expect_str_eq(job->id, made_up);
    cr_expect_eq(job->enqueued_at_ms, 1700000000000);
    bh_job_free(job);
}

Test(cli, send_pushes_hundreds_of_lines_each_once)
{
    enum { COUNT = 500 };
    static char input[COUNT * 80];
    size_t len = 0;
    for (int i = 0; i < COUNT; i++)
        len += (size_t)snprintf(input + len, sizeof(input) - len,
                                "{\"id\":\"n%d\",\"to\":\"491701234567\",\"text\":\"x\"}\n", i);
    const char *const args[] = {"send", "--json", "--queue", "sms", "-", NULL};
    struct run_result result;
    cli_run(args, input, &result);
    cr_expect_eq(result.exit_status, 0, "%s", result.err);
    cr_expect_not_null(strstr(result.out, "{\"queue\":\"sms\",\"id\":\"n499\"}\n"));
    run_release(&result);
    for (int i = 0; i < COUNT; i++) {
        char wanted[16];
        snprintf(wanted, sizeof(wanted), "n%d", i);
        struct bh_job *job = take_next("sms");
        cr_expect_str_eq(job->id, wanted);
        bh_job_free(job);
    }
}

/* ---- Following ---- */

Test(cli, wait_gives_up_in_time_and_says_so)
{
    const char *const args[] = {
        "send", "--queue=sms", "--to=491701234567", "--text=x", "--id=" ID, "--wait=100ms", NULL};
    struct run_result result;
    cli_run(args, NULL, &result);
    cr_expect_eq(result.exit_status, 1);
    cr_expect_str_eq(result.out, ID "\n");
    cr_expect_not_null(strstr(result.err, "bellhop show " ID), "%s", result.err);
    run_release(&result);
}

Test(cli, wait_ends_as_the_job_ended)
{
    static const struct {
        const char *state;
        int exit_status;
    } rows[] = {
        {"sent",      0},
        {"failed",    1},
        {"partial",   1},
        {"expired",   1},
        {"duplicate", 1},
        {"unknown",   1},
        {"invalid",   1},
        {"cancelled", 1},
    };
    const char *const args[] = {
        "send", "--queue=sms", "--to=491701234567", "--text=x", "--id=" ID, "--wait", NULL};
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        TELL("HSET " STATUS " state %s attempts 1 updated_at 1700000000000 error %s", rows[i].state,
             "because");
        struct run_result result;
        cli_run(args, NULL, &result);
        cr_expect_eq(result.exit_status, rows[i].exit_status, "%s: %s%s", rows[i].state, result.out,
                     result.err);
        cr_expect_not_null(strstr(result.out, "2023-11-14 22:13:20  " ID "  "), "%s", result.out);
        cr_expect_not_null(strstr(result.out, rows[i].state), "%s", result.out);
        run_release(&result);
    }
}

/* ---- Showing ---- */

Test(cli, show_tells_people_what_goes_on)
{
    static const struct row rows[] = {
        {"no id",      {"show"},                         NULL,    2, {NULL},           {"which job?"}         },
        {"not known",  {"show", "nobody"},               NULL,    3, {NULL},           {"nobody is not known"}},
        {"no such id", {"show", "a/b"},                  NULL,    1, {NULL},           {"no id of a job"}     },
        {"in a queue",
         {"show", "--queue", "sms", ID},
         NULL,                                                    0,
         {"in queue sms", "retrying", "what happens next", "tried again by itself"},
         {NULL}                                                                                               },
        {"in another", {"show", "--queue", "voice", ID}, NULL,    3, {NULL},           {"not known"}          },
        {"all queues",
         {"show", ID, "nobody"},
         NULL,                                                    0,
         {"HTTP status       503", "err?[31mor"},
         {"nobody is not known"}                                                                              },
        {"from input", {"show", "-"},                    ID "\n", 0, {"491701234567"}, {NULL}                 },
        {"recipients",
         {"show", ID},
         NULL,                                                    0,
         {"RECIPIENT", "491701234567  accepted  -         77",
          "491701234568  refused   -         -    202"},
         {NULL}                                                                                               },
        {"JSON",
         {"show", "--json", ID},
         NULL,                                                    0,
         {"\"http_status\":503", "\"to\":\"491701234567\"", "\"recipients\":[{\"recipient\"",
          "\"meta\":\"no object\""},
         {NULL}                                                                                               },
    };
    TELL("HSET " STATUS " state retrying type sms to 491701234567 attempts 1 "
         "created_at 1700000000000 updated_at 1700000000000 next_at 32503680000000 "
         "http_status 503 error %s meta %s recipients %s",
         "err\033[31mor", "\"no object\"",
         "[{\"recipient\":\"491701234567\",\"success\":true,\"id\":\"77\",\"code\":100,\"parts\":1,"
         "\"price\":0.075,\"error\":null},"
         "{\"recipient\":\"491701234568\",\"success\":false,\"id\":null,\"code\":202,\"parts\":0,"
         "\"price\":0,\"error\":\"bad\"}]");
    TELL("HSET " STATUS " meta %s", "no object");
    check_rows(rows, BH_ARRAY_LEN(rows));
}

Test(cli, show_tells_what_is_sent_in_place_of_what)
{
    static const struct row rows[] = {
        {"the old one",
         {"show", ID},
         NULL, 0,
         {"sent again as     new-1", "sent in place of  older", "resend number     2",
          "another job was made to be sent in its place"},
         {NULL}},
        {"JSON",
         {"show", "--json", ID},
         NULL, 0,
         {"\"resent_as\":\"new-1\"", "\"resend_of\":\"older\"", "\"resend_number\":2"},
         {NULL}},
    };
    TELL(
        "HSET " STATUS " state sent type sms to 491701234567 attempts 1 created_at 1700000000000 "
        "updated_at 1700000000000 delivery FAILED resent_as new-1 resend_of older resend_number 2");
    check_rows(rows, BH_ARRAY_LEN(rows));
}

Test(cli, show_leaves_out_what_is_over)
{
    static const char *const all[] = {"show", ID, NULL};
    static const struct {
        const char *state;
        const char *error;
        bool error_shown;
        bool expiry_shown;
    } rows[] = {
        {"sent",    "held for a while", false, false},
        {"failed",  "refused",          true,  false},
        {"expired", "too late",         true,  true },
        {"held",    "locked",           true,  true },
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct run_result result;
        TELL("HSET " STATUS " state %s error %s first_error %s expires_at 1700000000000",
             rows[i].state, rows[i].error, rows[i].error);
        cli_run(all, NULL, &result);
        cr_expect_eq(strstr(result.out, "\n  error ") != NULL, rows[i].error_shown, "%s: %s",
                     rows[i].state, result.out);
        cr_expect_eq(strstr(result.out, "\n  first error ") != NULL, !rows[i].error_shown, "%s: %s",
                     rows[i].state, result.out);
        cr_expect_eq(strstr(result.out, "\n  expires ") != NULL, rows[i].expiry_shown, "%s: %s",
                     rows[i].state, result.out);
        run_release(&result);
    }
}

Test(cli, show_tells_what_became_of_each_message)
{
    static const struct row single[] = {
        {"one message",
         {"show", ID},
         NULL, 0,
         {"delivery          DELIVERED", "delivery, by time 2023-11-14 22:13:20  ACCEPTED\n",
          "                    2023-11-14 22:13:29  DELIVERED\n"},
         {NULL}},
    };
    static const struct row several[] = {
        {"several",
         {"show", ID},
         NULL, 0,
         {"491701234567  accepted  DELIVERED  77", "491701234568  accepted  FAILED     78",
          "delivery, by time nonsense\n", "                    ?[1m\n"},
         {NULL}},
    };
    TELL("HSET " STATUS " state sent delivery DELIVERED delivered_at 1700000009000 "
         "delivery_path ACCEPTED@1700000000000,DELIVERED@1700000009000");
    check_rows(single, 1);
    TELL(
        "HSET " STATUS " delivery_path nonsense,%s@x recipients %s", "\033[1m",
        "[{\"recipient\":\"491701234567\",\"success\":true,\"id\":\"77\",\"delivery\":"
        "\"DELIVERED\"},"
        "{\"recipient\":\"491701234568\",\"success\":true,\"id\":\"78\",\"delivery\":\"FAILED\"}]");
    check_rows(several, 1);
}

Test(cli, show_tells_what_became_of_its_callback)
{
    static const struct row failing[] = {
        {"for people",
         {"show", ID},
         NULL, 0,
         {"callback to       https://app.example/?[1m\n",
          "callback failed   it answers with HTTP 500\n",
          "callback          failed 2 times; next post 2999-12-31"},
         {NULL}},
        {"for machines",
         {"show", "--json", ID},
         NULL, 0,
         {"\"callback_error\":\"it answers with HTTP 500\"",
          "\"callback\":{\"next_at\":32503676400000,\"failed\":2}"},
         {NULL}},
    };
    static const struct row taken[] = {
        {"for people",   {"show", ID}, NULL, 0, {"callback taken    2023-11-14 22:13:20 ("}, {NULL}},
        {"for machines",
         {"show", "--json", ID},
         NULL,                               0,
         {"\"callback_at\":1700000000000"},
         {NULL}                                                                                    },
    };
    TELL("HSET " STATUS " state sent callback_url %s callback_error %s",
         "https://app.example/\033[1m", "it answers with HTTP 500");
    TELL("ZADD bellhop:{sms}:callbacks 32503676400000.5 " ID);
    TELL("HSET bellhop:{sms}:callbacks:tries " ID " 2");
    check_rows(failing, BH_ARRAY_LEN(failing));
    TELL("DEL bellhop:{sms}:callbacks bellhop:{sms}:callbacks:tries");
    TELL("HDEL " STATUS " callback_error");
    TELL("HSET " STATUS " callback_at 1700000000000");
    check_rows(taken, BH_ARRAY_LEN(taken));
}

Test(cli, show_survives_what_no_worker_wrote)
{
    static const struct row rows[] = {
        {"for people",
         {"show", ID},
         NULL, 0,
         {"state             ???", "what happens next"},
         {NULL}},
        {"for machines",
         {"show", "--json", ID},
         NULL, 0,
         {"\"attempts\":\"many\"", "\"price\":\"1e5\"", "\"code\":\"0100\""},
         {NULL}},
    };
    TELL("HSET " STATUS " state %b attempts many next_at soon price 1e5 code 0100 recipients %s",
         "\xFF\x01\x9B", (size_t)3, "[[[");
    check_rows(rows, BH_ARRAY_LEN(rows));
    TELL("DEL " STATUS);
    TELL("SET " STATUS " text");
    static const struct row wrong_type[] = {
        {"not a hash",
         {"show", ID},
         NULL, 1,
         {NULL},
         {"cannot read the job's status", "WRONGTYPE"}},
    };
    check_rows(wrong_type, 1);
}

/* ---- Status ---- */

Test(cli, status_adds_up_what_there_is)
{
    TELL("RPUSH bellhop:{sms} a b c");
    TELL("RPUSH bellhop:{sms}:in d");
    TELL("ZADD bellhop:{sms}:due 32503680000000 1");
    TELL("ZADD bellhop:{sms}:leases 32503680000000 2 32503680000000 3");
    TELL("ZADD bellhop:{sms}:dead 1 4");
    TELL("HSET bellhop:{sms}:counters now:held:credit 2 now:held:reload_lock 3 now:scheduled 6 "
         "now:retrying 7 outcome:sent 80 outcome:failed 9 outcome:expired 1 outcome:duplicate_id 1 "
         "handle 100");
    TELL("ZADD bellhop:{sms}:open 1700000000000 11 1700000000000 12 32503680000000 13");
    TELL("HSET bellhop:{sms}:counters reported_at 1690000000000");
    TELL("ZADD bellhop:{sms}:callbacks 1 a 2 b 3 c");
    TELL("HSET bellhop:{sms}:callbacks:tries a 1 c 4");
    TELL("HSET bellhop:{sms}:control paused 1 reason %s by root since 1700000000000",
         "gateway \033[1mwork");
    static const struct row rows[] = {
        {"for people",
         {"status"},
         NULL,                                                       0,
         {"none has reported within a day; 16 jobs wait.", "also: Queue sms has been paused for ",
          " by root: gateway ?[1mwork; 16 jobs wait.  bellhop resume sms lets it go on.",
          "sms        4          6         7     5          2          -     1       -     ?      "
          "?      ?",
          "sms: taken 100 ever, sent 80, failed 9, other ends 2",
          "sms: paused since 2023-11-14 22:13:20 by root: gateway ?[1mwork",
          "sms: held for reload_lock 3, credit 2", "account open"},
         {NULL}                                                                                                           },
        {"what reports say",
         {"status", "--queue", "sms"},
         NULL,                                                       0,
         {"sms: 3 messages wait for the final report, 2 of them for more than ten minutes\n",
          "sms: messages have gone out, and no report has come for "},
         {NULL}                                                                                                           },
        {"callbacks that fail",
         {"status", "--queue", "sms"},
         NULL,                                                       0,
         {"sms: 3 callbacks wait, and posts of 2 have failed\n"},
         {NULL}                                                                                                           },
        {"a quiet queue",
         {"status", "--queue", "voice"},
         NULL,                                                       0,
         {"voice      -          -         -     -", "master"},
         {NULL}                                                                                                           },
        {"for machines",
         {"--json", "status"},
         NULL,                                                       0,
         {"{\"queue\":\"sms\",\"ready\":4,\"scheduled\":6,\"retrying\":7,\"held\":{\"reload_lock\":"
          "3,",
          "\"callbacks\":3,\"callbacks_failing\":2", "\"outcomes\":{\"sent\":80,",
          "\"open_messages\":3,\"silent_ms\":",
          "\"codes\":{\"m1\":null,\"m15\":null,\"m60\":null},",
          "\"verdict\":{\"cause\":\"no_process\",\"gravity\":\"alarm\"",
          "\"paused\":true,\"paused_reason\":\"gateway \\u001b[1mwork\"", "\n{\"queue\":\"voice\""},
         {NULL}                                                                                                           },
        {"no such queue",       {"status", "--queue", "sms2"}, NULL, 1, {NULL},                      {"did you mean sms?"}},
        {"an operand",          {"status", "sms"},             NULL, 2, {NULL},                      {"no operands"}      },
    };
    check_rows(rows, BH_ARRAY_LEN(rows));
}

Test(cli, status_walks_through_no_keys)
{
    const char *const args[] = {"status", NULL};
    struct run_result result;
    TELL("CONFIG RESETSTAT");
    cli_run(args, NULL, &result);
    cr_expect_eq(result.exit_status, 0, "%s", result.err);
    run_release(&result);
    redisReply *stats = cli_stage_ask("INFO commandstats");
    cr_expect_not_null(strstr(stats->str, "cmdstat_llen"), "%s", stats->str);
    cr_expect_null(strstr(stats->str, "cmdstat_scan"));
    cr_expect_null(strstr(stats->str, "cmdstat_keys"));
    /* The last hour of each of the two queues, at most 61 lines. */
    cr_expect_not_null(strstr(stats->str, "cmdstat_lrange:calls=2,"), "%s", stats->str);
    freeReplyObject(stats);
}

/* ---- The configuration, as far as it matters ---- */

struct config_row {
    const char *name;
    const char *text; /* %s: the server's URL */
    const char *args[RUN_ARGS_MAX];
    int exit_status;
    const char *err; /* a piece; "": nothing at all */
};

Test(cli, only_what_it_needs_of_the_configuration_has_to_be_right)
{
    static const struct config_row rows[] = {
        {"no API key",            "[redis]\nurl = %s\n[queue sms]\n",                    {"status"}, 0, ""                             },
        {"an unreadable key",
         "[redis]\nurl = %s\n[gateway]\napi_key_file = /nonexistent/key\n[queue sms]\n", {"status"},
         0,                                                                                             ""                             },
        {"errors elsewhere",
         "[redis]\nurl = %s\n[http]\nlisten = nonsense\n[queue sms]\n",                  {"status"},
         0,                                                                                             "left out: [http] listen"      },
        {"an unknown section",
         "[redis]\nurl = %s\n[htp]\nlisten = nonsense\n[queue sms]\n",                   {"status"},
         0,                                                                                             "left out: "                   },
        {"errors at the gateway",
         "[redis]\nurl = %s\n[gateway]\ntimeout = 5\n[queue sms]\n",                     {"status"},
         0,                                                                                             "left out: [gateway] timeout"  },
        {"a bad queue",
         "[redis]\nurl = %s\n[queue sms]\nrate = fast\n",                                {"status"},
         1,                                                                                             ":4:8: error: [queue sms] rate"},
        {"a bad name of a queue",
         "[redis]\nurl = %s\n[queue SMS]\n",                                             {"status"},
         1,                                                                                             "cannot be used"               },
        {"a bad key of Redis",
         "[redis]\nurl = %s\nprefx = a\n[queue sms]\n",                                  {"status"},
         1,                                                                                             "did you mean `prefix`"        },
        {"no queue",              "[redis]\nurl = %s\n",                                 {"status"}, 1, "cannot be used"               },
        {"no password",
         "[redis]\nurl = %s\npassword_file = /nonexistent/p\n[queue sms]\n",             {"status"},
         1,                                                                                             "/nonexistent/p"               },
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct run_result result;
        cli_stage_write("config.ini", rows[i].text, stage.server.url);
        cli_run(rows[i].args, NULL, &result);
        cr_expect_eq(result.exit_status, rows[i].exit_status, "%s: exit %d: %s", rows[i].name,
                     result.exit_status, result.err);
        if (rows[i].err[0] == '\0')
            cr_expect_str_eq(result.err, "", "%s: %s", rows[i].name, result.err);
        else
            cr_expect_not_null(strstr(result.err, rows[i].err), "%s: %s", rows[i].name, result.err);
        run_release(&result);
    }
}

Test(cli, the_environment_goes_before_the_file)
{
    cli_stage_write("config.ini", "[redis]\nurl = unix:///nonexistent/s\n[queue sms]\n");
    char url[160];
    snprintf(url, sizeof(url), "BELLHOP_REDIS_URL=%s", stage.server.url);
    const char *const environment[] = {stage.config_variable, url, NULL};
    const char *const args[] = {"status", NULL};
    struct run_result result;
    cli_run_with(stage.server.dir, environment, args, NULL, &result);
    cr_expect_eq(result.exit_status, 0, "%s", result.err);
    run_release(&result);
}

Test(cli, a_login_is_used_and_never_shown)
{
    TELL("CONFIG SET requirepass s3cret");
    char url[160];
    const char *const right[] = {"status", "--redis", url, NULL};
    struct run_result result;
    snprintf(url, sizeof(url), "unix://:s3cret@%s", stage.server.socket_path);
    cli_run(right, NULL, &result);
    cr_expect_eq(result.exit_status, 0, "%s", result.err);
    cr_expect_null(strstr(result.out, "s3cret"), "%s", result.out);
    run_release(&result);
    snprintf(url, sizeof(url), "unix://:wr0ng@%s", stage.server.socket_path);
    cli_run(right, NULL, &result);
    cr_expect_eq(result.exit_status, 1);
    cr_expect_null(strstr(result.err, "wr0ng"), "%s", result.err);
    run_release(&result);
    TELL("CONFIG SET requirepass %s", "");
}

Test(cli, output_that_cannot_be_written_is_a_failure)
{
    char command[512];
    snprintf(command, sizeof(command), "exec %s status >/dev/full", BH_TEST_BELLHOP);
    const char *const args[] = {"-c", command, NULL};
    const char *const environment[] = {stage.config_variable, NULL};
    const struct run_request request = {"/bin/sh", stage.server.dir, args, environment, NULL};
    struct run_result result;
    run_program(&request, &result);
    cr_expect_eq(result.exit_status, 1);
    cr_expect_not_null(strstr(result.err, "cannot write to standard output"), "%s", result.err);
    run_release(&result);
}
