#include "engine/progress.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "core/alloc.h"

/* NUL: never stands in a line of its own. */
static const char state_letters[] = {
    [BH_RECIPIENT_OPEN] = 'o',   [BH_RECIPIENT_UNCERTAIN] = '\0', [BH_RECIPIENT_ACCEPTED] = 'a',
    [BH_RECIPIENT_FAILED] = 'f', [BH_RECIPIENT_DUPLICATE] = 'd',  [BH_RECIPIENT_UNKNOWN] = 'u',
};

#define BITS 32

/* The counters of the first line, one table for both directions. */
static const struct {
    const char *name;
    size_t offset;
} counters[] = {
    {"r", offsetof(struct bh_progress, retries)      },
    {"l", offsetof(struct bh_progress, lock_waits)   },
    {"d", offsetof(struct bh_progress, daily_waits)  },
    {"g", offsetof(struct bh_progress, guarded_tries)},
    {"x", offsetof(struct bh_progress, refused_at_s) },
    {"f", offsetof(struct bh_progress, first_lost_s) },
    {"t", offsetof(struct bh_progress, last_lost_s)  },
    {"k", offsetof(struct bh_progress, looked_at_s)  },
    {"n", offsetof(struct bh_progress, absent_at_s)  },
    {"s", offsetof(struct bh_progress, resend_due_s) },
    {"o", offsetof(struct bh_progress, open_due_s)   },
    {"a", offsetof(struct bh_progress, attempts)     },
};

static unsigned *
counter_at(struct bh_progress *progress, size_t index)
{
    return (unsigned *)(void *)((char *)progress + counters[index].offset);
}

static unsigned
counter_value(const struct bh_progress *progress, size_t index)
{
    return *(const unsigned *)(const void *)((const char *)progress + counters[index].offset);
}

enum bh_status
bh_progress_init(struct bh_progress *progress, size_t recipients)
{
    *progress = (struct bh_progress){.recipients_count = recipients};
    progress->recipients = bh_alloc_array(recipients, sizeof(*progress->recipients));
    return progress->recipients != NULL ? BH_OK : BH_ENOMEM;
}

void
bh_progress_release(struct bh_progress *progress)
{
    bh_free(progress->recipients);
    *progress = (struct bh_progress){0};
}

/* "q" and the number of a group of recipients: its bits name the uncertain ones. */
static bool
parse_uncertain(struct bh_str name, uint32_t bits, struct bh_progress *progress)
{
    int64_t group;
    struct bh_str digits = {name.ptr + 1, name.len - 1};
    if (name.len < 2 || name.ptr[0] != 'q' || !bh_str_to_int64(digits, &group))
        return true; /* somebody else's */
    for (unsigned bit = 0; bit < BITS; bit++) {
        if ((bits >> bit & 1) == 0)
            continue;
        if (group < 0 || (uint64_t)group >= progress->recipients_count / BITS + 1 ||
            (size_t)group * BITS + bit >= progress->recipients_count)
            return false;
        progress->recipients[(size_t)group * BITS + bit].state = BH_RECIPIENT_UNCERTAIN;
    }
    return true;
}

static enum bh_status
parse_counters(struct bh_str line, struct bh_progress *progress)
{
    struct bh_str pair;
    while (bh_str_split(&line, ' ', &pair)) {
        struct bh_str name;
        struct bh_str value = pair;
        int64_t number;
        if (!bh_str_split(&value, '=', &name) || value.ptr == NULL ||
            !bh_str_to_int64(value, &number) || number < 0 || number > UINT32_MAX)
            return BH_EPROTO;
        for (size_t i = 0; i < BH_ARRAY_LEN(counters); i++) {
            if (bh_str_equal_text(name, counters[i].name))
                *counter_at(progress, i) = (unsigned)number;
        }
        if (!parse_uncertain(name, (uint32_t)number, progress))
            return BH_EPROTO;
    }
    return BH_OK;
}

static bool
parse_state(struct bh_str letter, enum bh_recipient_state *ret_state)
{
    for (size_t i = 0; i < sizeof(state_letters); i++) {
        if (letter.len == 1 && letter.ptr[0] == state_letters[i] && letter.ptr[0] != '\0') {
            *ret_state = (enum bh_recipient_state)i;
            return true;
        }
    }
    return false;
}

static bool
copy_word(struct bh_str word, char *text, size_t size)
{
    if (word.len >= size)
        return false;
    if (bh_str_equal_text(word, "-"))
        word.len = 0;
    if (word.len > 0)
        memcpy(text, word.ptr, word.len);
    text[word.len] = '\0';
    return true;
}

static enum bh_status
parse_recipient(struct bh_str line, struct bh_progress *progress)
{
    struct bh_str words[7];
    for (size_t i = 0; i < BH_ARRAY_LEN(words); i++) {
        if (!bh_str_split(&line, ' ', &words[i]))
            return BH_EPROTO;
    }
    int64_t index, code, parts, price;
    enum bh_recipient_state state;
    struct bh_recipient_result result = {.answered = true};
    if (line.ptr != NULL || !bh_str_to_int64(words[0], &index) || index < 0 ||
        (uint64_t)index >= progress->recipients_count || !parse_state(words[1], &state) ||
        !bh_str_to_int64(words[2], &code) || code < 0 || code > 999 ||
        !bh_str_to_int64(words[3], &parts) || parts < 0 || parts > INT_MAX ||
        !bh_str_to_int64(words[4], &price) || !copy_word(words[5], result.id, sizeof(result.id)) ||
        !copy_word(words[6], result.msisdn, sizeof(result.msisdn)))
        return BH_EPROTO;

    result.accepted = state == BH_RECIPIENT_ACCEPTED;
    result.code = (int)code;
    result.parts = (int)parts;
    result.price_micro = price;
    progress->recipients[index] = (struct bh_recipient_progress){.state = state, .result = result};
    return BH_OK;
}

enum bh_status
bh_progress_parse(struct bh_str memo, struct bh_progress *progress)
{
    struct bh_str line;
    if (memo.len == 0)
        return BH_OK;
    if (!bh_str_split(&memo, '\n', &line))
        return BH_EPROTO;
    enum bh_status status = parse_counters(line, progress);
    while (status == BH_OK && bh_str_split(&memo, '\n', &line)) {
        if (line.len > 0)
            status = parse_recipient(line, progress);
    }
    return status;
}

bool
bh_progress_memo_has_accepted(struct bh_str memo)
{
    struct bh_str line, index, letter;
    bh_str_split(&memo, '\n', &line);
    while (bh_str_split(&memo, '\n', &line)) {
        enum bh_recipient_state state;
        if (bh_str_split(&line, ' ', &index) && bh_str_split(&line, ' ', &letter) &&
            parse_state(letter, &state) && state == BH_RECIPIENT_ACCEPTED)
            return true;
    }
    return false;
}

static bool
is_blank(const struct bh_progress *progress)
{
    for (size_t i = 0; i < BH_ARRAY_LEN(counters); i++) {
        if (counter_value(progress, i) != 0)
            return false;
    }
    for (size_t i = 0; i < progress->recipients_count; i++) {
        if (progress->recipients[i].state != BH_RECIPIENT_OPEN)
            return false;
    }
    return true;
}

static const char *
word_or_dash(const char *text)
{
    return text[0] != '\0' ? text : "-";
}

static void
format_uncertain(const struct bh_progress *progress, struct bh_buf *buf)
{
    for (size_t group = 0; group * BITS < progress->recipients_count; group++) {
        uint32_t bits = 0;
        for (size_t bit = 0; bit < BITS && group * BITS + bit < progress->recipients_count; bit++) {
            if (progress->recipients[group * BITS + bit].state == BH_RECIPIENT_UNCERTAIN)
                bits |= UINT32_C(1) << bit;
        }
        if (bits != 0)
            bh_buf_printf(buf, " q%zu=%u", group, bits);
    }
}

enum bh_status
bh_progress_format(const struct bh_progress *progress, struct bh_buf *buf)
{
    if (is_blank(progress))
        return bh_buf_status(buf);
    for (size_t i = 0; i < BH_ARRAY_LEN(counters); i++)
        bh_buf_printf(buf, "%s%s=%u", i > 0 ? " " : "", counters[i].name,
                      counter_value(progress, i));
    format_uncertain(progress, buf);
    for (size_t i = 0; i < progress->recipients_count; i++) {
        const struct bh_recipient_progress *one = &progress->recipients[i];
        if (one->state == BH_RECIPIENT_OPEN || one->state == BH_RECIPIENT_UNCERTAIN)
            continue;
        bh_buf_printf(buf, "\n%zu %c %d %d %lld %s %s", i, state_letters[one->state],
                      one->result.code, one->result.parts, (long long)one->result.price_micro,
                      word_or_dash(one->result.id), word_or_dash(one->result.msisdn));
    }
    return bh_buf_status(buf);
}

size_t
bh_progress_open(const struct bh_progress *progress, size_t *ret_open)
{
    size_t count = 0;
    for (size_t i = 0; i < progress->recipients_count; i++) {
        if (progress->recipients[i].state == BH_RECIPIENT_OPEN)
            ret_open[count++] = i;
    }
    return count;
}

size_t
bh_progress_count(const struct bh_progress *progress, enum bh_recipient_state state)
{
    size_t count = 0;
    for (size_t i = 0; i < progress->recipients_count; i++)
        count += progress->recipients[i].state == state;
    return count;
}
