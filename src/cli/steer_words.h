/*
 * steer_words - what became of a job that an operator steered, in words.
 */
#ifndef BH_CLI_STEER_WORDS_H
#define BH_CLI_STEER_WORDS_H

#include "core/buf.h"
#include "redis/steer.h"

/* It is as the operator wants it, by this call or an earlier one, or will be. */
bool bh_steer_went_well(enum bh_steer_code code);

/* One word for machines: "done", "in_hand", ... */
const char *bh_steer_result_name(enum bh_steer_code code);

/* "hold", and what it does: "hold 12 jobs?". */
const char *bh_steer_verb(enum bh_steering operation);

/* "held", for "held 12 jobs". */
const char *bh_steer_participle(enum bh_steering operation);

/* What follows "ID: ". */
void bh_steer_sentence(enum bh_steering operation, const struct bh_steered *steered,
                       struct bh_buf *sentence);

#endif
