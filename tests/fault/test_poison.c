/*
 * Jobs that end the process that handles them.  A daemon is started again each time, as a service manager does; the
 * good jobs around them are all sent once, and each bad one is given up after the third time with its reason.
 */
#include <criterion/criterion.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/rig.h"

#define GOOD 200

/* The letters "venom1" to "venom3" in a text are what kills, each at another place. */
static const char *const deadly[] = {
    "BELLHOP_CRASH_POINT=on_open=venom1,before_send=venom2,after_send=venom3", NULL};

static void
push(struct bh_rig *rig, const char *id, const char *text, unsigned number)
{
    char json[160];
    snprintf(json, sizeof(json), "{\"id\":\"%s\",\"to\":\"+4917%08u\",\"text\":\"%s %u\"}", id,
             number, text, number);
    bh_rig_push(rig, "sms", json);
}

/* A producer that goes on while the daemon dies and lives: a few jobs at each look. */
struct stream {
    unsigned pushed, count;
    unsigned killers, killers_count; /* the later ones come when suspects are tried, and go first */
};

static const char *const venoms[] = {"venom1", "venom2"};

static void
push_killer(struct bh_rig *rig, unsigned number)
{
    freeReplyObject(bh_rig_command(
        rig, "RPUSH bellhop:{sms} {\"id\":\"bad%u\",\"to\":\"+49179%07u\",\"text\":\"%s%sno%u\"}",
        number, number, venoms[number % 2], "-", number));
}

static void
push_more(struct bh_rig *rig, struct stream *stream)
{
    for (unsigned i = 0; i < 4 && stream->pushed < stream->count; i++) {
        char id[16];
        snprintf(id, sizeof(id), "good%u", stream->pushed);
        push(rig, id, "fine", stream->pushed++);
    }
    if (stream->killers < stream->killers_count &&
        bh_rig_integer(rig, "LLEN bellhop:{sms}:suspects") > 3)
        push_killer(rig, stream->killers++);
}

/* Start it again whenever it has died, until everything is done; how often it died. */
static unsigned
keep_alive(struct bh_rig *rig, struct bh_daemon *daemon, const char *const *environment,
           struct stream *stream, long long limit_ms)
{
    unsigned deaths = 0;
    long long until = bh_now_ms() + limit_ms;
    while (stream->pushed < stream->count || stream->killers < stream->killers_count ||
           bh_rig_unfinished(rig, "sms") > 0) {
        push_more(rig, stream);
        if (bh_now_ms() > until)
            bh_rig_fail(rig, "not done in time; %u deaths", deaths);
        if (!bh_process_is_running(&daemon->process)) {
            cr_assert_eq(daemon->process.end, -SIGKILL, "%d", daemon->process.end);
            deaths++;
            bh_daemon_start(daemon, environment);
        }
        bh_sleep_ms(20);
    }
    return deaths;
}

/* The id of the dead job whose payload holds `text`; "" when there is none. */
static const char *
dead_id(struct bh_rig *rig, const char *text)
{
    const char *id = "";
    redisReply *dead = bh_rig_command(rig, "ZRANGE bellhop:{sms}:dead 0 -1");
    for (size_t i = 0; i < dead->elements; i++) {
        const char *handle = dead->element[i]->str;
        redisReply *payload = bh_rig_command(rig, "HGET bellhop:{sms}:jobs %s", handle);
        redisReply *head = bh_rig_command(rig, "HGET bellhop:{sms}:heads %s", handle);
        char word[130] = "";
        if (strstr(payload->str, text) != NULL) {
            (void)sscanf(head->str, "1 %*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %129s", word);
            id = bh_rig_text(rig, "%s", word);
        }
        freeReplyObject(payload);
        freeReplyObject(head);
    }
    freeReplyObject(dead);
    return id;
}

static void
expect_buried(struct bh_rig *rig, const char *text, const char *own_id, const char *state)
{
    const char *id = dead_id(rig, text);
    cr_assert_str_neq(id, "", "%s is in the dead set", text);
    cr_expect_str_eq(id, own_id, "%s", text);
    cr_expect_str_eq(bh_rig_field(rig, "sms", id, "state"), state, "%s", text);
    const char *error = bh_rig_field(rig, "sms", id, "error");
    cr_expect_not_null(strstr(error, "3 times in a row"), "%s: %s", text, error);
    cr_expect_not_null(strstr(error, "one/"), "%s: its last owner: %s", text, error);
}

Test(poison, ends_three_processes_and_no_more, .timeout = 180)
{
    struct bh_rig rig;
    const struct bh_rig_options options = {
        .without_daemon = true,
        .gateway = "reload_lock = 30s\ntimeout = 2s\nconnect_timeout = 1s",
        .pool = "workers = 1\nlease = 5s",
        .redis = "command_timeout = 2s",
        .sim = "[lock]\nseconds = 30\n[gateway]\nanswer_delay_ms = 20\n[reports]\nplan = none\n",
    };
    bh_rig_start(&rig, &options);
    struct bh_daemon *daemon = bh_rig_start_daemon(&rig, NULL, deadly);
    for (unsigned i = 0; i < GOOD; i++) {
        char id[16];
        snprintf(id, sizeof(id), "good%u", i);
        push(&rig, id, "fine", i);
        if (i == GOOD / 4)
            push(&rig, "bad1", "venom1", 90001);
        if (i == GOOD / 2)
            push(&rig, "bad2", "venom2", 90002);
        if (i == GOOD * 3 / 4)
            push(&rig, "bad3", "venom3", 90003);
    }
    unsigned deaths = keep_alive(&rig, daemon, deadly, &(struct stream){0}, 120000);
    fprintf(stderr, "poison: %u deaths of the process for 3 jobs, %lld recovered\n", deaths,
            bh_rig_counter(&rig, "sms", "recovered"));
    cr_expect_leq(deaths, 9);
    cr_expect_geq(deaths, 3);
    cr_expect_eq(bh_rig_integer(&rig, "ZCARD bellhop:{sms}:dead"), 3);
    cr_expect_eq(bh_rig_counter(&rig, "sms", "outcome:sent"), GOOD);
    cr_expect_eq(bh_rig_counter(&rig, "sms", "now:suspects"), 0);
    cr_expect_eq(bh_rig_sim_number(&rig, "stats?limit=0", "foreign_ids_doubled_count"), 0);
    for (unsigned i = 0; i < GOOD; i++) {
        char id[16];
        snprintf(id, sizeof(id), "good%u", i);
        cr_expect_eq(bh_rig_accepted(&rig, id), 1, "%s", id);
    }
    expect_buried(&rig, "venom1", "bad1", "failed");
    expect_buried(&rig, "venom2", "bad2", "unknown");
    expect_buried(&rig, "venom3", "bad3", "unknown");
    cr_expect_eq(bh_rig_accepted(&rig, "bad2"), 0);
    cr_expect_eq(bh_rig_accepted(&rig, "bad3"), 1);
    bh_rig_stop(&rig);
}

/* Several workers in one process, each with its hands full: none may take another one's suspect with it. */
Test(poison, buries_nobody_but_the_killers_however_many_workers_there_are, .timeout = 240)
{
    enum { CROWD = 400, KILLERS = 4 };
    struct bh_rig rig;
    const struct bh_rig_options options = {
        .without_daemon = true,
        .gateway = "reload_lock = 30s\nmax_connections = 24\ntimeout = 2s\nconnect_timeout = 1s",
        .pool = "workers = 3\nconcurrency = 20\nlease = 5s",
        .redis = "command_timeout = 2s",
        .sim = "[lock]\nseconds = 30\n[gateway]\nanswer_delay_ms = 400\n[reports]\nplan = none\n",
    };
    bh_rig_start(&rig, &options);
    struct bh_daemon *daemon = bh_rig_start_daemon(&rig, NULL, deadly);
    struct stream stream = {0, CROWD, 2, KILLERS};
    while (stream.pushed < 200)
        push_more(&rig, &stream);
    /* Two make suspects of those around them; two come while these are tried, and go to other workers. */
    push_killer(&rig, 0);
    push_killer(&rig, 1);
    unsigned deaths = keep_alive(&rig, daemon, deadly, &stream, 200000);
    fprintf(stderr, "poison: %u deaths of a process with 3 workers for %u jobs, %lld recovered\n",
            deaths, (unsigned)KILLERS, bh_rig_counter(&rig, "sms", "recovered"));
    cr_expect_leq(deaths, 3 * KILLERS);
    cr_expect_geq(deaths, 3);
    cr_expect_eq(bh_rig_integer(&rig, "ZCARD bellhop:{sms}:dead"), KILLERS);
    cr_expect_eq(bh_rig_counter(&rig, "sms", "outcome:sent"), CROWD);
    cr_expect_eq(bh_rig_counter(&rig, "sms", "now:suspects"), 0);
    cr_expect_eq(bh_rig_sim_number(&rig, "stats?limit=0", "foreign_ids_doubled_count"), 0);
    for (unsigned i = 0; i < CROWD; i++) {
        char id[16];
        snprintf(id, sizeof(id), "good%u", i);
        cr_expect_eq(bh_rig_accepted(&rig, id), 1, "%s", id);
    }
    for (unsigned i = 0; i < KILLERS; i++) {
        char id[16], text[16];
        snprintf(id, sizeof(id), "bad%u", i);
        snprintf(text, sizeof(text), "%s-no%u", venoms[i % 2], i);
        expect_buried(&rig, text, id, i % 2 == 0 ? "failed" : "unknown");
        cr_expect_eq(bh_rig_accepted(&rig, id), 0, "%s", id);
    }
    bh_rig_stop(&rig);
}

static long long
in_hand(struct bh_rig *rig)
{
    return bh_rig_integer(rig, "ZCARD bellhop:{sms}:leases");
}

Test(poison, innocents_of_two_kills_in_a_row_come_through, .timeout = 180)
{
    enum { CROWD = 100 };
    struct bh_rig rig;
    const struct bh_rig_options options = {
        .gateway = "reload_lock = 60s\nmax_connections = 60\ntimeout = 4s\nconnect_timeout = 1s",
        .pool = "workers = 1\nconcurrency = 60\nlease = 8s",
        .redis = "command_timeout = 2s",
        .queues = "[queue sms]\non_uncertain = resend\n",
        .sim = "[lock]\nseconds = 60\n[gateway]\nanswer_delay_ms = 50\n[reports]\nplan = none\n",
    };
    bh_rig_start(&rig, &options);
    struct bh_daemon *daemon = &rig.daemons[0];
    /* No answers, so that many are in hand at both kills.  After the first one, what was being sent waits. */
    bh_rig_tell(&rig, "fault", "{\"kind\":\"hang\",\"at\":\"before\",\"count\":-1}");
    for (unsigned i = 0; i < CROWD; i++) {
        char id[16];
        snprintf(id, sizeof(id), "crowd%u", i);
        push(&rig, id, "crowd", i);
    }
    for (int kills = 0; kills < 2; kills++) {
        /* All of the crowd; then those that were not being sent yet, when the dead one's leases are given back. */
        BH_RIG_UNTIL(&rig, bh_rig_counter(&rig, "sms", "recovered") == kills * CROWD &&
                               in_hand(&rig) >= (kills == 0 ? CROWD : CROWD / 4));
        bh_process_kill(&daemon->process);
        if (kills == 1)
            bh_rig_tell(&rig, "unfault", "{\"all\":true}");
        bh_rig_restart_daemon(&rig, daemon);
    }
    long long begin = bh_now_ms(), suspects = 0;
    /* Fresh jobs are not starved by those that are tried apart. */
    BH_RIG_UNTIL(&rig, (suspects = bh_rig_counter(&rig, "sms", "now:suspects")) > 0);
    push(&rig, "fresh", "fresh", 777);
    bh_rig_wait_state(&rig, "sms", "fresh", "sent");
    cr_expect_lt(bh_now_ms() - begin, 15000, "%lld ms", bh_now_ms() - begin);
    BH_RIG_UNTIL_MS(&rig, 150000, bh_rig_unfinished(&rig, "sms") == 0);
    fprintf(stderr, "innocents: %lld suspects, all done after %lld ms\n", suspects,
            bh_now_ms() - begin);
    cr_expect_gt(suspects, 0);
    cr_expect_eq(bh_rig_counter(&rig, "sms", "outcome:sent"), CROWD + 1);
    cr_expect_eq(bh_rig_integer(&rig, "ZCARD bellhop:{sms}:dead"), 0);
    cr_expect_eq(bh_rig_counter(&rig, "sms", "now:suspects"), 0);
    cr_expect_eq(bh_rig_sim_number(&rig, "stats?limit=0", "foreign_ids_doubled_count"), 0);
    bh_rig_stop(&rig);
}
