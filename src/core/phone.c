#include "core/phone.h"

#include <string.h>

#include "core/ascii.h"
#include "core/fault.h"
#include "core/utf8.h"

/* The longest country code that ITU-T E.164 assigns. */
#define COUNTRY_DIGITS_MAX 3

static bool
is_separator(char c)
{
    return c == ' ' || c == '-' || c == '/' || c == '(' || c == ')';
}

/*
 * Could a name be made of it?  ASCII letters, and beyond ASCII all but the blanks, dashes and marks
 * that come along when a number is copied from a web page or an address book, and full-width digits.
 */
static bool
is_letter(uint32_t code)
{
    if (code < 0x80)
        return bh_is_alpha((char)code);
    if (code < 0xC0 || (code >= 0x2000 && code <= 0x206F) || code == 0x3000 || code == 0xFEFF)
        return false;
    return code < 0xFF01 || code > 0xFF20;
}

static bool
has_letter(struct bh_str text)
{
    uint32_t code;
    while (bh_utf8_next(&text, &code)) {
        if (is_letter(code))
            return true;
    }
    return false;
}

/* What a number is before it is known to be one: its digits, and how it began. */
struct draft {
    char digits[BH_RECIPIENT_NUMBER_MAX + COUNTRY_DIGITS_MAX];
    size_t len;
    bool plus;
    bool bracketed_zero; /* "(0" somewhere behind other digits */
};

/* False when a character stands where no number has it. */
static bool
collect_digits(struct bh_str text, struct draft *draft)
{
    char before = '\0';
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (bh_is_digit(c)) {
            if (c == '0' && before == '(' && draft->len > 0)
                draft->bracketed_zero = true;
            draft->digits[draft->len++] = c;
        } else if (c == '+') {
            if (draft->plus || draft->len > 0)
                return false;
            draft->plus = true;
        } else if (!is_separator(c)) {
            return false;
        }
        if (c != ' ')
            before = c;
    }
    return draft->len > 0;
}

/* Country code first: "0049..." and "+49..." lose their prefix, "0171..." gets the country. */
static void
put_country_first(struct draft *draft, struct bh_str country)
{
    if (draft->plus || draft->digits[0] != '0')
        return;
    if (draft->len > 1 && draft->digits[1] == '0') {
        draft->len -= 2;
        memmove(draft->digits, draft->digits + 2, draft->len);
        return;
    }
    memmove(draft->digits + country.len, draft->digits + 1, draft->len - 1);
    memcpy(draft->digits, country.ptr, country.len);
    draft->len += country.len - 1;
}

/* A zero right behind Germany's code: "+49 0171...".  Elsewhere it may belong there, as in Italy. */
static bool
has_trunk_zero(const struct draft *draft)
{
    return draft->len > 2 && memcmp(draft->digits, BH_COUNTRY_DEFAULT "0", 3) == 0;
}

static enum bh_status
parse_number(struct bh_str text, struct bh_str country, struct bh_msisdn *ret_msisdn,
             struct bh_error *error)
{
    struct bh_quoted shown = bh_quote(text);
    text = bh_str_trim(text);
    struct draft draft = {.len = 0};
    if (text.len >= BH_RECIPIENT_NUMBER_MAX || !collect_digits(text, &draft))
        return bh_error_set(
            error, NULL,
            "\"%s\" is not a phone number: write 0049..., +49..., 49... or 0..., with "
            "nothing but digits, blanks, dashes, slashes and parentheses",
            shown.text);

    put_country_first(&draft, country);
    if (draft.bracketed_zero || has_trunk_zero(&draft))
        return bh_error_set(error, NULL,
                            "\"%s\" has a zero between country code and number: write it without",
                            shown.text);
    if (draft.len > 0 && draft.digits[0] == '0')
        return bh_error_set(error, NULL, "\"%s\" starts with too many zeros", shown.text);
    if (draft.len < BH_MSISDN_DIGITS_MIN || draft.len > BH_MSISDN_DIGITS_MAX)
        return bh_error_set(
            error, NULL, "\"%s\" has %zu digits with its country code; a phone number has %d to %d",
            shown.text, draft.len, BH_MSISDN_DIGITS_MIN, BH_MSISDN_DIGITS_MAX);

    memcpy(ret_msisdn->digits, draft.digits, draft.len);
    ret_msisdn->digits[draft.len] = '\0';
    return BH_OK;
}

enum bh_status
bh_msisdn_parse(struct bh_str text, struct bh_msisdn *ret_msisdn, struct bh_error *error)
{
    return parse_number(text, bh_str_from(BH_COUNTRY_DEFAULT), ret_msisdn, error);
}

static enum bh_status
parse_name(struct bh_str text, struct bh_address *ret_address, struct bh_error *error)
{
    struct bh_quoted shown = bh_quote(text);
    struct bh_utf8_count count;
    if (!bh_utf8_count(text, &count))
        return bh_error_set(error, NULL, "recipient \"%s\" is not UTF-8", shown.text);
    if (count.code_points > BH_RECIPIENT_NAME_MAX)
        return bh_error_set(error, NULL, "recipient \"%s\" is longer than %d characters",
                            shown.text, BH_RECIPIENT_NAME_MAX);
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c < 0x20 || c == 0x7F || c == ',')
            return bh_error_set(error, NULL,
                                "recipient \"%s\" has a comma or a control character in it",
                                shown.text);
    }
    *ret_address = (struct bh_address){.is_number = false, .name = text};
    return BH_OK;
}

bool
bh_country_is_valid(struct bh_str country)
{
    for (size_t i = 0; i < country.len; i++) {
        if (!bh_is_digit(country.ptr[i]))
            return false;
    }
    return country.len > 0 && country.len <= COUNTRY_DIGITS_MAX && country.ptr[0] != '0';
}

enum bh_status
bh_recipient_parse(struct bh_str text, struct bh_str country, struct bh_address *ret_address,
                   struct bh_error *error)
{
    BH_ASSERT(bh_country_is_valid(country));
    text = bh_str_trim(text);
    if (text.len == 0)
        return bh_error_set(error, NULL, "a recipient is empty");
    if (has_letter(text) || !bh_utf8_is_valid(text))
        return parse_name(text, ret_address, error);

    struct bh_msisdn msisdn;
    enum bh_status status = parse_number(text, country, &msisdn, error);
    if (status != BH_OK)
        return status;
    *ret_address = (struct bh_address){.is_number = true, .msisdn = msisdn};
    return BH_OK;
}

size_t
bh_country_code_len(struct bh_str digits)
{
    static const char two_digits[] =
        "20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 "
        "55 56 57 58 60 61 62 63 64 65 66 81 82 84 86 90 91 92 93 94 95 98";
    if (digits.len < 3)
        return digits.len;
    if (digits.ptr[0] == '1' || digits.ptr[0] == '7')
        return 1;
    for (size_t at = 0; at < sizeof(two_digits) - 1; at += 3) {
        if (memcmp(two_digits + at, digits.ptr, 2) == 0)
            return 2;
    }
    return 3;
}
