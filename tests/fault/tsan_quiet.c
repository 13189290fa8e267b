/*
 * tsan_quiet - workers' turns in threads of their own, one of them alone now and then, for the thread sanitizer to look at.
 *
 * What each holds is a plain variable: the one that is alone reads and writes those of all others, so a quiet
 * that is none is a data race.  Without a sanitizer it is a test all the same: nobody holds anything then, and what the
 * one has written is still there when the others go on.
 */
#include <stdio.h>
#include <stdlib.h>

#include "daemon/clock.h"
#include "daemon/quiet_room.h"

#define WORKERS 4
#define QUIETS  300
#define MOST_MS (100 * BH_SECOND_MS)

struct party {
    unsigned number;
    uv_thread_t thread;
};

static struct bh_quiet_room room;
static struct {
    bool holds;
    unsigned marked;
    unsigned turns;
} hands[WORKERS];

static void
must(bool condition, const char *what)
{
    if (condition)
        return;
    fprintf(stderr, "tsan_quiet: %s\n", what);
    exit(1);
}

static void
work(void *arg)
{
    const struct party *party = arg;
    unsigned me = party->number, marked = 0;
    bool holds = false; /* as in hands[], which is touched only by those who may */
    while (marked < QUIETS) {
        struct bh_mono now = bh_clock_mono();
        struct bh_company company = bh_quiet_room_begin_turn(&room, me, now);
        if (!company.hushed || holds) {
            must(hands[me].marked >= marked, "a mark is lost");
            marked = hands[me].marked;
            holds = !company.hushed && marked < QUIETS && hands[me].turns++ % 3 > 0;
            hands[me].holds = holds;
        }
        bh_quiet_room_end_turn(&room, me, &(struct bh_bearing){.in_hand = holds}, now);
    }
    bh_quiet_room_leave(&room, me, bh_clock_mono());
}

static void
be_alone(void)
{
    struct bh_mono until = bh_mono_add(bh_clock_mono(), MOST_MS);
    for (unsigned quiets = 0; quiets < QUIETS;) {
        struct bh_mono now = bh_clock_mono();
        must(!bh_mono_reached(until, now), "no quiet comes");
        struct bh_company company = bh_quiet_room_begin_turn(&room, 0, now);
        for (unsigned i = 1; company.alone && i < WORKERS; i++) {
            must(!hands[i].holds, "alone, and somebody holds something");
            hands[i].marked++;
        }
        quiets += company.alone;
        struct bh_bearing bearing = {
            .in_hand = company.alone,
            .alone_until = company.alone ? (struct bh_mono){0} : until,
        };
        bh_quiet_room_end_turn(&room, 0, &bearing, now);
    }
    bh_quiet_room_leave(&room, 0, bh_clock_mono());
}

int
main(void)
{
    struct party parties[WORKERS];
    must(bh_quiet_room_init(&room, WORKERS) == BH_OK, "no room");
    for (unsigned i = 1; i < WORKERS; i++) {
        parties[i].number = i;
        must(uv_thread_create(&parties[i].thread, work, &parties[i]) == 0, "no thread");
    }
    be_alone();
    for (unsigned i = 1; i < WORKERS; i++)
        uv_thread_join(&parties[i].thread);
    bh_quiet_room_release(&room);
    printf("tsan_quiet: alone %d times among %d threads\n", QUIETS, WORKERS);
    return 0;
}
