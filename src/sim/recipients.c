#include "sim/recipients.h"

#include <string.h>

#define DIGITS_MIN 7u
#define DIGITS_MAX 15u /* ITU-T E.164 */

bool
bh_sim_phone_normalise(struct bh_sim_str text, struct bh_sim_buf *buf)
{
    char digits[32];
    size_t count = 0;
    bool plus = false;
    text = bh_sim_str_trim(text);
    for (size_t at = 0; at < text.len; at++) {
        char c = text.ptr[at];
        if (c >= '0' && c <= '9') {
            if (count == sizeof digits)
                return false;
            digits[count++] = c;
        } else if (c == '+' && count == 0 && !plus) {
            plus = true;
        } else if (strchr(" -/().", c) == NULL || c == '\0') {
            return false;
        }
    }
    struct bh_sim_str number = {digits, count};
    struct bh_sim_str country = BH_SIM_STR_EMPTY;
    if (!plus && bh_sim_str_starts(number, "00")) {
        number = bh_sim_str_tail(number, 2);
    } else if (!plus && bh_sim_str_starts(number, "0")) {
        country = BH_SIM_STR("49");
        number = bh_sim_str_tail(number, 1);
    }
    size_t len = country.len + number.len;
    if (len < DIGITS_MIN || len > DIGITS_MAX || number.ptr[0] == '0')
        return false;
    bh_sim_buf_str(buf, country);
    bh_sim_buf_str(buf, number);
    return true;
}

static bool
is_nothing(struct bh_sim_str piece)
{
    for (size_t at = 0; at < piece.len; at++)
        if (piece.ptr[at] != '0')
            return false;
    return true;
}

/* The number is stored as an offset first: the scratch buffer may move while it grows. */
static void
add_number(struct bh_sim_exchange *exchange, struct bh_sim_str piece)
{
    if (exchange->results_count >= BH_SIM_RECIPIENTS_MAX)
        return;
    struct bh_sim_result *result = bh_sim_exchange_add_result(exchange);
    size_t start = exchange->scratch.len;
    if (bh_sim_phone_normalise(piece, &exchange->scratch))
        result->number = (struct bh_sim_str){NULL, exchange->scratch.len - start};
    else
        result->code = is_nothing(piece) ? 301 : 202;
}

static void
add_piece(struct bh_sim_world *world, struct bh_sim_exchange *exchange, struct bh_sim_str piece,
          bool groups_allowed)
{
    const struct bh_sim_config *config = &world->config;
    const char *contact = bh_sim_pairs_find(&config->contacts, piece);
    const char *group = groups_allowed ? bh_sim_pairs_find(&config->groups, piece) : NULL;
    if (contact != NULL || group == NULL) {
        add_number(exchange, contact != NULL ? bh_sim_str_from(contact) : piece);
        return;
    }
    struct bh_sim_str rest = bh_sim_str_from(group), member;
    while (bh_sim_str_split(&rest, ',', &member)) {
        member = bh_sim_str_trim(member);
        const char *known = bh_sim_pairs_find(&config->contacts, member);
        add_number(exchange, known != NULL ? bh_sim_str_from(known) : member);
    }
}

bool
bh_sim_recipients_read(struct bh_sim_world *world, struct bh_sim_exchange *exchange,
                       bool groups_allowed)
{
    struct bh_sim_buf list = {0};
    bh_sim_params_joined(&exchange->params, "to", &list);
    struct bh_sim_str rest = bh_sim_str_trim(bh_sim_buf_view(&list)), piece;
    if (rest.len == 0) {
        bh_sim_buf_release(&list);
        return false;
    }
    size_t start = exchange->scratch.len;
    while (bh_sim_str_split(&rest, ',', &piece)) {
        piece = bh_sim_str_trim(piece);
        /* "a,b," and "a,,b" are written by clients that join lists; an empty piece is nobody. */
        if (piece.len > 0)
            add_piece(world, exchange, piece, groups_allowed);
    }
    bh_sim_buf_release(&list);
    for (size_t at = 0; at < exchange->results_count; at++) {
        struct bh_sim_str *number = &exchange->results[at].number;
        if (number->len > 0)
            number->ptr = exchange->scratch.ptr + start;
        start += number->len;
    }
    return exchange->results_count > 0;
}
