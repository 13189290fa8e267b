/*
 * gateway_body - the body of an answer, taken apart; private to gateway_answer
 * and gateway_journal.
 *
 * Two readers give the same structure: one for the JSON object, one for lines of text.  Neither knows whom
 * the message went to beyond what it takes to understand the lines; mapping is gateway_match.
 */
#ifndef BH_CORE_GATEWAY_BODY_H
#define BH_CORE_GATEWAY_BODY_H

#include "core/gateway_answer.h"
#include "core/json.h"

/* Codes that can stand in an answer: two or three digits, by the gateway's list of return codes. */
#define BH_GATEWAY_CODE_MIN 10
#define BH_GATEWAY_CODE_MAX 999

struct bh_gateway_body {
    int code; /* of the whole request; 0: refused without a code */
    bool debug;
    int64_t balance_micro;     /* INT64_MIN unknown */
    int64_t total_price_micro; /* -1 unknown */
    char encoding[8];
    struct bh_recipient_result *messages; /* owned; what the answer says, in its order */
    size_t messages_count;
};

void bh_gateway_body_release(struct bh_gateway_body *body);

/*
 * BH_OK, BH_EPROTO (cannot be read: the caller's answer is "uncertain") or BH_ENOMEM.  `text` is trimmed and
 * without byte order mark.  At most recipients_count + BH_GATEWAY_EXTRAS_MAX messages are read.
 */
enum bh_status bh_gateway_body_read_json(struct bh_str text, const struct bh_gateway_asked *asked,
                                         struct bh_gateway_body *ret_body) BH_MUST_CHECK;
enum bh_status bh_gateway_body_read_text(struct bh_str text, const struct bh_gateway_asked *asked,
                                         struct bh_gateway_body *ret_body) BH_MUST_CHECK;

/* Give the messages of `body` to the recipients; outcome->results is allocated and empty.  BH_ENOMEM. */
enum bh_status bh_gateway_match(const struct bh_gateway_body *body,
                                const struct bh_gateway_asked *asked,
                                struct bh_outcome *outcome) BH_MUST_CHECK;

/* A return code with or without quotation marks around it: "100", "\"900\"", "11". */
bool bh_gateway_code_parse(struct bh_str text, int *ret_code);

/* A byte order mark and blanks around it cut off the body of an exchange. */
struct bh_str bh_gateway_body_text(const struct bh_exchange *exchange);

/* A 2xx whose headers and body are complete: the body decides. */
bool bh_gateway_body_decides(const struct bh_exchange *exchange);

/* The text of a string, as it stands, or of a number, for fields that the gateway prints as either. */
bool bh_gateway_scalar(const struct bh_json *json, const struct bh_json_value *value,
                       struct bh_str *ret_text);

/*
 * A code (or yes, 100, or no, 0) in any of the types that were seen for `success`.  False: none of
 * them.
 */
bool bh_gateway_success(const struct bh_json *json, const struct bh_json_value *value,
                        int *ret_code);

/* An amount printed as a number or a string; false when it is none. */
bool bh_gateway_money(const struct bh_json *json, const struct bh_json_value *value,
                      int64_t *ret_micro);

/* A recipient's digits; "+" and "00" before them are dropped, anything else gives the empty string. */
void bh_gateway_copy_msisdn(struct bh_str text, char ret_msisdn[24]);

/* Only digits, at most `size` - 1 of them: copied to `ret_digits`; anything else gives the empty string. */
void bh_gateway_copy_digits(struct bh_str text, char *ret_digits, size_t size);

/* "gsm" and "ucs2" are kept, other words are not. */
void bh_gateway_copy_encoding(struct bh_str text, char ret_encoding[8]);

#endif
