#include "redis/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>

#include "core/alloc.h"
#include "core/fault.h"

struct bh_tls_context {
    SSL_CTX *ssl_context; /* owned */
};

/* OpenSSL's words for the oldest of its errors, without the numbers in front. */
static const char *
openssl_words(void)
{
    const char *words = ERR_reason_error_string(ERR_peek_error());
    return words != NULL ? words : "unknown reason";
}

/* ---- settings -------------------------------------------------------------------------------------- */

static enum bh_status
refuse_file(struct bh_error *error, const char *field, const char *file)
{
    enum bh_status status =
        bh_error_set(error, field, "the file %s cannot be used: %s", file, openssl_words());
    ERR_clear_error();
    return status;
}

/* Without this OpenSSL would ask on the terminal, and the program would hang there. */
static int
no_passphrase(char *buffer, int size, int for_writing, void *arg)
{
    (void)buffer, (void)size, (void)for_writing, (void)arg;
    return 0;
}

static enum bh_status
load_files(SSL_CTX *ssl_context, const struct bh_tls_files *files, struct bh_error *error)
{
    if ((files->cert == NULL) != (files->key == NULL))
        return bh_error_set(error, files->cert == NULL ? "tls_cert" : "tls_key",
                            "a certificate needs its key and a key its certificate: "
                            "tls_cert and tls_key are given together or not at all");
    if (files->ca != NULL && SSL_CTX_load_verify_locations(ssl_context, files->ca, NULL) != 1)
        return refuse_file(error, "tls_ca", files->ca);
    if (files->ca == NULL && SSL_CTX_set_default_verify_paths(ssl_context) != 1)
        return bh_error_set(error, "tls_ca", "the system's certificate authorities cannot be read");
    if (files->cert == NULL)
        return BH_OK;
    if (SSL_CTX_use_certificate_chain_file(ssl_context, files->cert) != 1)
        return refuse_file(error, "tls_cert", files->cert);
    if (SSL_CTX_use_PrivateKey_file(ssl_context, files->key, SSL_FILETYPE_PEM) != 1)
        return refuse_file(error, "tls_key", files->key);
    if (SSL_CTX_check_private_key(ssl_context) != 1)
        return bh_error_set(error, "tls_key", "the key %s does not belong to the certificate %s",
                            files->key, files->cert);
    return BH_OK;
}

enum bh_status
bh_tls_context_new(const struct bh_tls_files *files, struct bh_tls_context **ret_context,
                   struct bh_error *ret_error)
{
    ERR_clear_error();
    struct bh_tls_context *context = bh_alloc_zero(sizeof(*context));
    SSL_CTX *ssl_context = context != NULL ? SSL_CTX_new(TLS_client_method()) : NULL;
    if (ssl_context == NULL) {
        bh_free(context);
        return BH_ENOMEM;
    }
    context->ssl_context = ssl_context;
    SSL_CTX_set_min_proto_version(ssl_context, TLS1_2_VERSION);
    SSL_CTX_set_options(ssl_context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_verify(ssl_context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_mode(ssl_context, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_default_passwd_cb(ssl_context, no_passphrase);

    enum bh_status status = load_files(ssl_context, files, ret_error);
    if (status != BH_OK) {
        bh_tls_context_free(context);
        return status;
    }
    *ret_context = context;
    return BH_OK;
}

void
bh_tls_context_free(struct bh_tls_context *context)
{
    if (context == NULL)
        return;
    SSL_CTX_free(context->ssl_context);
    bh_free(context);
}

/* ---- a session ------------------------------------------------------------------------------------- */

/* An address is compared with the certificate's addresses, and is not sent as a name: RFC 6066 section 3. */
static bool
expect_host(SSL *ssl, const char *host)
{
    if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1)
        return true;
    /* OpenSSL copies the name; its macro only forgets the const. */
    char *name = (char *)(uintptr_t)host;
    return SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, name) == 1;
}

static bool
make_memory(struct bh_tls *tls)
{
    tls->incoming = BIO_new(BIO_s_mem());
    tls->outgoing = BIO_new(BIO_s_mem());
    if (tls->incoming == NULL || tls->outgoing == NULL) {
        BIO_free(tls->incoming);
        BIO_free(tls->outgoing);
        return false;
    }
    /* Empty means "more may come", not the end of the stream. */
    BIO_set_mem_eof_return(tls->incoming, -1);
    SSL_set_bio(tls->ssl, tls->incoming, tls->outgoing);
    return true;
}

enum bh_status
bh_tls_start(struct bh_tls *tls, struct bh_tls_context *context, const char *host)
{
    ERR_clear_error();
    *tls = (struct bh_tls){.ssl = SSL_new(context->ssl_context)};
    if (tls->ssl == NULL)
        return BH_ENOMEM;
    if (!make_memory(tls)) {
        bh_tls_release(tls);
        return BH_ENOMEM;
    }
    SSL_set_connect_state(tls->ssl);
    if (!expect_host(tls->ssl, host)) {
        bh_tls_release(tls);
        return BH_EINVAL;
    }
    return BH_OK;
}

void
bh_tls_release(struct bh_tls *tls)
{
    SSL_free(tls->ssl);
    tls->ssl = NULL;
    tls->incoming = NULL;
    tls->outgoing = NULL;
    tls->established = false;
}

enum bh_status
bh_tls_feed(struct bh_tls *tls, const char *bytes, size_t len)
{
    size_t taken;
    if (BIO_write_ex(tls->incoming, bytes, len, &taken) != 1 || taken != len)
        return BH_ENOMEM;
    return BH_OK;
}

static enum bh_tls_step
fail(struct bh_tls *tls)
{
    long verdict = SSL_get_verify_result(tls->ssl);
    if (!tls->established && verdict != X509_V_OK) {
        tls->certificate_refused = true;
        snprintf(tls->reason, sizeof(tls->reason), "the server's certificate is refused: %s",
                 X509_verify_cert_error_string(verdict));
    } else {
        snprintf(tls->reason, sizeof(tls->reason), "TLS failed: %s", openssl_words());
    }
    ERR_clear_error();
    return BH_TLS_FAILED;
}

/* What a call of OpenSSL that did not succeed means for the caller of bh_tls_next. */
static enum bh_tls_step
judge(struct bh_tls *tls, int result)
{
    switch (SSL_get_error(tls->ssl, result)) {
    case SSL_ERROR_WANT_READ: return BH_TLS_MORE;
    case SSL_ERROR_ZERO_RETURN: return BH_TLS_ENDED;
    default: return fail(tls);
    }
}

enum bh_tls_step
bh_tls_next(struct bh_tls *tls, char *buffer, size_t size, size_t *ret_len)
{
    ERR_clear_error();
    if (!tls->established) {
        int result = SSL_do_handshake(tls->ssl);
        if (result != 1)
            return judge(tls, result);
        tls->established = true;
        return BH_TLS_ESTABLISHED;
    }
    size_t len;
    int result = SSL_read_ex(tls->ssl, buffer, size, &len);
    if (result != 1)
        return judge(tls, result);
    *ret_len = len;
    return BH_TLS_BYTES;
}

enum bh_status
bh_tls_encrypt(struct bh_tls *tls, const char *bytes, size_t len)
{
    BH_ASSERT(tls->established);
    if (len == 0)
        return BH_OK;
    ERR_clear_error();
    size_t taken;
    if (SSL_write_ex(tls->ssl, bytes, len, &taken) != 1 || taken != len) {
        (void)fail(tls); /* for its text */
        return BH_EPROTO;
    }
    return BH_OK;
}

struct bh_str
bh_tls_outgoing(const struct bh_tls *tls)
{
    char *bytes = NULL;
    long len = BIO_get_mem_data(tls->outgoing, &bytes);
    return (struct bh_str){bytes, len > 0 ? (size_t)len : 0};
}

void
bh_tls_outgoing_clear(struct bh_tls *tls)
{
    (void)BIO_reset(tls->outgoing); /* cannot fail for memory */
}
