#include <bellhop/sms.h>

#include "core/codec.h"
#include "core/fault.h"
#include "core/gsm0338.h"
#include "core/utf8.h"

#define OCTETS_PER_MESSAGE 140

/*
 * The concatenation element with its 8-bit reference: identifier, length, reference, total, index.
 */
#define CONCAT_OCTETS 5

/* The octet in front of a header that tells its length. */
#define LENGTH_OCTETS 1

/* What the text is made of, found in one walk. */
struct census {
    size_t characters;
    size_t septets; /* of those that are in GSM 03.38 */
    size_t utf16_units;
    size_t foreign_count;
    uint32_t foreign_code;
    size_t foreign_offset;
    size_t foreign_index;
};

static size_t
utf16_units(uint32_t code)
{
    return code > 0xFFFF ? 2 : 1;
}

static bool
take_census(struct bh_str text, struct census *ret_census)
{
    struct census census = {.characters = 0};
    struct bh_str rest = text;
    uint32_t code;
    for (size_t offset = 0; bh_utf8_next(&rest, &code); offset = text.len - rest.len) {
        unsigned septets = bh_gsm0338_septets(code);
        if (septets == 0 && census.foreign_count++ == 0) {
            census.foreign_code = code;
            census.foreign_offset = offset;
            census.foreign_index = census.characters;
        }
        census.characters++;
        census.septets += septets;
        census.utf16_units += utf16_units(code);
    }
    if (rest.len > 0)
        return false;
    *ret_census = census;
    return true;
}

/* Do information elements (identifier, length, content) fill the octets from `at` to the end? */
static bool
elements_fill(const unsigned char *octets, size_t at, size_t count)
{
    while (count - at >= 2 && octets[at + 1] <= count - at - 2)
        at += 2 + (size_t)octets[at + 1];
    return at == count;
}

/*
 * Is the first octet the header's length?  The value alone does not tell: the port addressing
 * element "0504..." starts with the number of octets behind it by chance.
 */
static bool
tells_its_length(const unsigned char *octets, size_t count)
{
    return octets[0] == count - LENGTH_OCTETS &&
           (elements_fill(octets, LENGTH_OCTETS, count) || !elements_fill(octets, 0, count));
}

/* Octets of the header with its length in front; 0 when there is none. */
static bool
measure_header(struct bh_str udh, size_t *ret_octets, struct bh_error *error)
{
    if (udh.ptr == NULL) {
        *ret_octets = 0;
        return true;
    }

    unsigned char octets[OCTETS_PER_MESSAGE];
    size_t count;
    struct bh_quoted shown = bh_quote(udh);
    if (!bh_hex_is_valid(udh)) {
        bh_error_set(error, "udh", "udh \"%s\" is not hex", shown.text);
        return false;
    }
    if (!bh_hex_decode(udh, octets, sizeof(octets), &count)) {
        bh_error_set(error, "udh", "udh of %zu octets is longer than a message", udh.len / 2);
        return false;
    }
    *ret_octets = tells_its_length(octets, count) ? count : count + LENGTH_OCTETS;
    return true;
}

/*
 * Units that fit a message beside so many octets of header; 7-bit text starts at the next septet.
 */
static size_t
units_beside(size_t header_octets, enum bh_sms_encoding encoding)
{
    if (header_octets >= OCTETS_PER_MESSAGE)
        return 0;
    size_t octets = OCTETS_PER_MESSAGE - header_octets;
    switch (encoding) {
    case BH_SMS_GSM: return octets * 8 / 7;
    case BH_SMS_UCS2: return octets / 2;
    case BH_SMS_BINARY: return octets;
    }
    return 0;
}

/* Fill part after part, and let no pair of units be torn. */
static size_t
count_segments(struct bh_str text, enum bh_sms_encoding encoding, size_t units_per_part)
{
    size_t parts = 1;
    size_t filled = 0;
    uint32_t code;
    while (bh_utf8_next(&text, &code)) {
        size_t width = encoding == BH_SMS_GSM ? bh_gsm0338_septets(code) : utf16_units(code);
        if (filled + width > units_per_part) {
            parts++;
            filled = 0;
        }
        filled += width;
    }
    return parts;
}

static bool
split_into_parts(struct bh_str text, size_t header_octets, struct bh_sms_size *size,
                 struct bh_error *error)
{
    size->units_per_part = units_beside(header_octets, size->encoding);
    if (size->units <= size->units_per_part) {
        size->parts = size->parts_strict = size->units > 0 ? 1 : 0;
        return true;
    }

    size_t header_of_part = header_octets > 0 ? header_octets : LENGTH_OCTETS;
    size->units_per_part = units_beside(header_of_part + CONCAT_OCTETS, size->encoding);
    /* A pair of units must fit a part. */
    if (size->units_per_part < 2) {
        bh_error_set(error, "udh", "udh of %zu octets leaves no room for text", header_octets);
        return false;
    }
    size->parts = (size->units - 1) / size->units_per_part + 1;
    size->parts_strict = size->encoding == BH_SMS_BINARY
                             ? size->parts
                             : count_segments(text, size->encoding, size->units_per_part);
    return true;
}

bool
bh_sms_measure(const char *text, size_t len, const struct bh_sms_options *options,
               struct bh_sms_size *ret_size, struct bh_error *error)
{
    static const struct bh_sms_options none = {.unicode = false};
    struct bh_str view = {text, len};
    struct census census;
    size_t header_octets;
    if (options == NULL)
        options = &none;
    if (!take_census(view, &census)) {
        bh_error_set(error, "text", "text is not UTF-8 from byte %zu on",
                     bh_utf8_valid_prefix(view));
        return false;
    }
    if (!measure_header((struct bh_str){options->udh, options->udh_len}, &header_octets, error))
        return false;

    struct bh_sms_size size = {
        .characters = census.characters,
        .foreign_count = census.foreign_count,
        .foreign_code = census.foreign_code,
        .foreign_offset = census.foreign_offset,
        .foreign_index = census.foreign_index,
    };
    if (header_octets > 0 && bh_hex_is_valid(view)) {
        size.encoding = BH_SMS_BINARY;
        size.units = len / 2;
    } else if (options->unicode || census.foreign_count > 0) {
        size.encoding = BH_SMS_UCS2;
        size.units = census.utf16_units;
    } else {
        size.encoding = BH_SMS_GSM;
        size.units = census.septets;
    }
    if (!split_into_parts(view, header_octets, &size, error))
        return false;
    *ret_size = size;
    return true;
}

const char *
bh_sms_encoding_name(enum bh_sms_encoding encoding)
{
    switch (encoding) {
    case BH_SMS_GSM: return "gsm";
    case BH_SMS_UCS2: return "ucs2";
    case BH_SMS_BINARY: return "binary";
    }
    return "unknown";
}
