#include "cli_jobs.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/base.h"
#include "core/json.h"

struct cli_jobs cli_jobs;

void
cli_jobs_set_up(void)
{
    struct timespec now;
    cli_stage_open("[queue sms]\n[queue voice]\ntype = voice\n");
    cr_assert_eq(clock_gettime(CLOCK_REALTIME, &now), 0);
    cli_jobs = (struct cli_jobs){.now = (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000};
}

void
cli_jobs_tear_down(void)
{
    cli_stage_close();
}

static const char *
or_else(const char *text, const char *otherwise)
{
    return text != NULL ? text : otherwise;
}

static void
put_status(const struct cli_job *job, const char *queue, int handle, long long created)
{
    TELL("HSET bellhop:{%s}:status:%s state %s type %s to %s attempts %d created_at %lld "
         "updated_at %lld handle %d",
         queue, job->id, job->state, strcmp(queue, "voice") == 0 ? "voice" : "sms",
         or_else(job->to, "491701234567"), job->attempts, created, cli_jobs.now, handle);
    const char *const fields[][2] = {
        {"error",  job->error },
        {"code",   job->code  },
        {"label",  job->label },
        {"reason", job->reason},
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(fields); i++) {
        if (fields[i][1] != NULL)
            TELL("HSET bellhop:{%s}:status:%s %s %s", queue, job->id, fields[i][0], fields[i][1]);
    }
    if (strcmp(job->place, "due") == 0)
        TELL("HSET bellhop:{%s}:status:%s next_at %lld", queue, job->id, cli_jobs.now + job->in_ms);
}

int
cli_jobs_put(const struct cli_job *job)
{
    const char *queue = or_else(job->queue, "sms");
    long long created = job->id[0] != '\0' ? cli_jobs.now - job->age_ms : 0;
    long long due =
        job->waiting == 's' && strcmp(job->place, "due") == 0 ? cli_jobs.now + job->in_ms : created;
    int handle = ++cli_jobs.handles;
    char head[1024], payload[512];
    snprintf(head, sizeof(head), "1 %c %s %d %d %s 0 0 %lld %lld %lld %lld %s\n%s", job->waiting,
             or_else(job->reason, "-"), job->attempts, job->recoveries, or_else(job->owner, "-"),
             created, due, created > 0 ? created + 172800000 : 0,
             job->uncertain_ms_ago > 0 ? cli_jobs.now - job->uncertain_ms_ago : 0, job->id,
             or_else(job->memo, ""));
    snprintf(payload, sizeof(payload), "{\"to\":\"%s\",\"text\":\"hello\",\"from\":\"%s\"}",
             "491701234567", or_else(job->from, "Shop"));
    TELL("HSET bellhop:{%s}:heads %d %s", queue, handle, head);
    TELL("HSET bellhop:{%s}:jobs %d %s", queue, handle, or_else(job->payload, payload));
    if (strcmp(job->place, "ready") == 0 || strcmp(job->place, "suspects") == 0)
        TELL("LPUSH bellhop:{%s}:%s %d", queue, job->place, handle);
    else
        TELL("ZADD bellhop:{%s}:%s %lld %d", queue, job->place, cli_jobs.now + job->in_ms, handle);
    if (job->state != NULL)
        put_status(job, queue, handle, created);
    return handle;
}

/* clang-format off */
void
cli_jobs_put_usual(void)
{
    static const struct cli_job jobs[] = {
        {.id = "ready-1", .place = "ready", .waiting = 's', .age_ms = 5000, .state = "scheduled", .label = "news"},
        {.id = "sched-1", .place = "due", .waiting = 's', .in_ms = 7200000, .state = "scheduled"},
        {.id = "retry-1", .place = "due", .waiting = 'r', .attempts = 3, .age_ms = 3600000, .in_ms = 600000,
         .state = "retrying", .code = "600", .error = "\033[31mthe gateway is\r\noverloaded", .label = "news"},
        {.id = "held-1", .place = "due", .waiting = 'h', .reason = "credit", .attempts = 1, .age_ms = 7200000,
         .in_ms = 900000, .state = "held", .to = "436641234567"},
        {.id = "unc-1", .place = "due", .waiting = 'u', .reason = "uncertain", .attempts = 1, .age_ms = 90000,
         .in_ms = 900000, .state = "retrying", .uncertain_ms_ago = 60000},
        {.id = "lease-1", .place = "leases", .waiting = 'r', .attempts = 1, .age_ms = 60000, .in_ms = 900000,
         .state = "sending", .to = "491701234567,4917\007\033[2J,41791234567", .owner = "mail1/0#77"},
        {.id = "dead-1", .place = "dead", .waiting = 'r', .attempts = 9, .age_ms = 60000, .in_ms = -1000,
         .state = "failed", .code = "305", .error = "refused"},
        {.id = "dead-2", .place = "dead", .waiting = 'u', .reason = "uncertain", .attempts = 2, .age_ms = 60000,
         .in_ms = -900, .state = "unknown"},
        {.id = "dead-3", .place = "dead", .waiting = 'n', .in_ms = -800, .state = "invalid", .to = "",
         .error = "unknown field `tll`", .payload = "{\"id\":\"dead-3\",\"tll\":1}"},
        {.id = "call-1", .queue = "voice", .place = "due", .waiting = 'r', .attempts = 1, .in_ms = 900000,
         .state = "retrying"},
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(jobs); i++)
        cli_jobs_put(&jobs[i]);
    TELL("LPUSH bellhop:{sms} %s", "{\"id\":\"raw-1\",\"to\":\"+43 664 1234567\",\"text\":\"x\",\"from\":\"me\"}");
    TELL("HSET bellhop:{sms}:status:sent-1 state sent type sms to 491701234567 attempts 1 code 100 "
               "created_at %lld updated_at %lld", cli_jobs.now - 60000, cli_jobs.now);
}
/* clang-format on */

static void
expect_pieces(const char *name, const char *where, const char *text, const char *const *pieces)
{
    if (pieces[0] == NULL)
        cr_expect_str_eq(text, "", "%s: %s: %s", name, where, text);
    cli_expect_pieces(name, where, text, pieces, CLI_PIECES_MAX);
}

void
cli_jobs_check(const struct cli_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct run_result result;
        cli_run(rows[i].args, rows[i].input, &result);
        cr_expect_eq(result.exit_status, rows[i].exit_status, "%s: exit %d, wanted %d: %s%s",
                     rows[i].name, result.exit_status, rows[i].exit_status, result.out, result.err);
        expect_pieces(rows[i].name, "stdout", result.out, rows[i].out);
        expect_pieces(rows[i].name, "stderr", result.err, rows[i].err);
        cr_expect_null(strpbrk(result.out, "\033\007\r"), "%s: a terminal could be steered: %s",
                       rows[i].name, result.out);
        cr_expect_null(strpbrk(result.err, "\033\007\r"), "%s: a terminal could be steered: %s",
                       rows[i].name, result.err);
        run_release(&result);
    }
}

size_t
cli_jobs_count_json(const char *name, const char *text)
{
    struct bh_str rest = bh_str_from(text), line;
    size_t count = 0;
    while (bh_str_split(&rest, '\n', &line)) {
        struct bh_json *json;
        struct bh_error error = {.text = ""};
        if (line.len == 0 && (rest.ptr == NULL || rest.len == 0))
            break;
        enum bh_status status = bh_json_parse(line, 4 * 1024 * 1024, BH_JSON_STRICT, &json, &error);
        cr_assert_eq(status, BH_OK, "%s: %s: %.*s", name, error.text, BH_STR_ARGS(line));
        cr_expect_eq(bh_json_type(bh_json_root(json)), BH_JSON_OBJECT, "%s", name);
        bh_json_free(json);
        count++;
    }
    return count;
}
