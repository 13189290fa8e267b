#include <criterion/criterion.h>

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "daemon/mailbox.h"
#include "support/config_fixture.h"

#define POSTERS       4
#define POSTS_OF_EACH 5000

struct fixture {
    uv_loop_t loop;
    struct bh_mailbox box;
    unsigned heard[POSTERS]; /* of each sender, how many */
    unsigned total;
    bool in_order;
    unsigned answer_until; /* while total is less, each message is answered by another */
    unsigned close_at;     /* 0: never */
    enum bh_message_kind last;
};

/* `word.code` counts the messages of a sender. */
static struct bh_message
numbered(unsigned sender, unsigned number)
{
    return (struct bh_message){
        .kind = BH_MESSAGE_ACCOUNT_WORD,
        .worker = sender,
        .word = {.code = (int)number},
    };
}

static void
on_message(void *arg, const struct bh_message *message)
{
    struct fixture *fixture = arg;
    fixture->total++;
    fixture->last = message->kind;
    if (message->kind == BH_MESSAGE_CONFIGURE)
        bh_config_release(message->config);
    if (message->kind == BH_MESSAGE_ACCOUNT_WORD) {
        unsigned *heard = &fixture->heard[message->worker];
        fixture->in_order &= message->word.code == (int)*heard;
        (*heard)++;
    }
    if (fixture->total < fixture->answer_until) {
        struct bh_message next = numbered(0, fixture->heard[0]);
        cr_assert(bh_mailbox_post(&fixture->box, &next));
    }
    if (fixture->total == fixture->close_at)
        bh_mailbox_close(&fixture->box);
}

static void
open_box(struct fixture *fixture)
{
    *fixture = (struct fixture){.in_order = true};
    cr_assert_eq(uv_loop_init(&fixture->loop), 0);
    cr_assert_eq(bh_mailbox_open(&fixture->box, &fixture->loop, on_message, fixture), BH_OK);
}

static void
release_box(struct fixture *fixture)
{
    uv_run(&fixture->loop, UV_RUN_DEFAULT);
    bh_mailbox_release(&fixture->box);
    cr_expect_eq(uv_loop_close(&fixture->loop), 0);
}

static void
close_box(struct fixture *fixture)
{
    bh_mailbox_close(&fixture->box);
    release_box(fixture);
}

/* Numbers from `first` on, until one is refused or `count` are in. */
static unsigned
post(struct fixture *fixture, unsigned first, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct bh_message message = numbered(0, first + i);
        if (!bh_mailbox_post(&fixture->box, &message))
            return i;
    }
    return count;
}

Test(mailbox, receives_in_the_order_of_posting)
{
    struct fixture fixture;
    open_box(&fixture);
    cr_expect_eq(post(&fixture, 0, 100), 100);
    cr_expect_eq(fixture.total, 0, "only the loop receives");
    uv_run(&fixture.loop, UV_RUN_NOWAIT);
    cr_expect_eq(fixture.total, 100);
    cr_expect(fixture.in_order);
    close_box(&fixture);
}

Test(mailbox, refuses_what_is_over_its_bound_and_goes_on_afterwards)
{
    struct fixture fixture;
    open_box(&fixture);
    /* An offset first, so that the ring goes over its end. */
    cr_expect_eq(post(&fixture, 0, 1000), 1000);
    uv_run(&fixture.loop, UV_RUN_NOWAIT);
    for (unsigned round = 0; round < 3; round++) {
        unsigned first = 1000 + round * BH_MAILBOX_MAX;
        cr_expect_eq(post(&fixture, first, BH_MAILBOX_MAX + 10), BH_MAILBOX_MAX);
        cr_expect_eq(post(&fixture, 0, 1), 0, "still full");
        uv_run(&fixture.loop, UV_RUN_NOWAIT);
        cr_expect_eq(fixture.total, first + BH_MAILBOX_MAX);
    }
    cr_expect(fixture.in_order);
    close_box(&fixture);
}

Test(mailbox, takes_posts_from_inside_the_callback)
{
    struct fixture fixture;
    open_box(&fixture);
    fixture.answer_until = 10000;
    cr_expect_eq(post(&fixture, 0, 1), 1);
    while (fixture.total < 10000 && uv_run(&fixture.loop, UV_RUN_NOWAIT) != 0)
        continue;
    cr_expect_eq(fixture.total, 10000);
    cr_expect(fixture.in_order);
    close_box(&fixture);
}

struct poster {
    struct bh_mailbox *box;
    unsigned number;
    uv_thread_t thread;
};

static void
poster_main(void *arg)
{
    const struct poster *poster = arg;
    for (unsigned i = 0; i < POSTS_OF_EACH; i++) {
        struct bh_message message = numbered(poster->number, i);
        /* A full box is emptied by the owner, which runs on. */
        while (!bh_mailbox_post(poster->box, &message))
            uv_sleep(1);
    }
}

Test(mailbox, takes_posts_from_other_threads)
{
    struct fixture fixture;
    struct poster posters[POSTERS];
    open_box(&fixture);
    for (unsigned i = 0; i < POSTERS; i++) {
        posters[i] = (struct poster){.box = &fixture.box, .number = i};
        cr_assert_eq(uv_thread_create(&posters[i].thread, poster_main, &posters[i]), 0);
    }
    while (fixture.total < POSTERS * POSTS_OF_EACH)
        uv_run(&fixture.loop, UV_RUN_ONCE);
    for (unsigned i = 0; i < POSTERS; i++) {
        uv_thread_join(&posters[i].thread);
        cr_expect_eq(fixture.heard[i], POSTS_OF_EACH, "sender %u", i);
    }
    cr_expect(fixture.in_order, "each sender's messages stay in their order");
    close_box(&fixture);
}

Test(mailbox, receives_nothing_once_it_is_closed)
{
    struct fixture fixture;
    open_box(&fixture);
    cr_expect_eq(post(&fixture, 0, 5), 5);
    close_box(&fixture);
    cr_expect_eq(fixture.total, 0);

    open_box(&fixture);
    fixture.close_at = 3;
    cr_expect_eq(post(&fixture, 0, 5), 5);
    release_box(&fixture);
    cr_expect_eq(fixture.total, 3, "closed from inside the callback");
}

/* ---- references and memory ---- */

static long outstanding;
static long left = -1; /* allocations that may still succeed; negative: all */

static void *
counted_alloc(size_t size)
{
    if (left == 0)
        return NULL;
    left -= left > 0;
    void *ptr = malloc(size);
    outstanding += ptr != NULL;
    return ptr;
}

static void *
counted_resize(void *ptr, size_t size)
{
    if (left == 0)
        return NULL;
    left -= left > 0;
    void *grown = realloc(ptr, size);
    outstanding += ptr == NULL && grown != NULL;
    return grown;
}

static void
counted_release(void *ptr)
{
    outstanding -= ptr != NULL;
    free(ptr);
}

static void
count_allocations(void)
{
    static const struct bh_allocator counted = {counted_alloc, counted_resize, counted_release};
    bh_alloc_replace(&counted);
}

static struct bh_config *
some_config(void)
{
    struct bh_config_report report = {0};
    struct bh_config *config = NULL;
    struct bh_config_source source =
        fixture_source(BH_STR_LITERAL("[gateway]\napi_key = k\n[queue sms]\n"));
    cr_assert_eq(bh_config_read(&source, &report, &config), BH_OK);
    bh_config_report_release(&report);
    return config;
}

static void
post_config(struct fixture *fixture, const struct bh_config *config)
{
    const struct bh_message message = {
        .kind = BH_MESSAGE_CONFIGURE,
        .config = bh_config_retain(config),
    };
    cr_assert(bh_mailbox_post(&fixture->box, &message));
}

Test(mailbox, hands_references_over_or_lets_go_of_them)
{
    struct fixture fixture;
    count_allocations();
    open_box(&fixture);
    struct bh_config *config = some_config();

    post_config(&fixture, config);
    uv_run(&fixture.loop, UV_RUN_NOWAIT);
    cr_expect_eq(fixture.last, BH_MESSAGE_CONFIGURE);

    for (unsigned i = 0; i < 5; i++) {
        post_config(&fixture, config);
        cr_expect_eq(post(&fixture, 0, 1), 1, "with others in between, which hold nothing");
    }
    bh_config_release(config);
    close_box(&fixture);
    cr_expect_eq(fixture.total, 1);
    cr_expect_eq(outstanding, 0, "%ld blocks are left", outstanding);
}

Test(mailbox, says_when_there_is_no_memory)
{
    struct fixture fixture = {.in_order = true};
    count_allocations();
    cr_assert_eq(uv_loop_init(&fixture.loop), 0);
    left = 0;
    cr_expect_eq(bh_mailbox_open(&fixture.box, &fixture.loop, on_message, &fixture), BH_ENOMEM);
    cr_expect_null(fixture.box.items);
    cr_expect_eq(uv_loop_close(&fixture.loop), 0, "no handle is left behind");
}
