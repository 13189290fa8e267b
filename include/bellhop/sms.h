/*
 * sms - how a text travels: its encoding, length and parts, and which character makes it dear.
 *
 * Measuring only: nothing is sent, converted or cut.  The encodings are those of 3GPP TS 23.038
 * (7-bit default alphabet with its extension table, UCS-2, 8-bit data), the headers those of 3GPP TS
 * 23.040.  No language shift tables: the gateway does not offer them.
 *
 * One message carries 140 octets: 160 septets, 70 UTF-16 units or 140 octets of data.  In a chain
 * each part loses 6 octets to the header that numbers it: 153, 67 or 134 remain.
 *
 * There are two ways to count the parts of a chain.  `parts` is the total divided by what a part
 * holds, rounded up: this is how the gateway's own counter does it, and all that is known of its
 * bills agrees.  `parts_strict` follows the standards, which let no part end between the escape and
 * its character or between two surrogates: the pair moves to the next part and leaves a gap.  So 306
 * septets with a euro sign across septets 153 and 154 are 2 parts by the first count and 3 by the
 * second.  parts_strict is never smaller; what the gateway bills where they differ is not
 * documented.
 */
#ifndef BELLHOP_SMS_H
#define BELLHOP_SMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <bellhop/error.h>
#include <bellhop/export.h>

#ifdef __cplusplus
extern "C" {
#endif

enum bh_sms_encoding {
    BH_SMS_GSM,    /* every character is in the GSM 03.38 alphabet; counted in septets */
    BH_SMS_UCS2,   /* counted in UTF-16 units; an emoji is two or more */
    BH_SMS_BINARY, /* a user data header and a text of hex digits; counted in octets */
};

struct bh_sms_options {
    bool unicode;    /* ask for UCS-2 even where GSM would do */
    const char *udh; /* user data header in hex, not NUL-terminated; NULL when there is none */
    size_t udh_len;
};

struct bh_sms_size {
    enum bh_sms_encoding encoding;
    size_t characters;     /* code points of the text; what the gateway's limit of 1520 counts */
    size_t units;          /* septets, UTF-16 units or octets of the text, headers not counted */
    size_t parts;          /* 0 for an empty text, of which the gateway sends none */
    size_t parts_strict;   /* see above */
    size_t units_per_part; /* what each part of this message holds: more when it is the only one */

    /*
     * The characters outside GSM 03.38, counted also when UCS-2 was asked for.  The other three
     * describe the first of them and mean something only if there is one.
     */
    size_t foreign_count;
    uint32_t foreign_code; /* code point */
    size_t foreign_offset; /* bytes before it */
    size_t foreign_index;  /* characters before it */
};

/*
 * Measure `len` bytes of UTF-8.  `options` may be NULL: neither unicode nor udh.
 *
 * The header's octets are taken from the room of every part; its first octet may be its own length,
 * as TS 23.040 has it, and is supplied where it is missing.  With a header, a text of nothing but
 * pairs of hex digits is binary, whatever `unicode` says: so the gateway's SMS page.
 *
 * False, with a sentence in *error (which may be NULL), when the text is not well-formed UTF-8, when
 * the header is not hex, or when it leaves no room for text.
 */
BH_EXPORT bool bh_sms_measure(const char *text, size_t len, const struct bh_sms_options *options,
                              struct bh_sms_size *ret_size, struct bh_error *error);

/* "gsm", "ucs2" or "binary"; the first two are the gateway's own words. */
BH_EXPORT const char *bh_sms_encoding_name(enum bh_sms_encoding encoding);

#ifdef __cplusplus
}
#endif

#endif
