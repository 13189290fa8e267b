/*
 * sms - POST and GET /api/sms (send), DELETE /api/sms (cancel delayed messages).
 *
 * Order of checks: `to` missing 301, `text` missing 305, too long 401, sender 201, then per recipient 301/202,
 * reload lock 402, daily limit 403, credit 500.  The gateway's page gives the codes but no order.
 */
#ifndef BH_SIM_SMS_H
#define BH_SIM_SMS_H

#include "sim/world.h"

void bh_sim_sms_send(struct bh_sim_world *world, struct bh_sim_exchange *exchange);
void bh_sim_sms_delete(struct bh_sim_world *world, struct bh_sim_exchange *exchange);

/* Price of one part to that number. */
bh_sim_money bh_sim_sms_price(const struct bh_sim_config *config, struct bh_sim_str number);

/* The code of the whole request from those of its recipients. */
int bh_sim_overall_code(const struct bh_sim_config *config, const struct bh_sim_exchange *exchange);

#endif
