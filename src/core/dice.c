#include "core/dice.h"

#include <string.h>

#include "core/base.h"

static uint64_t
splitmix(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

void
bh_dice_init_number(struct bh_dice *dice, uint64_t seed)
{
    for (size_t i = 0; i < BH_ARRAY_LEN(dice->state); i++)
        dice->state[i] = splitmix(&seed);
}

void
bh_dice_init(struct bh_dice *dice, const uint8_t seed[32])
{
    memcpy(dice->state, seed, sizeof(dice->state));
    /* All zero is the one state that never changes. */
    if ((dice->state[0] | dice->state[1] | dice->state[2] | dice->state[3]) == 0)
        bh_dice_init_number(dice, 0);
}

static uint64_t
rotate(uint64_t value, unsigned by)
{
    return (value << by) | (value >> (64 - by));
}

uint64_t
bh_dice_next(struct bh_dice *dice)
{
    uint64_t *s = dice->state;
    uint64_t result = rotate(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return result;
}

uint64_t
bh_dice_below(struct bh_dice *dice, uint64_t limit)
{
    BH_ASSERT(limit > 0);
    /* Values above the largest multiple of `limit` would favour the small results. */
    uint64_t unfair = UINT64_MAX - UINT64_MAX % limit;
    uint64_t value;
    do {
        value = bh_dice_next(dice);
    } while (value >= unfair);
    return value % limit;
}

void
bh_dice_bytes(struct bh_dice *dice, uint8_t *bytes, size_t len)
{
    while (len > 0) {
        uint64_t value = bh_dice_next(dice);
        size_t piece = len < sizeof(value) ? len : sizeof(value);
        memcpy(bytes, &value, piece);
        bytes += piece;
        len -= piece;
    }
}
