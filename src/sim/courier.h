/*
 * courier - carry one webhook to its address: connect, send, read the status, close.
 *
 * At most hook_parallel at a time, the rest waits in order.  Only plain http, and only to loopback unless
 * the config allows more; everything else ends at once with status 0.
 */
#ifndef BH_SIM_COURIER_H
#define BH_SIM_COURIER_H

#include <uv.h>

#include "sim/world.h"

struct bh_sim_courier;

/* One webhook on its way, through all its attempts. */
struct bh_sim_letter {
    char *url;          /* owned; with the query of a GET */
    char *content_type; /* owned; NULL for GET */
    char *body;         /* owned; NULL for GET */
    size_t body_len;
    char *headers; /* owned; the subscriber's own, lines separated by \n; or NULL */
    int attempts;  /* made so far */
    int64_t hook;  /* whose it is, by id; 0: nobody's */
    struct bh_sim_letter *next;
};

void bh_sim_letter_free(struct bh_sim_letter *letter);

/*
 * `on_done` gets each letter back after one attempt, with the HTTP status, 0 when there was no answer, or -1
 * when the address is out of bounds; it owns the letter then.
 */
typedef void bh_sim_courier_done(void *context, struct bh_sim_letter *letter, int status);

struct bh_sim_courier *bh_sim_courier_new(struct bh_sim_world *world, uv_loop_t *loop,
                                          bh_sim_courier_done *on_done, void *context);

/* Takes the letter. */
void bh_sim_courier_send(struct bh_sim_courier *courier, struct bh_sim_letter *letter);

/* Letters waiting or under way. */
size_t bh_sim_courier_pending(const struct bh_sim_courier *courier);

/* Drop all; run the loop until it is empty, then free. */
void bh_sim_courier_stop(struct bh_sim_courier *courier);
void bh_sim_courier_free(struct bh_sim_courier *courier);

/* "http://host/..." or "https://host/..." */
bool bh_sim_courier_is_url(struct bh_sim_str url);

#endif
