#include "core/job_word.h"

#include "core/ascii.h"

bool
bh_job_is_word(struct bh_str text, size_t max)
{
    if (text.len == 0 || text.len > max)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (!bh_is_alnum(c) && c != '.' && c != '_' && c != '@' && c != '-')
            return false;
    }
    return true;
}
