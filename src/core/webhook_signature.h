/*
 * webhook_signature - is a webhook that was posted to us signed by the gateway?
 *
 * The gateway signs its webhooks like its customers sign their requests (core/signing.h), in the headers X-Signature,
 * X-Timestamp and X-Nonce.  Whether it signs the full URL or, as its own client's test has it, path and query alone, is
 * not settled; so both are tried.  In either form the query is that of the request, because what stands in there is
 * believed: a signature that does not cover it proves nothing about it.
 *
 * A signature is good for BH_WEBHOOK_WINDOW_MS before and behind its time, as in the vendor's client.  Whoever has got hold of a
 * whole request may repeat it within that time; the memory of nonces keeps most of that out.  It is one process'
 * own, bounded, and may forget: to report the same thing twice says nothing new, so it spares work and protects nothing.
 */
#ifndef BH_CORE_WEBHOOK_SIGNATURE_H
#define BH_CORE_WEBHOOK_SIGNATURE_H

#include "core/base.h"
#include "core/instant.h"
#include "core/signing.h"
#include "core/str.h"

#define BH_WEBHOOK_WINDOW_MS (300 * BH_SECOND_MS)

/* All borrowed. */
struct bh_webhook_signed {
    struct bh_str method; /* upper case */
    struct bh_str
        url; /* under which the gateway knows the webhook; its own query is not looked at */
    struct bh_str query;     /* of the request, without "?" */
    struct bh_str body;      /* byte for byte */
    struct bh_str timestamp; /* of the headers; empty: not there */
    struct bh_str nonce;
    struct bh_str signature;
};

enum bh_webhook_proof {
    BH_WEBHOOK_GENUINE,
    BH_WEBHOOK_UNSIGNED, /* a header is missing, or is nothing that the gateway writes */
    BH_WEBHOOK_WRONG_TIME,
    BH_WEBHOOK_FORGED, /* by another key, for another URL, or of another body */
};

/* BH_OK: *ret_proof says it.  Else it cannot be told (short of memory, no MD5). */
enum bh_status bh_webhook_verify(struct bh_str key, const struct bh_webhook_signed *request,
                                 struct bh_wall now,
                                 enum bh_webhook_proof *ret_proof) BH_MUST_CHECK;

/* What is wrong, as a sentence for the operator; "" for GENUINE. */
const char *bh_webhook_proof_text(enum bh_webhook_proof proof);

/* ---- Nonces ---- */

#define BH_NONCE_ROWS 2048

/* All zero is the beginning.  A nonce may push out another one: it has room for most of them, not for all. */
struct bh_nonce_memory {
    struct {
        char nonce[BH_NONCE_LEN];
        int64_t until_ms; /* 0: free */
    } rows[BH_NONCE_ROWS];
};

/* `nonce` is valid (bh_signing_nonce_is_valid). */
bool bh_nonce_memory_has(const struct bh_nonce_memory *memory, struct bh_str nonce,
                         struct bh_wall now);

/* Remember it for as long as a signature with it could be good. */
void bh_nonce_memory_add(struct bh_nonce_memory *memory, struct bh_str nonce, struct bh_wall now);

#endif
