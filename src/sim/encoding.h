/*
 * encoding - what a text costs: GSM 03.38 (3GPP TS 23.038, section 6.2.1) or UCS-2, and how many parts.
 */
#ifndef BH_SIM_ENCODING_H
#define BH_SIM_ENCODING_H

#include "sim/base.h"

struct bh_sim_measure {
    bool ucs2;
    size_t chars; /* code points */
    size_t units; /* septets, or UTF-16 code units */
    size_t parts; /* at least 1 */
};

/* Read the code point at *at and step over it.  False (and no step) on invalid UTF-8 or at the end. */
bool bh_sim_utf8_next(struct bh_sim_str text, size_t *at, uint32_t *ret_code);
bool bh_sim_utf8_is_valid(struct bh_sim_str text);

/*
 * Append `text` as UTF-8.  Without `forced`, bytes that are no valid UTF-8 are taken as ISO 8859-1, as the
 * gateway guesses the charset by itself; with it, each bad byte becomes U+FFFD.
 */
void bh_sim_text_to_utf8(struct bh_sim_buf *buf, struct bh_sim_str text, bool forced);

/* `text` is valid UTF-8. */
struct bh_sim_measure bh_sim_measure_text(struct bh_sim_str text, bool force_ucs2);

/* Parts of an 8-bit message: `udh_bytes` stand in every part, 140 bytes each. */
size_t bh_sim_measure_binary(size_t udh_bytes, size_t payload_bytes);

/* Septets of a code point in the default alphabet with its extension: 1, 2, or 0 when it is in neither. */
int bh_sim_gsm_septets(uint32_t code);

#endif
