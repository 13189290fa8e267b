/*
 * json - the only file of the simulator that includes cJSON: a JSON body becomes flat parameters.
 *
 * {"to":"49","files":[{"name":"a"}],"flash":true} gives to=49, files[0][name]=a, flash=1.  false gives
 * "0", null gives nothing.  Answers are not made here: PHP's way to print JSON needs an own writer
 * (answer.h).
 */
#ifndef BH_SIM_JSON_H
#define BH_SIM_JSON_H

#include "sim/params.h"

#define BH_SIM_JSON_DEPTH_MAX 16

/* False when `text` is not exactly one JSON object or array in UTF-8; nothing is added then. */
bool bh_sim_json_add(struct bh_sim_params *params, struct bh_sim_str text);

#endif
