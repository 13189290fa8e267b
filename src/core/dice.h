/*
 * dice - reproducible random numbers: the state is the seed, so a seed replays a whole run.
 *
 * For jitter, spreading and made-up ids; never for secrets.  The shell seeds it from the system's
 * random source, a simulation from a number that it prints.  Algorithm: xoshiro256** by Blackman and Vigna.
 */
#ifndef BH_CORE_DICE_H
#define BH_CORE_DICE_H

#include <stddef.h>
#include <stdint.h>

struct bh_dice {
    uint64_t state[4];
};

/* From 32 bytes of any content. */
void bh_dice_init(struct bh_dice *dice, const uint8_t seed[32]);

/* From one number, stretched by splitmix64. */
void bh_dice_init_number(struct bh_dice *dice, uint64_t seed);

uint64_t bh_dice_next(struct bh_dice *dice);

/* Evenly 0..limit-1; limit > 0. */
uint64_t bh_dice_below(struct bh_dice *dice, uint64_t limit);

void bh_dice_bytes(struct bh_dice *dice, uint8_t *bytes, size_t len);

#endif
