/*
 * tsan_mailbox - threads post to each other and count references, for the thread sanitizer to look at.
 *
 * No Criterion: its own threads and processes are more than the sanitizer bears.  Without a sanitizer it is a
 * test all the same: each box must hear everything, in order.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/mailbox.h"
#include "support/config_fixture.h"

#define WORKERS 3
#define ROUNDS  3000

/* One thread with a loop, as bellhopd has it: the main thread posts to each, each posts to the main thread. */
struct party {
    unsigned number;
    uv_loop_t loop;
    uv_thread_t thread;
    struct bh_mailbox box;
    struct party *main;
    unsigned heard, rounds_heard[WORKERS];
    unsigned stopped;
    bool in_order;
};

static void
must(bool condition, const char *what)
{
    if (condition)
        return;
    fprintf(stderr, "tsan_mailbox: %s\n", what);
    exit(1);
}

static void
post(struct party *to, struct bh_message message)
{
    while (!bh_mailbox_post(&to->box, &message))
        uv_sleep(1);
}

static void
worker_on_message(void *arg, const struct bh_message *message)
{
    struct party *worker = arg;
    if (message->kind == BH_MESSAGE_STOP) {
        bh_mailbox_close(&worker->box);
        return;
    }
    must(message->kind == BH_MESSAGE_CONFIGURE, "a worker gets configurations");
    must(message->config->queues_count == 1, "and they are whole");
    bh_config_release(message->config);
    post(worker->main, (struct bh_message){
                           .kind = BH_MESSAGE_ACCOUNT_WORD,
                           .worker = worker->number,
                           .word = {.code = (int)worker->heard++},
                       });
}

static void
worker_main(void *arg)
{
    struct party *worker = arg;
    uv_run(&worker->loop, UV_RUN_DEFAULT);
    post(worker->main, (struct bh_message){.kind = BH_MESSAGE_STOPPED, .worker = worker->number});
}

static void
main_on_message(void *arg, const struct bh_message *message)
{
    struct party *party = arg;
    if (message->kind == BH_MESSAGE_STOPPED) {
        if (++party->stopped == WORKERS)
            bh_mailbox_close(&party->box);
        return;
    }
    unsigned *heard = &party->rounds_heard[message->worker];
    party->in_order &= message->word.code == (int)*heard;
    (*heard)++;
}

static void
open_party(struct party *party, struct party *main, unsigned number, bh_on_message *on_message)
{
    *party = (struct party){.number = number, .main = main, .in_order = true};
    must(uv_loop_init(&party->loop) == 0, "uv_loop_init");
    must(bh_mailbox_open(&party->box, &party->loop, on_message, party) == BH_OK, "open");
}

static void
release_party(struct party *party)
{
    bh_mailbox_release(&party->box);
    must(uv_loop_close(&party->loop) == 0, "the loop closes clean");
}

static struct bh_config *
some_config(void)
{
    struct bh_config_report report = {0};
    struct bh_config *config = NULL;
    struct bh_config_source source =
        fixture_source(BH_STR_LITERAL("[gateway]\napi_key = k\n[queue sms]\n"));
    must(bh_config_read(&source, &report, &config) == BH_OK, "the configuration");
    bh_config_report_release(&report);
    return config;
}

static void
post_rounds(struct party *main, struct party *workers)
{
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct bh_config *config = some_config();
        for (unsigned i = 0; i < WORKERS; i++)
            post(&workers[i], (struct bh_message){
                                  .kind = BH_MESSAGE_CONFIGURE,
                                  .config = bh_config_retain(config),
                              });
        /* The last reference is let go of by whoever is slowest. */
        bh_config_release(config);
        uv_run(&main->loop, UV_RUN_NOWAIT);
    }
    for (unsigned i = 0; i < WORKERS; i++)
        post(&workers[i], (struct bh_message){.kind = BH_MESSAGE_STOP});
}

int
main(void)
{
    static struct party party, workers[WORKERS];
    open_party(&party, NULL, 0, main_on_message);
    for (unsigned i = 0; i < WORKERS; i++) {
        open_party(&workers[i], &party, i, worker_on_message);
        must(uv_thread_create(&workers[i].thread, worker_main, &workers[i]) == 0, "a thread");
    }
    post_rounds(&party, workers);
    uv_run(&party.loop, UV_RUN_DEFAULT);

    for (unsigned i = 0; i < WORKERS; i++) {
        must(uv_thread_join(&workers[i].thread) == 0, "join");
        must(party.rounds_heard[i] == ROUNDS, "every message arrives");
        release_party(&workers[i]);
    }
    must(party.in_order, "in order");
    release_party(&party);
    printf("1 passed, 0 failed\n");
    return 0;
}
