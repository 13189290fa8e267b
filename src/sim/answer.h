/*
 * answer - write what PHP would have written: JSON with its escapes and numbers, money, plain lines.
 *
 * PHP's json_encode by default writes "/" as "\/" and everything beyond ASCII as \uXXXX, surrogate pairs
 * included; 0.10 prints as 0.1 and 3.0 as 3.  Money is kept in millionths of a euro so that sums stay
 * exact.
 */
#ifndef BH_SIM_ANSWER_H
#define BH_SIM_ANSWER_H

#include "sim/base.h"

typedef int64_t bh_sim_money; /* millionths of a euro */

/* What an endpoint says; the server turns it into bytes. */
struct bh_sim_answer {
    int status; /* HTTP */
    const char *content_type;
    struct bh_sim_buf body;    /* owned */
    struct bh_sim_buf headers; /* owned; further complete lines, each with CR LF */
    int code; /* the gateway's code of the whole request, for the statistics; 0 when none */
};

extern const char BH_SIM_TYPE_TEXT[]; /* text/plain; charset=utf-8 */
extern const char BH_SIM_TYPE_JSON[];
extern const char BH_SIM_TYPE_HTML[];

void bh_sim_answer_release(struct bh_sim_answer *answer);
void bh_sim_answer_clear(struct bh_sim_answer *answer); /* 200, text, empty */

/* `text` in quotes, escaped.  Bytes that are no UTF-8 become U+FFFD. */
void bh_sim_json_string(struct bh_sim_buf *buf, struct bh_sim_str text);
void bh_sim_json_text(struct bh_sim_buf *buf, const char *text);
void bh_sim_json_string_or_null(struct bh_sim_buf *buf,
                                struct bh_sim_str text); /* empty gives null */
void bh_sim_json_bool(struct bh_sim_buf *buf, bool value);

/* "0", "0.075", "-3.5": no trailing zeros, no exponent. */
void bh_sim_money_print(struct bh_sim_buf *buf, bh_sim_money amount);

/* With exactly four decimals, as the journal does. */
void bh_sim_money_print_fixed(struct bh_sim_buf *buf, bh_sim_money amount);

/* "12", "0.075", "-1.5": up to six decimals.  False on anything else. */
bool bh_sim_money_parse(struct bh_sim_str text, bh_sim_money *ret_amount);

#endif
