/*
 * mask - phone numbers and texts as they may stand in a log.
 *
 * A log is copied into tickets and mails.  What is left helps to tell two jobs apart and to see in
 * which country and how long, but does not reach the person or tell the secret.
 */
#ifndef BH_CORE_MASK_H
#define BH_CORE_MASK_H

#include "core/str.h"

struct bh_masked {
    char text[48]; /* NUL-terminated */
};

/*
 * A recipient: "49*********678", country code and last three digits; of a very short number fewer,
 * so that at least four stay hidden.  What is no number (a contact's name, a mistyped one) is masked
 * as a text.
 */
struct bh_masked bh_mask_msisdn(struct bh_str recipient);

/*
 * A text: its first character and its length in characters, "H...(23)"; of texts below four
 * characters the length alone.  Of text that is not UTF-8 the length counts bytes.
 */
struct bh_masked bh_mask_text(struct bh_str text);

#endif
