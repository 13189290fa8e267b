/*
 * signing - the gateway's signature over a request, by the rules of its page on signing.
 *
 * The signed text is five lines joined by single line feeds: timestamp, nonce, method, full URL (scheme,
 * host, path, query) and the lower-case hex MD5 of the raw body.  The signature is HMAC-SHA256 of it with
 * the account's signing key as it is written, in lower-case hex.  The gateway signs its webhooks in the same way.
 *
 * In core, because requests are rendered here and webhooks are checked in another folder.
 */
#ifndef BH_CORE_SIGNING_H
#define BH_CORE_SIGNING_H

#include "core/base.h"
#include "core/str.h"

#define BH_NONCE_LEN       32
#define BH_SIGNATURE_BYTES 65 /* 64 hex digits and the NUL */

struct bh_signing_parts {
    int64_t timestamp_s;
    struct bh_str nonce;
    struct bh_str method; /* upper case */
    struct bh_str url;
    struct bh_str body; /* may be empty */
};

/* BH_ENOMEM when memory is short or the crypto library refuses MD5 (a FIPS-only system). */
enum bh_status bh_signing_sign(struct bh_str key, const struct bh_signing_parts *parts,
                               char ret_signature[BH_SIGNATURE_BYTES]) BH_MUST_CHECK;

/* 32 letters or digits of ASCII, as the gateway asks for. */
bool bh_signing_nonce_is_valid(struct bh_str nonce);

#endif
