/*
 * Thousands of messages and what became of them: reports that come shuffled, repeated, empty, early and late, to two
 * receivers that are killed and started again meanwhile.  In the end each status says what the gateway's own books say.
 *
 * More: BH_REPORT_STORM_JOBS in the environment (scripts/soak-reports).
 */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/http_client.h"
#include "support/linecut.h"
#include "support/rig.h"

#define JOBS       1000
#define RECEIVERS  2
#define PUSH_BATCH 250
#define KILL_MS    700
#define KILLS_MAX  16
#define PAGE       500
#define STORM_MS   600000
#define TOKEN      "t0ken-of-a-storm"

/* One in so many jobs is of that kind; the rest are single SMS that go by their own id. */
#define CALL_EVERY    16
#define FOREIGN_EVERY 7
#define SEVERAL_EVERY 25
#define SEVERAL       3

static const char sim_config[] =
    "[reports]\nspeed = 60\nrepeat = 0.2\nempty = 0.05\nlate = 0.1\nearly = 0.1\n"
    "[hooks]\norder = shuffled\nrepeat = 2\nempty_every = 50\n";

static struct bh_rig rig;
static int ports[RECEIVERS];
static unsigned jobs_count;
static unsigned kills;

/* ---- the stage ---- */

static struct bh_rig_options
options_of(unsigned receiver)
{
    return (struct bh_rig_options){
        .redis = "command_timeout = 2s",
        .pool = "lease = 5s\nconcurrency = 32",
        .gateway = "timeout = 3s\nconnect_timeout = 2s",
        .http = bh_rig_text(&rig, "listen = 127.0.0.1:%d\nwebhook_token = " TOKEN, ports[receiver]),
        .queues = "[queue sms]\ntype = sms\nttl = 10m\n[queue voice]\ntype = voice\nttl = 10m\n",
        .log = "level = warn",
    };
}

static int
free_port(void)
{
    struct bh_linecut *nobody = bh_linecut_start(&(struct bh_linecut_options){0});
    int port = bh_linecut_port(nobody);
    bh_linecut_stop(nobody);
    return port;
}

static void
subscribe(int port, const char *event, const char *method)
{
    const char *body = bh_rig_text(&rig,
                                   "action=subscribe&event_type=%s&request_method=%s&target_url="
                                   "http%%3A%%2F%%2F127.0.0.1%%3A%d%%2Fwebhook%%2F" TOKEN,
                                   event, method, port);
    struct bh_test_http got;
    bh_test_http_call(rig.sim_port, "POST", "/api/hooks",
                      "Content-Type: application/x-www-form-urlencoded\r\n"
                      "X-Api-Key: sim-live-key\r\n",
                      body, &got);
    cr_assert(got.status == 200 && strstr(got.body, "\"success\":true") != NULL, "%d %s",
              got.status, got.body);
    bh_test_http_release(&got);
}

static void
start(void)
{
    const struct bh_rig_options without = {.sim = sim_config, .without_daemon = true};
    bh_rig_start(&rig, &without);
    for (unsigned i = 0; i < RECEIVERS; i++) {
        ports[i] = free_port();
        const struct bh_rig_options options = options_of(i);
        bh_rig_start_daemon(&rig, &options, NULL);
        subscribe(ports[i], "dlr", i == 0 ? "JSON" : "POST");
        subscribe(ports[i], "voice_status", i == 0 ? "POST" : "GET");
    }
}

/* ---- jobs: the text names the job, whatever its foreign_id ---- */

static const char *
queue_of(unsigned job)
{
    return job % CALL_EVERY == 0 ? "voice" : "sms";
}

static bool
is_for_several(unsigned job)
{
    return job % CALL_EVERY != 0 && job % SEVERAL_EVERY == 0;
}

static void
push_job(unsigned job)
{
    char to[80] = "", own[48] = "", json[240];
    size_t len = 0;
    unsigned recipients = is_for_several(job) ? SEVERAL : 1;
    for (unsigned i = 0; i < recipients; i++)
        len += (size_t)snprintf(to + len, sizeof(to) - len, "%s4917%02u%06u", i > 0 ? "," : "",
                                i + 10, job);
    if (job % CALL_EVERY != 0 && job % FOREIGN_EVERY == 0)
        snprintf(own, sizeof(own), ",\"foreign_id\":\"order-%u\"", job);
    snprintf(json, sizeof(json), "{\"id\":\"j%u\",\"to\":\"%s\",\"text\":\"%u\"%s}", job, to, job,
             own);
    bh_rig_push(&rig, queue_of(job), json);
}

/* ---- kills ---- */

static void
kill_when_due(void)
{
    static long long next;
    if (kills == KILLS_MAX || bh_now_ms() < next)
        return;
    struct bh_daemon *daemon = &rig.daemons[kills++ % RECEIVERS];
    bh_process_kill(&daemon->process);
    bh_rig_restart_daemon(&rig, daemon);
    next = bh_now_ms() + KILL_MS;
}

/* ---- the books ---- */

/* The value of a member that holds no quotation marks; "" when there is none. */
static const char *
member(const char *object, const char *name, char *ret_value, size_t size)
{
    char key[40];
    snprintf(key, sizeof(key), "\"%s\":\"", name);
    const char *at = strstr(object, key);
    *ret_value = '\0';
    if (at != NULL)
        snprintf(ret_value, size, "%.*s", (int)strcspn(at + strlen(key), "\""), at + strlen(key));
    return ret_value;
}

/* What the status says became of message `id`, of this job. */
static void
told_of(unsigned job, const char *id, char *ret_word, size_t size)
{
    char mark[40];
    const char *recipients, *at;
    if (!is_for_several(job)) {
        snprintf(ret_word, size, "%s",
                 bh_rig_field(&rig, queue_of(job), bh_rig_text(&rig, "j%u", job), "delivery"));
        return;
    }
    recipients = bh_rig_field(&rig, queue_of(job), bh_rig_text(&rig, "j%u", job), "recipients");
    snprintf(mark, sizeof(mark), "\"id\":\"%s\"", id);
    at = strstr(recipients, mark);
    member(at != NULL ? at : "", "delivery", ret_word, size);
}

/*
 * A call whose answer was lost cannot be told from others to that number: nothing we gave it comes back with its report.
 * It ends as unknown, and a person decides.
 */
static bool
is_lost_call(unsigned job)
{
    const char *id = bh_rig_text(&rig, "j%u", job);
    return job % CALL_EVERY == 0 && bh_rig_is(&rig, "voice", id, "state", "unknown");
}

/* How many of the gateway's messages are told otherwise; the first of them in `ret_first`. */
static unsigned
disagreements(char *ret_first, size_t size, unsigned *ret_messages)
{
    unsigned wrong = 0, seen = 0, more = PAGE;
    while (more == PAGE) {
        more = 0;
        char *page =
            strdup(bh_rig_ask(&rig, bh_rig_text(&rig, "messages?limit=%d&offset=%u", PAGE, seen)));
        for (char *at = strstr(page, "{\"id\":\""), *next; at != NULL; at = next) {
            char id[24], text[24], wanted[24], told[24];
            next = strstr(at + 1, "{\"id\":\"");
            if (next != NULL)
                next[-1] = '\0';
            unsigned job = (unsigned)strtoul(member(at, "text", text, sizeof(text)), NULL, 10);
            member(at, "status", wanted, sizeof(wanted));
            told_of(job, member(at, "id", id, sizeof(id)), told, sizeof(told));
            if (strcmp(wanted, told) != 0 && !is_lost_call(job) && wrong++ == 0)
                snprintf(ret_first, size, "job j%u, message %s: the gateway says %s, we say \"%s\"",
                         job, id, wanted, told);
            more++;
        }
        free(page);
        seen += more;
    }
    *ret_messages = seen;
    return wrong;
}

/* ---- the storm ---- */

static void
blow(void)
{
    unsigned pushed = 0;
    bh_rig_begin_waiting(&rig, STORM_MS);
    while (pushed < jobs_count || bh_rig_unfinished(&rig, "sms") > 0 ||
           bh_rig_unfinished(&rig, "voice") > 0) {
        for (unsigned i = 0; i < PUSH_BATCH && pushed < jobs_count; i++)
            push_job(pushed++);
        kill_when_due();
        if (!bh_rig_may_wait(&rig))
            bh_rig_fail(&rig, "the jobs have not ended");
    }
}

Test(report_storm, every_status_ends_as_the_gateways_books_say, .timeout = 900)
{
    char first[200] = "";
    unsigned messages = 0, wrong;
    const char *wish = getenv("BH_REPORT_STORM_JOBS");
    jobs_count = wish != NULL ? (unsigned)strtoul(wish, NULL, 10) : JOBS;
    start();
    blow();
    /*
     * The gateway repeats what found nobody, and what came before its job is looked at again.  Once both say the same,
     * what it still has in hand must not change that.
     */
    bh_rig_begin_waiting(&rig, STORM_MS);
    while ((wrong = disagreements(first, sizeof(first), &messages)) > 0 ||
           bh_rig_sim_number(&rig, "stats?limit=0", "pending") > 0) {
        kill_when_due();
        if (!bh_rig_may_wait(&rig))
            bh_rig_fail(&rig, "%u of %u messages are told wrongly; %s", wrong, messages, first);
    }
    fprintf(stderr, "%u messages of %u jobs, %u kills, %s\n", messages, jobs_count, kills,
            bh_rig_ask(&rig, "stats?limit=0"));
    cr_expect_eq(messages, bh_rig_sim_number(&rig, "stats?limit=0", "accepted"),
                 "the books are whole");
    cr_expect_gt(kills, 1);
    cr_expect_eq(bh_rig_sim_number(&rig, "stats?limit=0", "failed"), 0,
                 "no report was given up by the gateway");
    bh_rig_stop(&rig);
}
