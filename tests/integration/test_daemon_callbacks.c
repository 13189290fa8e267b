/*
 * Callbacks of a real daemon: what becomes of jobs is posted to a receiver of the test's own, whatever mood it is in.
 */
#include <criterion/criterion.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/callback.h"
#include "support/http_client.h"
#include "support/rig.h"
#include "support/rig_jobs.h"
#include "support/scripted_server.h"

#define KEY        "a-key-of-this-test"
#define SLOW_MS    60000
#define AT_ONCE    8 /* posts to one receiver */
#define HOOK_TOKEN "t0ken-of-a-test"

/* ---- a receiver ---- */

enum mood {
    TAKES,
    FAILS,     /* 500 */
    GONE,      /* 410 */
    REDIRECTS, /* to `elsewhere` */
    HANGS,
};

struct receiver {
    pthread_mutex_t lock;
    enum mood mood;
    unsigned fail_first; /* so many are answered with 500 before the mood counts */
    char elsewhere[64];
    char *told; /* all requests, one behind the other */
    size_t len, capacity;
    struct scripted_server *server;
};

static void
remember(struct receiver *receiver, const char *request)
{
    size_t len = strlen(request) + 1;
    if (receiver->len + len + 1 > receiver->capacity) {
        receiver->capacity = 2 * (receiver->len + len + 4096);
        receiver->told = realloc(receiver->told, receiver->capacity);
        cr_assert_not_null(receiver->told);
    }
    memcpy(receiver->told + receiver->len, request, len - 1);
    receiver->len += len - 1;
    memcpy(receiver->told + receiver->len, "\n", 2);
    receiver->len++;
}

static bool
answer(struct scripted_connection *connection, struct receiver *receiver, enum mood mood)
{
    char text[256];
    switch (mood) {
    case TAKES: return scripted_answer(connection, "");
    case FAILS: return scripted_send(connection, "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n");
    case GONE: return scripted_send(connection, "HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n");
    case REDIRECTS:
        snprintf(text, sizeof(text),
                 "HTTP/1.1 307 There\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n",
                 receiver->elsewhere);
        return scripted_send(connection, text);
    case HANGS: scripted_wait_end(connection); return false;
    }
    return false;
}

static void
receive(struct scripted_connection *connection, void *arg)
{
    struct receiver *receiver = arg;
    bool goes_on = true;
    while (goes_on && scripted_read_request(connection)) {
        pthread_mutex_lock(&receiver->lock);
        remember(receiver, scripted_request(connection));
        enum mood mood = receiver->fail_first > 0 ? FAILS : receiver->mood;
        receiver->fail_first -= receiver->fail_first > 0;
        pthread_mutex_unlock(&receiver->lock);
        goes_on = answer(connection, receiver, mood);
    }
}

static void
receiver_start(struct receiver *receiver, enum mood mood)
{
    *receiver = (struct receiver){.mood = mood};
    pthread_mutex_init(&receiver->lock, NULL);
    receiver->server = scripted_start(receive, receiver);
}

static void
receiver_stop(struct receiver *receiver)
{
    scripted_stop(receiver->server);
    pthread_mutex_destroy(&receiver->lock);
    free(receiver->told);
}

static void
set_mood(struct receiver *receiver, enum mood mood)
{
    pthread_mutex_lock(&receiver->lock);
    receiver->mood = mood;
    pthread_mutex_unlock(&receiver->lock);
}

static unsigned
count_in(const char *text, const char *part)
{
    unsigned count = 0;
    for (const char *at = strstr(text, part); at != NULL; at = strstr(at + 1, part))
        count++;
    return count;
}

/* How often `part` stands in what was posted. */
static unsigned
posted(struct receiver *receiver, const char *part)
{
    pthread_mutex_lock(&receiver->lock);
    unsigned count = receiver->told != NULL ? count_in(receiver->told, part) : 0;
    pthread_mutex_unlock(&receiver->lock);
    return count;
}

static unsigned
posts_of(struct bh_rig *rig, struct receiver *receiver, const char *id)
{
    return posted(receiver, bh_rig_text(rig, "\"id\":\"%s\"", id));
}

/* ---- shorthands ---- */

static void
start(struct bh_rig *rig, struct receiver *receiver, const char *more)
{
    *rig = (struct bh_rig){.kept = NULL};
    char queues[512];
    snprintf(queues, sizeof(queues), "[queue sms]\ncallback_url = http://127.0.0.1:%d/hooks\n%s\n",
             scripted_port(receiver->server), more);
    const struct bh_rig_options options = {
        .queues = queues,
        .sim = "[reports]\nplan = none\nvoice_plan = none\n",
        .http = "listen = 127.0.0.1:0\nwebhook_token = " HOOK_TOKEN "\ncallback_key = " KEY "\n",
        .without_daemon = true,
    };
    bh_rig_start(rig, &options);
    rig->options.queues = bh_rig_text(rig, "%s", queues);
    bh_rig_start_daemon(rig, NULL, NULL);
}

static void
push_to(struct bh_rig *rig, const char *id, const char *url)
{
    bh_rig_push(rig, "sms",
                bh_rig_text(rig,
                            "{\"id\":\"%s\",\"to\":\"491719990600\",\"text\":\"geheim "
                            "%s\",\"meta\":{\"order\":7},\"callback_url\":\"%s\"}",
                            id, id, url));
}

static const char *
hook(struct bh_rig *rig, struct receiver *receiver, const char *path)
{
    return bh_rig_text(rig, "http://127.0.0.1:%d%s", scripted_port(receiver->server), path);
}

/* Its next post is made now. */
static void
hasten(struct bh_rig *rig, const char *id)
{
    bh_rig_integer(rig, "ZADD bellhop:{sms}:callbacks XX 1 %s", id);
}

static long long
waiting(struct bh_rig *rig)
{
    return bh_rig_integer(rig, "ZCARD bellhop:{sms}:callbacks");
}

static bool
has_failed(struct bh_rig *rig, const char *id, long long posts)
{
    return bh_rig_integer(rig,
                          "EVAL return(tonumber(redis.call('HGET',KEYS[1],ARGV[1])or'0')) 1 "
                          "bellhop:{sms}:callbacks:tries %s",
                          id) == posts;
}

/* ---- what is posted ---- */

/* Checks every request: the receiver's side of the README. */
static void
expect_signed(struct receiver *receiver)
{
    char *rest = receiver->told;
    unsigned checked = 0;
    for (char *post = strstr(rest, "POST "); post != NULL; post = strstr(rest, "POST ")) {
        char *signature = strstr(post, "Bellhop-Signature: t=");
        char *body = strstr(post, "\r\n\r\n");
        cr_assert(signature != NULL && body != NULL && signature < body);
        char *end = strchr(body, '\n');
        end = strchr(body + 4, '\n');
        cr_assert_not_null(end);
        long long at = strtoll(signature + 21, NULL, 10);
        char wanted[BH_CALLBACK_SIGNATURE_MAX];
        struct bh_str bytes = {body + 4, (size_t)(end - body - 4)};
        cr_assert_eq(
            bh_callback_sign(BH_STR_LITERAL(KEY), (struct bh_wall){at * 1000}, bytes, wanted),
            BH_OK);
        cr_expect_eq(strncmp(signature, wanted, strlen(wanted)), 0, "%s", wanted);
        rest = end;
        checked++;
    }
    cr_expect_gt(checked, 0);
}

Test(daemon_callbacks, tell_the_end_once_and_each_delivery, .timeout = 200)
{
    struct receiver receiver;
    struct bh_rig rig;
    receiver_start(&receiver, TAKES);
    start(&rig, &receiver, "");
    push_to(&rig, "job-1", hook(&rig, &receiver, "/hooks/sms?key=private"));
    bh_rig_push(&rig, "sms", "{\"id\":\"quiet\",\"to\":\"491719990601\",\"text\":\"no callback\"}");
    BH_RIG_UNTIL(&rig, posts_of(&rig, &receiver, "job-1") == 1);
    cr_expect_eq(posted(&receiver, "POST /hooks/sms?key=private HTTP/1.1"), 1);
    cr_expect_eq(posted(&receiver, "{\"event\":\"state\",\"queue\":\"sms\",\"id\":\"job-1\","
                                   "\"type\":\"sms\",\"state\":\"sent\","),
                 1);
    cr_expect_eq(posted(&receiver, "\"meta\":{\"order\":7}"), 1);
    cr_expect_eq(posted(&receiver, "Bellhop-Delivery: "), 1);
    cr_expect_eq(posted(&receiver, "geheim"), 0, "no text");
    cr_expect_eq(posted(&receiver, "\"callback_url\""), 0, "nothing private");
    BH_RIG_UNTIL(&rig, waiting(&rig) == 0);
    cr_expect_str_neq(bh_rig_field(&rig, "sms", "job-1", "callback_at"), "");

    struct bh_test_http got;
    bh_test_http_call(bh_rig_http_port(&rig), "POST", "/webhook/" HOOK_TOKEN,
                      "Content-Type: application/x-www-form-urlencoded\r\n",
                      bh_rig_text(&rig,
                                  "webhook_event=dlr&data[msg_id]=%s&data[status]=DELIVERED&data["
                                  "timestamp]=2030-01-02+03:04:05&data[foreign_id]=job-1",
                                  bh_rig_field(&rig, "sms", "job-1", "message_id")),
                      &got);
    cr_assert_eq(got.status, 200);
    bh_test_http_release(&got);
    BH_RIG_UNTIL(&rig, posts_of(&rig, &receiver, "job-1") == 2);
    cr_expect_eq(posted(&receiver, "{\"event\":\"delivery\",\"queue\":\"sms\",\"id\":\"job-1\","),
                 1);
    cr_expect_eq(posted(&receiver, "\"delivery\":\"DELIVERED\",\"delivered_at\":"), 1);
    BH_RIG_UNTIL(&rig, waiting(&rig) == 0);
    bh_rig_wait_state(&rig, "sms", "quiet", "sent");
    cr_expect_eq(posts_of(&rig, &receiver, "quiet"), 0);
    cr_expect_eq(bh_rig_counter(&rig, "sms", "callback:done"), 2);
    cr_expect_eq(bh_rig_counter(&rig, "sms", "callback:again"), 0);
    bh_rig_stop(&rig);
    expect_signed(&receiver);
    receiver_stop(&receiver);
}

Test(daemon_callbacks, tell_of_all_jobs_where_the_queue_says_so, .timeout = 200)
{
    enum { JOBS = 300 };
    struct receiver receiver;
    struct bh_rig rig;
    receiver_start(&receiver, TAKES);
    start(&rig, &receiver, "callback_all = yes");
    bh_rig_push_jobs(&rig, "sms", "many", 0, JOBS);
    bh_rig_push(&rig, "sms", "{\"id\":\"bad\",\"to\":\"491719990600\"}");
    BH_RIG_UNTIL_MS(&rig, SLOW_MS, bh_rig_counter(&rig, "sms", "callback:done") >= JOBS);
    BH_RIG_UNTIL_MS(&rig, SLOW_MS, waiting(&rig) == 0);
    for (unsigned i = 0; i < JOBS; i++)
        cr_expect_eq(posts_of(&rig, &receiver, bh_rig_text(&rig, "many-%u", i)), 1, "%u", i);
    cr_expect_leq(scripted_most_at_once(receiver.server), AT_ONCE);
    bh_rig_stop(&rig);
    receiver_stop(&receiver);
}

/* ---- receivers in a bad mood ---- */

Test(daemon_callbacks, are_posted_again_under_the_same_name, .timeout = 200)
{
    struct receiver receiver;
    struct bh_rig rig;
    receiver_start(&receiver, TAKES);
    receiver.fail_first = 1;
    start(&rig, &receiver, "");
    push_to(&rig, "again", hook(&rig, &receiver, "/hooks"));
    BH_RIG_UNTIL(&rig, has_failed(&rig, "again", 1));
    cr_expect_str_eq(bh_rig_field(&rig, "sms", "again", "callback_error"),
                     "it answers with HTTP 500");
    cr_expect_eq(bh_rig_counter(&rig, "sms", "callback:again"), 1);
    cr_expect_eq(posts_of(&rig, &receiver, "again"), 1, "not before its time");
    hasten(&rig, "again");
    BH_RIG_UNTIL(&rig, waiting(&rig) == 0);
    cr_expect_eq(posts_of(&rig, &receiver, "again"), 2);
    cr_expect_str_eq(bh_rig_field(&rig, "sms", "again", "callback_error"), "");
    char name[64];
    const char *found = strstr(receiver.told, "Bellhop-Delivery: ");
    cr_assert_not_null(found);
    snprintf(name, sizeof(name), "%.50s", found);
    cr_expect_eq(posted(&receiver, name), 2, "%s", name);
    bh_rig_stop(&rig);
    receiver_stop(&receiver);
}

Test(daemon_callbacks, are_given_up_at_once_or_in_the_end, .timeout = 200)
{
    struct receiver receiver;
    struct bh_rig rig;
    receiver_start(&receiver, GONE);
    start(&rig, &receiver, "");
    push_to(&rig, "gone", hook(&rig, &receiver, "/hooks"));
    BH_RIG_UNTIL(&rig, bh_rig_counter(&rig, "sms", "callback:given_up") == 1);
    cr_expect_str_eq(bh_rig_field(&rig, "sms", "gone", "callback_error"),
                     "given up after 1 post: it answers with HTTP 410");
    set_mood(&receiver, FAILS);
    push_to(&rig, "last", hook(&rig, &receiver, "/hooks"));
    BH_RIG_UNTIL(&rig, has_failed(&rig, "last", 1));
    bh_rig_integer(&rig, "HSET bellhop:{sms}:callbacks:tries last 8");
    hasten(&rig, "last");
    BH_RIG_UNTIL(&rig, bh_rig_counter(&rig, "sms", "callback:given_up") == 2);
    cr_expect_str_eq(bh_rig_field(&rig, "sms", "last", "callback_error"),
                     "given up after 9 posts: it answers with HTTP 500");
    cr_expect_eq(waiting(&rig), 0);
    cr_expect(bh_process_wait_line(&rig.daemons[0].process, "callback_given_up", BH_RIG_WAIT_MS));
    bh_rig_stop(&rig);
    receiver_stop(&receiver);
}

Test(daemon_callbacks, do_not_follow_redirects, .timeout = 200)
{
    struct receiver receiver, elsewhere;
    struct bh_rig rig;
    receiver_start(&elsewhere, TAKES);
    receiver_start(&receiver, REDIRECTS);
    snprintf(receiver.elsewhere, sizeof(receiver.elsewhere), "http://127.0.0.1:%d/",
             scripted_port(elsewhere.server));
    start(&rig, &receiver, "");
    push_to(&rig, "sent-on", hook(&rig, &receiver, "/hooks"));
    BH_RIG_UNTIL(&rig, has_failed(&rig, "sent-on", 1));
    cr_expect_str_eq(bh_rig_field(&rig, "sms", "sent-on", "callback_error"),
                     "it answers with HTTP 307, and redirects are not followed");
    cr_expect_eq(scripted_connections(elsewhere.server), 0);
    bh_rig_stop(&rig);
    receiver_stop(&receiver);
    receiver_stop(&elsewhere);
}

/* Nothing but the time limit ends these posts, and they are begun before the messages are pushed. */
Test(daemon_callbacks, that_hang_delay_no_message, .timeout = 250)
{
    enum { JOBS = 100, FIRST = 16 };
    struct receiver receiver;
    struct bh_rig rig;
    receiver_start(&receiver, HANGS);
    start(&rig, &receiver, "callback_all = yes");
    bh_rig_push_jobs(&rig, "sms", "first", 0, FIRST);
    BH_RIG_UNTIL(&rig, scripted_requests(receiver.server) >= AT_ONCE);
    unsigned hanging = scripted_requests(receiver.server);
    bh_rig_push_jobs(&rig, "sms", "second", 0, JOBS);
    BH_RIG_UNTIL(&rig, bh_rig_counter(&rig, "sms", "outcome:sent") == JOBS + FIRST);
    cr_expect_eq(hanging, AT_ONCE);
    cr_expect_eq(waiting(&rig), JOBS + FIRST);
    /* A daemon that ends does not wait for them either; it has two seconds for them. */
    bh_rig_stop(&rig);
    receiver_stop(&receiver);
}

/* ---- addresses ---- */

Test(daemon_callbacks, go_to_no_address_that_a_job_made_up, .timeout = 200)
{
    static const char *const tricks[] = {
        "http://127.0.0.1:%d/hooks",
        "http://127.0.0.1:%d/",
        "http://localhost:%d/hooks",
        "http://127.0.0.1:%d/hooks/../admin",
    };
    struct receiver receiver, other;
    struct bh_rig rig;
    receiver_start(&receiver, TAKES);
    receiver_start(&other, TAKES);
    start(&rig, &receiver, "");
    for (size_t i = 0; i < sizeof(tricks) / sizeof(tricks[0]); i++) {
        const char *id = bh_rig_text(&rig, "trick-%zu", i);
        char url[128], port[8], *mark;
        snprintf(url, sizeof(url), "%s", tricks[i]);
        snprintf(port, sizeof(port), "%d", scripted_port(i == 3 ? receiver.server : other.server));
        mark = strstr(url, "%d");
        const char *tail = bh_rig_text(&rig, "%s", mark + 2);
        *mark = '\0';
        push_to(&rig, id, bh_rig_text(&rig, "%s%s%s", url, port, tail));
        bh_rig_wait_state(&rig, "sms", id, "invalid");
    }
    /* In the status of a job, too, where only who may write to Redis can put one. */
    bh_rig_integer(&rig,
                   "HSET bellhop:{sms}:status:forged state sent callback_url "
                   "http://127.0.0.1:%d/hooks",
                   scripted_port(other.server));
    bh_rig_integer(&rig, "ZADD bellhop:{sms}:callbacks 1 forged");
    BH_RIG_UNTIL(&rig, bh_rig_counter(&rig, "sms", "callback:refused") == 1);
    cr_expect_str_eq(bh_rig_field(&rig, "sms", "forged", "callback_error"),
                     "not posted, because its address is not allowed: it must have the scheme, "
                     "host and port that are allowed");
    cr_expect(bh_process_wait_line(&rig.daemons[0].process, "callback_refused", BH_RIG_WAIT_MS));
    push_to(&rig, "good", hook(&rig, &receiver, "/hooks"));
    BH_RIG_UNTIL(&rig, posts_of(&rig, &receiver, "good") == 1);
    cr_expect_eq(scripted_connections(other.server), 0);
    cr_expect_eq(scripted_requests(receiver.server), 1);
    bh_rig_stop(&rig);
    receiver_stop(&receiver);
    receiver_stop(&other);
}

Test(daemon_callbacks, stop_when_a_reload_takes_the_address_back, .timeout = 200)
{
    struct receiver receiver;
    struct bh_rig rig;
    receiver_start(&receiver, FAILS);
    start(&rig, &receiver, "");
    push_to(&rig, "taken-back", hook(&rig, &receiver, "/hooks/a"));
    BH_RIG_UNTIL(&rig, has_failed(&rig, "taken-back", 1));
    const char *before = rig.options.queues;
    rig.options.queues =
        bh_rig_text(&rig, "[queue sms]\ncallback_url = %s\n", hook(&rig, &receiver, "/other"));
    bh_rig_reload(&rig, 0, NULL);
    cr_assert(bh_process_wait_line(&rig.daemons[0].process, " reloaded ", BH_RIG_WAIT_MS));
    unsigned so_far = scripted_requests(receiver.server);
    hasten(&rig, "taken-back");
    BH_RIG_UNTIL(&rig, bh_rig_counter(&rig, "sms", "callback:refused") == 1);
    cr_expect_eq(scripted_requests(receiver.server), so_far);
    cr_expect_eq(waiting(&rig), 1, "the configuration may come back");
    hasten(&rig, "taken-back");
    rig.options.queues = "[queue sms]\n";
    bh_rig_reload(&rig, 0, NULL);
    BH_RIG_UNTIL(&rig, bh_rig_counter(&rig, "sms", "callback:refused") == 2);
    cr_expect_eq(scripted_requests(receiver.server), so_far);
    set_mood(&receiver, TAKES);
    rig.options.queues = before;
    bh_rig_reload(&rig, 0, NULL);
    cr_assert(bh_process_wait_line(&rig.daemons[0].process, " reloaded ", BH_RIG_WAIT_MS));
    hasten(&rig, "taken-back");
    BH_RIG_UNTIL(&rig, waiting(&rig) == 0);
    cr_expect_eq(scripted_requests(receiver.server), so_far + 1);
    bh_rig_stop(&rig);
    receiver_stop(&receiver);
}

/* ---- a daemon that dies ---- */

Test(daemon_callbacks, survive_the_daemon, .timeout = 250)
{
    struct receiver receiver;
    struct bh_rig rig;
    receiver_start(&receiver, HANGS);
    start(&rig, &receiver, "");
    push_to(&rig, "orphan", hook(&rig, &receiver, "/hooks"));
    BH_RIG_UNTIL(&rig, posts_of(&rig, &receiver, "orphan") == 1);
    bh_process_kill(&rig.daemons[0].process);
    cr_expect_eq(waiting(&rig), 1);
    set_mood(&receiver, TAKES);
    bh_rig_restart_daemon(&rig, &rig.daemons[0]);
    hasten(&rig, "orphan"); /* the lease of the one who died takes a minute */
    BH_RIG_UNTIL(&rig, waiting(&rig) == 0);
    cr_expect_eq(posts_of(&rig, &receiver, "orphan"), 2);
    bh_rig_stop(&rig);
    receiver_stop(&receiver);
}
