#include "daemon/hush.h"

#include <limits.h>
#include <string.h>

static bool
same(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* The matter's row, or the one to be given up for it. */
static struct bh_hush_row *
row_for(struct bh_hush *hush, const char *what, const char *kind)
{
    struct bh_hush_row *oldest = &hush->rows[0];
    for (size_t i = 0; i < BH_HUSH_ROWS; i++) {
        struct bh_hush_row *row = &hush->rows[i];
        if (row->what != NULL && same(row->what, what) && same(row->kind, kind))
            return row;
        bool better =
            row->what == NULL || (oldest->what != NULL && row->seen_at.ms < oldest->seen_at.ms);
        if (better && oldest->what != NULL)
            oldest = row;
    }
    *oldest = (struct bh_hush_row){0};
    return oldest;
}

bool
bh_hush_may_say(struct bh_hush *hush, const char *what, const char *kind, struct bh_mono now,
                unsigned *ret_kept_back)
{
    struct bh_hush_row *row = row_for(hush, what, kind);
    bool news = row->what == NULL || now.ms - row->seen_at.ms >= BH_HUSH_OVER_MS;
    row->seen_at = now;
    if (!news && now.ms - row->told_at.ms < row->distance_ms) {
        row->kept_back += row->kept_back < UINT_MAX;
        return false;
    }
    *ret_kept_back = news ? 0 : row->kept_back;
    row->distance_ms =
        news ? BH_HUSH_FIRST_MS : bh_ms_min(row->distance_ms * 2, BH_HUSH_LONGEST_MS);
    row->what = what;
    row->kind = kind;
    row->told_at = now;
    row->kept_back = 0;
    return true;
}
