/*
 * Alerts of a real daemon: a program that writes down what it is told, an address that takes posts, and both in bad moods.
 */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/rig.h"
#include "support/scripted_server.h"

#define ALERT_WAIT_MS 60000

/* ---- a program ------------------------------------------------------------------------------------- */

struct desk {
    char dir[64], program[96], notes[96];
};

static void
desk_make(struct desk *desk, const char *body)
{
    snprintf(desk->dir, sizeof(desk->dir), "/tmp/bellhop-alerts-XXXXXX");
    cr_assert_not_null(mkdtemp(desk->dir));
    snprintf(desk->program, sizeof(desk->program), "%s/tell", desk->dir);
    snprintf(desk->notes, sizeof(desk->notes), "%s/notes", desk->dir);
    FILE *file = fopen(desk->program, "w");
    cr_assert_not_null(file);
    fprintf(file, "#!/bin/sh\nnotes=%s\n%s\n", desk->notes, body);
    fclose(file);
    cr_assert_eq(chmod(desk->program, 0700), 0);
}

static void
desk_clear(struct desk *desk)
{
    unlink(desk->program);
    unlink(desk->notes);
    cr_expect_eq(rmdir(desk->dir), 0);
}

static unsigned
count_in(const char *text, const char *part)
{
    unsigned count = 0;
    for (const char *at = strstr(text, part); at != NULL; at = strstr(at + 1, part))
        count++;
    return count;
}

/* How often `part` stands in the notes. */
static unsigned
noted(const struct desk *desk, const char *part)
{
    static char text[65536];
    FILE *file = fopen(desk->notes, "r");
    if (file == NULL)
        return 0;
    size_t len = fread(text, 1, sizeof(text) - 1, file);
    fclose(file);
    text[len] = '\0';
    return count_in(text, part);
}

#define NOTE                                                                                       \
    "{ echo \"$BELLHOP_ALERT_EVENT $BELLHOP_ALERT_NAME queue=$BELLHOP_ALERT_QUEUE "                \
    "told=$BELLHOP_ALERT_TOLD of=$BELLHOP_ALERT_INSTANCE\"; cat; } >> $notes"

static void
start(struct bh_rig *rig, const char *alert, const char *sim, const char *environment)
{
    const char *const variables[] = {environment, NULL};
    struct bh_rig_options options = {
        .sim = sim, .gateway = "balance_interval = 10s", .without_daemon = true};
    bh_rig_start(rig, &options);
    options.queues =
        bh_rig_text(rig, "[queue sms]\nretry = 1s\n[alert]\ndead_jobs = 1\n%s\n", alert);
    rig->options.queues = options.queues;
    bh_rig_start_daemon(rig, &options, environment != NULL ? variables : NULL);
}

static void
push(struct bh_rig *rig, const char *id)
{
    bh_rig_push(
        rig, "sms",
        bh_rig_text(rig, "{\"id\":\"%s\",\"to\":\"491719990600\",\"text\":\"geheim\"}", id));
}

/* A job that nobody can send: it goes to the dead set, and that is an alert here. */
static void
push_bad(struct bh_rig *rig)
{
    bh_rig_push(rig, "sms", "{\"to\":\"491719990600\",\"geheim\":1}");
}

static void
start_with_program(struct bh_rig *rig, struct desk *desk, const char *body, const char *more)
{
    char alert[256];
    desk_make(desk, body);
    snprintf(alert, sizeof(alert), "command = %s\n%s", desk->program, more);
    start(rig, alert, "[account]\nbalance = 100\n", "BELLHOP_TEST_SECRET=not-for-programs");
}

Test(daemon_alerts, say_once_that_the_credit_is_out_then_again_then_that_it_is_over, .timeout = 250)
{
    struct bh_rig rig;
    struct desk desk;
    start_with_program(&rig, &desk, NOTE "; env >> $notes", "repeat = 15s");
    bh_rig_tell(&rig, "config", "{\"account\":{\"balance\":0}}");
    push(&rig, "poor");
    BH_RIG_UNTIL_MS(&rig, ALERT_WAIT_MS,
                    noted(&desk, "fired account_paused queue= told=1 of=one") == 1);
    BH_RIG_UNTIL_MS(&rig, ALERT_WAIT_MS, noted(&desk, "repeated account_paused") == 2);
    cr_expect_eq(noted(&desk, "fired account_paused"), 1);
    cr_expect_eq(noted(&desk, "\"event\":\"fired\",\"alert\":\"account_paused\",\"queue\":null"),
                 1);
    bh_rig_tell(&rig, "config", "{\"account\":{\"balance\":100}}");
    BH_RIG_UNTIL_MS(&rig, ALERT_WAIT_MS, bh_rig_is(&rig, "sms", "poor", "state", "sent"));
    BH_RIG_UNTIL_MS(&rig, ALERT_WAIT_MS + 40000, noted(&desk, "resolved account_paused") == 1);
    cr_expect_eq(noted(&desk, "geheim"), 0, "no texts");
    cr_expect_eq(noted(&desk, "491719990600"), 0, "no numbers");
    cr_expect_eq(noted(&desk, "BELLHOP_TEST_SECRET"), 0, "nothing of our environment");
    cr_expect_eq(noted(&desk, "NOTIFY_SOCKET"), 0);
    bh_rig_stop(&rig);
    desk_clear(&desk);
}

/* ---- programs in a bad mood ------------------------------------------------------------------------ */

static const struct {
    const char *name, *body, *logged;
} programs[] = {
    {"fails",                     "cat > /dev/null; echo no mail today >&2; exit 3",
     "its exit code is 3, it said: no mail today"                                                              },
    {"does not read",             "exit 4",                                          "its exit code is 4"      },
    {"is killed",                 "kill -9 $$",                                      "it was ended by signal 9"},
    {"hangs, with a child",       "echo begun > $notes; sleep 1000",
     "it took longer than 10 s and was ended"                                                                  },
    {"hangs and does not listen", "trap '' TERM; while :; do sleep 1; done",
     "it took longer than 10 s and was ended"                                                                  },
};

Test(daemon_alerts, cope_with_programs_that_do_not, .timeout = 400)
{
    for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
        struct bh_rig rig;
        struct desk desk;
        start_with_program(&rig, &desk, programs[i].body, "");
        push_bad(&rig);
        if (!bh_process_wait_line(&rig.daemons[0].process, programs[i].logged, ALERT_WAIT_MS))
            bh_rig_fail(&rig, "%s: not logged: %s", programs[i].name, programs[i].logged);
        push(&rig, "good");
        bh_rig_wait_state(&rig, "sms", "good", "sent");
        bh_rig_stop(&rig);
        desk_clear(&desk);
    }
}

Test(daemon_alerts, are_logged_where_there_is_no_such_program, .timeout = 120)
{
    struct bh_rig rig;
    start(&rig, "command = /nonexistent/tell\nurl = http://127.0.0.1:1/", NULL, NULL);
    push_bad(&rig);
    struct bh_process *process = &rig.daemons[0].process;
    cr_expect(bh_process_wait_line(process, "it cannot be started: no such file", ALERT_WAIT_MS));
    cr_expect(bh_process_wait_line(process, "dead set of queue sms holds 1 job;", ALERT_WAIT_MS));
    BH_RIG_UNTIL_MS(&rig, ALERT_WAIT_MS,
                    bh_process_count(process, "could not be delivered by [alert] url") == 1);
    cr_expect_eq(bh_process_count(process, "could not be delivered by [alert] command"), 1,
                 "told once, for however many");
    bh_rig_stop(&rig);
}

/* A program that runs while the daemon ends does not hold it up. */
Test(daemon_alerts, do_not_hold_up_the_end, .timeout = 120)
{
    struct bh_rig rig;
    struct desk desk;
    start_with_program(&rig, &desk, "echo begun > $notes; exec sleep 9", "");
    push_bad(&rig);
    BH_RIG_UNTIL_MS(&rig, ALERT_WAIT_MS, noted(&desk, "begun") == 1);
    long long before = bh_now_ms();
    cr_expect_eq(bh_daemon_stop(&rig.daemons[0], 8000), 0);
    cr_expect_lt(bh_now_ms() - before, 8000);
    rig.daemons_count = 0;
    bh_daemon_release(&rig.daemons[0]);
    bh_rig_stop(&rig);
    desk_clear(&desk);
}

/* ---- an address ------------------------------------------------------------------------------------ */

struct listener {
    pthread_mutex_t lock;
    char told[65536];
    size_t len;
    unsigned refusals; /* so many are refused before one is taken */
};

static void
take_posts(struct scripted_connection *connection, void *arg)
{
    struct listener *listener = arg;
    if (!scripted_read_request(connection))
        return;
    pthread_mutex_lock(&listener->lock);
    listener->len +=
        (size_t)snprintf(listener->told + listener->len, sizeof(listener->told) - listener->len,
                         "%s\n", scripted_request(connection));
    bool refuse = listener->refusals > 0;
    listener->refusals -= refuse;
    pthread_mutex_unlock(&listener->lock);
    if (refuse)
        scripted_send(connection,
                      "HTTP/1.1 503 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    else
        scripted_answer(connection, "");
}

static unsigned
posted(struct listener *listener, const char *part)
{
    pthread_mutex_lock(&listener->lock);
    unsigned count = count_in(listener->told, part);
    pthread_mutex_unlock(&listener->lock);
    return count;
}

Test(daemon_alerts, are_posted_and_posted_again_where_that_may_help, .timeout = 200)
{
    static struct listener listener = {.lock = PTHREAD_MUTEX_INITIALIZER, .refusals = 2};
    struct bh_rig rig;
    char alert[96];
    struct scripted_server *server = scripted_start(take_posts, &listener);
    snprintf(alert, sizeof(alert), "url = http://127.0.0.1:%d/hook/a?k=a%%2F/",
             scripted_port(server));
    start(&rig, alert, NULL, "http_proxy=http://127.0.0.1:1");
    push_bad(&rig);
    BH_RIG_UNTIL_MS(&rig, 2 * ALERT_WAIT_MS,
                    posted(&listener, "\"alert\":\"dead_jobs\",\"queue\":\"sms\",\"text\":") >= 1);
    BH_RIG_UNTIL_MS(&rig, 2 * ALERT_WAIT_MS,
                    posted(&listener, "POST /hook/a?k=a%2F/ HTTP/1.1") >= 3);
    cr_expect_geq(posted(&listener, "Content-Type: application/json"), 3);
    cr_expect_eq(posted(&listener, "Expect:"), 0);
    cr_expect_eq(posted(&listener, "geheim"), 0);
    cr_expect_eq(bh_process_count(&rig.daemons[0].process, "alert_failed"), 0);
    cr_expect_eq(bh_process_count(&rig.daemons[0].process, "a%2F"), 0, "a query is a secret");
    bh_rig_stop(&rig);
    scripted_stop(server);
}

Test(daemon_alerts, are_not_posted_to_a_server_that_nobody_vouches_for, .timeout = 200)
{
    static struct listener listener = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct bh_rig rig;
    char alert[96];
    struct scripted_server *server = scripted_start_tls(take_posts, &listener);
    snprintf(alert, sizeof(alert), "url = https://127.0.0.1:%d/", scripted_port(server));
    start(&rig, alert, NULL, NULL);
    push_bad(&rig);
    cr_expect(bh_process_wait_line(&rig.daemons[0].process, "alert_failed", 2 * ALERT_WAIT_MS));
    cr_expect_eq(posted(&listener, "POST"), 0);
    bh_rig_stop(&rig);
    scripted_stop(server);
}
