/*
 * gateway_price - ask the gateway what a part of an SMS to a number costs.
 */
#ifndef BH_CLI_GATEWAY_PRICE_H
#define BH_CLI_GATEWAY_PRICE_H

#include "cli/cli.h"
#include "core/gateway_pricing.h"

/*
 * `to` as a job has it, one number.  Loads the configuration; nothing is sent or changed.  Anything but FOUND is a failure that
 * has been told.
 */
enum bh_exit bh_gateway_price_ask(struct bh_cli *cli, const char *to,
                                  struct bh_pricing *ret_pricing) BH_MUST_CHECK;

#endif
