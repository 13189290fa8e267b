#include "core/did_you_mean.h"

#include "core/ascii.h"

#define DISTANCE_MAX 2
#define TOO_FAR      (DISTANCE_MAX + 1)

static unsigned
min3(unsigned a, unsigned b, unsigned c)
{
    unsigned smaller = a < b ? a : b;
    return smaller < c ? smaller : c;
}

/* Changes that make `b` out of `a`; both at most BH_DID_YOU_MEAN_LEN_MAX long. */
static unsigned
count_changes(struct bh_str a, struct bh_str b)
{
    /* Three rows of the usual table: a transposition looks two rows back. */
    unsigned rows[3][BH_DID_YOU_MEAN_LEN_MAX + 1];
    for (unsigned j = 0; j <= b.len; j++)
        rows[0][j] = j;
    for (unsigned i = 1; i <= a.len; i++) {
        const unsigned *above_two = rows[(i + 1) % 3];
        const unsigned *above = rows[(i - 1) % 3];
        unsigned *row = rows[i % 3];
        row[0] = i;
        for (unsigned j = 1; j <= b.len; j++) {
            char x = bh_to_lower(a.ptr[i - 1]);
            char y = bh_to_lower(b.ptr[j - 1]);
            row[j] = min3(above[j] + 1, row[j - 1] + 1, above[j - 1] + (x == y ? 0 : 1));
            if (i > 1 && j > 1 && x == bh_to_lower(b.ptr[j - 2]) &&
                bh_to_lower(a.ptr[i - 2]) == y && above_two[j - 2] + 1 < row[j])
                row[j] = above_two[j - 2] + 1;
        }
    }
    return rows[a.len % 3][b.len];
}

/* How many changes still leave the word recognisable. */
static unsigned
distance_allowed(size_t len)
{
    if (len < 2)
        return 0;
    return len < 2 * DISTANCE_MAX ? 1 : DISTANCE_MAX;
}

void
bh_did_you_mean_start(struct bh_did_you_mean *search, struct bh_str given)
{
    *search = (struct bh_did_you_mean){.given = given, .distance = TOO_FAR};
}

void
bh_did_you_mean_offer(struct bh_did_you_mean *search, const char *name)
{
    struct bh_str offered = bh_str_from(name);
    struct bh_str given = search->given;
    size_t longer = given.len > offered.len ? given.len : offered.len;
    size_t shorter = given.len > offered.len ? offered.len : given.len;
    if (longer > BH_DID_YOU_MEAN_LEN_MAX || longer - shorter > DISTANCE_MAX)
        return;
    unsigned distance = count_changes(given, offered);
    if (distance <= distance_allowed(shorter) && distance < search->distance) {
        search->name = name;
        search->distance = distance;
    }
}

const char *
bh_did_you_mean(struct bh_str given, const char *const names[], size_t names_len)
{
    struct bh_did_you_mean search;
    bh_did_you_mean_start(&search, given);
    for (size_t i = 0; i < names_len; i++)
        bh_did_you_mean_offer(&search, names[i]);
    return search.name;
}
