/*
 * message_answer - what the JSON answers to an SMS and to a call have in common.
 *
 * Each is an object with code, prices and a list of messages, one per recipient.  What stands between a
 * message's text and its price, and between the balance and the list, is the endpoint's own.
 */
#ifndef BH_SIM_MESSAGE_ANSWER_H
#define BH_SIM_MESSAGE_ANSWER_H

#include "sim/world.h"

/* What all recipients of the request cost together. */
bh_sim_money bh_sim_total_price(const struct bh_sim_exchange *exchange);

/* `{"success":…,"total_price":…,"balance":…,"debug":`: what follows is the value of debug. */
void bh_sim_answer_open(struct bh_sim_world *world, struct bh_sim_exchange *exchange,
                        bh_sim_money balance);

/* `{"id":…,"sender":…,"recipient":…,"text":…`; `quote` stands around the id. */
void bh_sim_message_open(struct bh_sim_buf *buf, const struct bh_sim_result *result,
                         const char *quote, struct bh_sim_str from, struct bh_sim_str text);

/* `,"price":…,"success":…,"error":…,"error_text":…}`. */
void bh_sim_message_close(struct bh_sim_buf *buf, const struct bh_sim_result *result);

#endif
