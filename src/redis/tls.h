/*
 * tls - one TLS session as a machine between two byte streams: wire bytes in, plain bytes out, and back.
 *
 * It does no I/O: OpenSSL works on memory only, and the link carries what it produces.  So a
 * handshake that hangs is the same case as any other silence of a peer.
 *
 * The peer's certificate and its name are always verified; there is no switch to turn that off.  Whoever
 * uses a certificate of his own names its authority in `ca`.  TLS 1.2 is the oldest version spoken.
 *
 * No close_notify is sent at the end: RESP replies carry their lengths, so a cut stream is noticed anyway.
 */
#ifndef BH_REDIS_TLS_H
#define BH_REDIS_TLS_H

#include <bellhop/error.h>

#include "core/base.h"
#include "core/str.h"

/* PEM files; NULL: not given. */
struct bh_tls_files {
    const char *ca;   /* authorities to believe; NULL: the system's */
    const char *cert; /* ours, with its chain; only together with `key` */
    const char *key;
};

/* What sessions share: settings and certificates. */
struct bh_tls_context;

/*
 * BH_EINVAL: *ret_error (may be NULL) names the file that cannot be used.  BH_ENOMEM.
 * On BH_OK the caller owns *ret_context.
 */
enum bh_status bh_tls_context_new(const struct bh_tls_files *files,
                                  struct bh_tls_context **ret_context,
                                  struct bh_error *ret_error) BH_MUST_CHECK;

/* NULL is fine.  Not before every session that was started with it is released. */
void bh_tls_context_free(struct bh_tls_context *context);

/* Private to tls.c, but for the two members that say what went wrong. */
struct bh_tls {
    struct ssl_st *ssl;      /* owned; NULL: not started */
    struct bio_st *incoming; /* owned by ssl */
    struct bio_st *outgoing; /* owned by ssl */
    bool established;
    bool certificate_refused; /* behind BH_TLS_FAILED: waiting does not heal it */
    char reason[160];         /* behind BH_TLS_FAILED: what happened, for people */
};

/* Begin a session with the server called `host` (name or address).  BH_ENOMEM, or BH_EINVAL for a bad name. */
enum bh_status bh_tls_start(struct bh_tls *tls, struct bh_tls_context *context,
                            const char *host) BH_MUST_CHECK;

/* A zeroed struct is fine. */
void bh_tls_release(struct bh_tls *tls);

/* Take bytes from the wire.  Drain bh_tls_next after each call.  BH_ENOMEM. */
enum bh_status bh_tls_feed(struct bh_tls *tls, const char *bytes, size_t len) BH_MUST_CHECK;

enum bh_tls_step {
    BH_TLS_MORE,        /* nothing until more is fed */
    BH_TLS_ESTABLISHED, /* the handshake is over, the peer is who he should be; comes once */
    BH_TLS_BYTES,       /* plain bytes were written to the buffer */
    BH_TLS_ENDED,       /* the peer closed the session in order */
    BH_TLS_FAILED,      /* see `reason`; the session is of no use any more */
};

/*
 * What comes next; also drives the handshake, so call it once after the start.  Look at
 * bh_tls_outgoing afterwards, whatever the answer: alerts go out too.
 */
enum bh_tls_step bh_tls_next(struct bh_tls *tls, char *buffer, size_t size, size_t *ret_len);

/* Encrypt plain bytes, only while established.  BH_EPROTO: the session is of no use any more. */
enum bh_status bh_tls_encrypt(struct bh_tls *tls, const char *bytes, size_t len) BH_MUST_CHECK;

/* Bytes for the wire, valid until the next call. */
struct bh_str bh_tls_outgoing(const struct bh_tls *tls);

/* They have been taken. */
void bh_tls_outgoing_clear(struct bh_tls *tls);

#endif
