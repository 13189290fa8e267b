#include "core/json_scan.h"

#include <stdint.h>
#include <string.h>

#include "core/ascii.h"
#include "core/base.h"
#include "core/utf8.h"

struct scan {
    struct bh_str text;
    size_t at;
    unsigned depth;
    size_t values;
    const char *problem; /* NULL as long as all is well */
};

static bool
fail(struct scan *scan, const char *problem)
{
    scan->problem = problem;
    return false;
}

/* The byte at the cursor; NUL at the end, which no rule below accepts. */
static char
peek(const struct scan *scan)
{
    return scan->at < scan->text.len ? scan->text.ptr[scan->at] : '\0';
}

static bool
skip_digits(struct scan *scan)
{
    size_t start = scan->at;
    while (bh_is_digit(peek(scan)))
        scan->at++;
    return scan->at > start;
}

static bool
scan_number(struct scan *scan)
{
    size_t start = scan->at;
    if (peek(scan) == '-')
        scan->at++;
    if (peek(scan) == '0') {
        scan->at++;
        if (bh_is_digit(peek(scan)))
            return fail(scan, "a number starts with a zero");
    } else if (!skip_digits(scan)) {
        return fail(scan, "a minus sign without a number");
    }
    if (peek(scan) == '.') {
        scan->at++;
        if (!skip_digits(scan))
            return fail(scan, "a decimal point without a digit behind it");
    }
    if (peek(scan) == 'e' || peek(scan) == 'E') {
        scan->at++;
        if (peek(scan) == '+' || peek(scan) == '-')
            scan->at++;
        if (!skip_digits(scan))
            return fail(scan, "an exponent without a digit");
    }
    if (scan->at - start > BH_JSON_NUMBER_MAX)
        return fail(scan, "a number has more than 60 characters");
    return true;
}

/* Four hexadecimal digits behind "\u". */
static bool
scan_hex4(struct scan *scan, uint32_t *ret_unit)
{
    uint32_t unit = 0;
    for (int i = 0; i < 4; i++, scan->at++) {
        int value = bh_hex_value(peek(scan));
        if (value < 0)
            return fail(scan, "\\u needs four hexadecimal digits");
        unit = unit << 4 | (uint32_t)value;
    }
    *ret_unit = unit;
    return true;
}

/* The cursor stands behind "\u". */
static bool
scan_unicode_escape(struct scan *scan)
{
    uint32_t unit, low;
    if (!scan_hex4(scan, &unit))
        return false;
    if (unit == 0)
        return fail(scan, "\\u0000 is not allowed in a string");
    if (unit < 0xD800 || unit > 0xDFFF)
        return true;
    if (unit > 0xDBFF || peek(scan) != '\\')
        return fail(scan, "half a surrogate pair");
    scan->at++;
    if (peek(scan) != 'u')
        return fail(scan, "half a surrogate pair");
    scan->at++;
    if (!scan_hex4(scan, &low))
        return false;
    if (low < 0xDC00 || low > 0xDFFF)
        return fail(scan, "half a surrogate pair");
    return true;
}

static bool
scan_escape(struct scan *scan)
{
    scan->at++; /* the backslash */
    char c = peek(scan);
    if (c == '\0' || strchr("\"\\/bfnrtu", c) == NULL)
        return fail(scan, "an unknown escape in a string");
    scan->at++;
    return c == 'u' ? scan_unicode_escape(scan) : true;
}

static bool
scan_string(struct scan *scan)
{
    scan->at++; /* the opening quotation mark */
    while (scan->at < scan->text.len) {
        unsigned char c = (unsigned char)scan->text.ptr[scan->at];
        if (c == '"') {
            scan->at++;
            return true;
        }
        if (c < 0x20)
            return fail(scan, "a raw control character in a string");
        if (c == '\\') {
            if (!scan_escape(scan))
                return false;
        } else if (c < 0x80) {
            scan->at++;
        } else {
            struct bh_str rest = {scan->text.ptr + scan->at, scan->text.len - scan->at};
            uint32_t code;
            size_t len = bh_utf8_decode(rest, &code);
            if (len == 0)
                return fail(scan, "bytes that are not UTF-8");
            scan->at += len;
        }
    }
    return fail(scan, "a string has no closing quotation mark");
}

static bool
scan_literal(struct scan *scan)
{
    static const char *const literals[] = {"true", "false", "null"};
    for (size_t i = 0; i < BH_ARRAY_LEN(literals); i++) {
        struct bh_str rest = {scan->text.ptr + scan->at, scan->text.len - scan->at};
        if (bh_str_starts_with(rest, bh_str_from(literals[i]))) {
            scan->at += strlen(literals[i]);
            return true;
        }
    }
    if (scan->at == scan->text.len)
        return fail(scan, "the text ends where a value must stand");
    return fail(scan, "no value starts here");
}

static void
skip_blanks(struct scan *scan)
{
    scan->at = bh_json_skip_blanks(scan->text, scan->at);
}

/* A member's name and the colon behind it. */
static bool
scan_name(struct scan *scan)
{
    if (peek(scan) != '"')
        return fail(scan, "a member's name in quotation marks must stand here");
    if (!scan_string(scan))
        return false;
    skip_blanks(scan);
    if (peek(scan) != ':')
        return fail(scan, "a colon must stand behind a member's name");
    scan->at++;
    return true;
}

static bool scan_value(struct scan *scan);

/* Recursion is bounded by BH_JSON_DEPTH_MAX. */
static bool
scan_container(struct scan *scan, char close)
{
    if (++scan->depth > BH_JSON_DEPTH_MAX)
        return fail(scan, "nested deeper than 16 levels");
    scan->at++; /* the opening bracket */
    skip_blanks(scan);
    if (peek(scan) == close)
        goto closed;
    for (;;) {
        skip_blanks(scan);
        if (close == '}' && !scan_name(scan))
            return false;
        if (!scan_value(scan))
            return false;
        skip_blanks(scan);
        if (peek(scan) == close)
            break;
        if (peek(scan) != ',')
            return fail(scan, close == '}' ? "a comma or } must stand here"
                                           : "a comma or ] must stand here");
        scan->at++;
    }
closed:
    scan->at++;
    scan->depth--;
    return true;
}

static bool
scan_value(struct scan *scan)
{
    if (++scan->values > BH_JSON_VALUES_MAX)
        return fail(scan, "more than 65536 values");
    skip_blanks(scan);
    char c = peek(scan);
    if (c == '{')
        return scan_container(scan, '}');
    if (c == '[')
        return scan_container(scan, ']');
    if (c == '"')
        return scan_string(scan);
    if (c == '-' || bh_is_digit(c))
        return scan_number(scan);
    return scan_literal(scan);
}

static bool
scan_document(struct scan *scan)
{
    skip_blanks(scan);
    if (scan->at == scan->text.len)
        return fail(scan, "the text is empty");
    if (!scan_value(scan))
        return false;
    skip_blanks(scan);
    if (scan->at < scan->text.len)
        return fail(scan, "more text behind the end of the value");
    return true;
}

bool
bh_json_scan(struct bh_str text, struct bh_json_fault *ret_fault)
{
    struct scan scan = {.text = text};
    if (scan_document(&scan))
        return true;
    *ret_fault = (struct bh_json_fault){scan.at, scan.problem};
    return false;
}

size_t
bh_json_skip_blanks(struct bh_str text, size_t at)
{
    while (at < text.len && (text.ptr[at] == ' ' || text.ptr[at] == '\t' || text.ptr[at] == '\r' ||
                             text.ptr[at] == '\n'))
        at++;
    return at;
}

size_t
bh_json_skip_scalar(struct bh_str text, size_t at)
{
    if (text.ptr[at] != '"') {
        while (at < text.len && strchr(",]} \t\r\n", text.ptr[at]) == NULL)
            at++;
        return at;
    }
    for (at++; text.ptr[at] != '"'; at++) {
        if (text.ptr[at] == '\\')
            at++;
    }
    return at + 1;
}
