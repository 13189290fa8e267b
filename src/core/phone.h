/*
 * phone - recipients: is it a number or a name of the address book, and which MSISDN is it?
 *
 * The forms of a number are those of the gateway's SMS page: "0049171...", "+49171...", "49171..."
 * and "0171..." (national; the gateway's default country is Germany).  All become what the gateway's
 * answers show: digits only, country code first.  So one phone has one spelling wherever numbers are
 * compared.
 *
 * Blanks, dashes, slashes and parentheses between the digits are tolerated and dropped: people write
 * "0171 / 123-456", and no reading of them gives another number.  Nothing else is guessed, since a
 * wrong guess is a message to a stranger:
 *   - "(0)" behind a country code is refused.  Dropping it is right in Germany, wrong in Italy.
 *   - "+49 0171..." is refused for the same reason: no German number continues with 0 there.
 *   - A text without any letter that is not a number ("#12", "0171.123") is an error and not a name,
 *     because it is far more often a mistyped number than a group with such a name.
 *   - Digits alone never name a contact or a group.
 */
#ifndef BH_CORE_PHONE_H
#define BH_CORE_PHONE_H

#include <stdbool.h>

#include <bellhop/error.h>

#include "core/base.h"
#include "core/str.h"

/*
 * ITU-T E.164: at most 15 digits with the country code.  The lower bound is ours; shorter ones are
 * short codes.
 */
#define BH_MSISDN_DIGITS_MIN 7
#define BH_MSISDN_DIGITS_MAX 15

/* Bytes of a number with its separators, and characters of a contact's or group's name. */
#define BH_RECIPIENT_NUMBER_MAX 64
#define BH_RECIPIENT_NAME_MAX   100

/* Germany: whose national numbers the gateway takes. */
#define BH_COUNTRY_DEFAULT "49"

/* A phone number: country code and subscriber, digits only, NUL-terminated. */
struct bh_msisdn {
    char digits[BH_MSISDN_DIGITS_MAX + 1];
};

struct bh_address {
    bool is_number;
    struct bh_msisdn msisdn; /* when it is a number */
    struct bh_str name;      /* when it is not: borrowed from the parsed text, trimmed */
};

/*
 * One of the four forms above, blanks around it allowed.  Anything else is BH_EINVAL with a
 * sentence.
 */
enum bh_status bh_msisdn_parse(struct bh_str text, struct bh_msisdn *ret_msisdn,
                               struct bh_error *error) BH_MUST_CHECK;

/*
 * One recipient (no comma-separated list).  A name is any UTF-8 text with a letter in it, without
 * control characters and commas, up to BH_RECIPIENT_NAME_MAX characters; whether it exists is known
 * to the gateway alone.
 *
 * "0171..." is a number of `country`, which must be valid.  The zero is dropped, so countries that keep
 * it, like Italy, have to be written with their code.
 */
enum bh_status bh_recipient_parse(struct bh_str text, struct bh_str country,
                                  struct bh_address *ret_address,
                                  struct bh_error *error) BH_MUST_CHECK;

/* One to three digits, the first of which is not 0. */
bool bh_country_is_valid(struct bh_str country);

/*
 * How many of the digits are the country code (1..3), by the assignment of ITU-T E.164: zones 1 and 7
 * have one digit, the listed ones two, all others three.
 */
size_t bh_country_code_len(struct bh_str digits);

#endif
