#include "gateway/inspect_host.h"

#include <curl/curl.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>

#include "gateway/transport.h"

/* The first failure of a row of calls is kept. */
#define SET(code, easy, option, value)                                                             \
    ((code) = (code) == CURLE_OK ? curl_easy_setopt((easy), (option), (value)) : (code))

/* What the TLS library tells during the handshake. */
struct handshake {
    bool begun; /* so the connection stands */
    char protocol[16];
};

/* Where a context keeps whose handshake it is; -1 until asked for. */
static int context_slot = -1;

static void
handshake_on_step(const SSL *ssl, int where, int result)
{
    struct handshake *handshake = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), context_slot);
    (void)result;
    if (handshake == NULL)
        return;
    handshake->begun = handshake->begun || (where & SSL_CB_HANDSHAKE_START) != 0;
    if ((where & SSL_CB_HANDSHAKE_DONE) != 0)
        snprintf(handshake->protocol, sizeof(handshake->protocol), "%s", SSL_get_version(ssl));
}

static CURLcode
context_on_made(CURL *easy, void *context, void *arg)
{
    (void)easy;
    if (SSL_CTX_set_ex_data(context, context_slot, arg) == 1)
        SSL_CTX_set_info_callback(context, handshake_on_step);
    return CURLE_OK;
}

/* Only where the HTTP library has the TLS library that we know; elsewhere nothing is told. */
static CURLcode
watch_handshake(CURL *easy, struct handshake *handshake)
{
    CURLcode code = CURLE_OK;
    const curl_version_info_data *version = curl_version_info(CURLVERSION_NOW);
    if (version->ssl_version == NULL || strncmp(version->ssl_version, "OpenSSL/", 8) != 0)
        return CURLE_OK;
    if (context_slot < 0)
        context_slot = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, NULL);
    if (context_slot < 0)
        return CURLE_OUT_OF_MEMORY;
    SET(code, easy, CURLOPT_SSL_CTX_FUNCTION, context_on_made);
    SET(code, easy, CURLOPT_SSL_CTX_DATA, handshake);
    return code;
}

static CURLcode
set_options(CURL *easy, const struct bh_inspect_options *options, bool verify)
{
    CURLcode code = CURLE_OK;
    SET(code, easy, CURLOPT_URL, options->url);
    SET(code, easy, CURLOPT_CONNECT_ONLY, 1L);
    SET(code, easy, CURLOPT_CERTINFO, 1L);
    SET(code, easy, CURLOPT_PROTOCOLS_STR, "http,https");
    SET(code, easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(code, easy, CURLOPT_SSL_VERIFYPEER, verify ? 1L : 0L);
    SET(code, easy, CURLOPT_SSL_VERIFYHOST, verify ? 2L : 0L);
    SET(code, easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(code, easy, CURLOPT_NOSIGNAL, 1L);
    SET(code, easy, CURLOPT_QUICK_EXIT, 1L);
    SET(code, easy, CURLOPT_NOPROXY, "");
    SET(code, easy, CURLOPT_PROXY, options->proxy != NULL ? options->proxy : "");
    if (options->ca_file != NULL)
        SET(code, easy, CURLOPT_CAINFO, options->ca_file);
    SET(code, easy, CURLOPT_CONNECTTIMEOUT_MS, (long)options->timeout_ms);
    SET(code, easy, CURLOPT_TIMEOUT_MS, (long)options->timeout_ms);
    return code;
}

/* Which step was being taken when time was over or the connection broke. */
static enum bh_trouble
trouble_of_step(const struct bh_host_facts *facts, bool handshake_begun)
{
    if (facts->named_us == 0)
        return BH_TROUBLE_RESOLVE;
    return facts->connected_us == 0 && !handshake_begun ? BH_TROUBLE_CONNECT : BH_TROUBLE_TLS;
}

static enum bh_trouble
trouble_of(CURLcode code, const struct bh_host_facts *facts, bool handshake_begun)
{
    static const struct {
        CURLcode code;
        enum bh_trouble trouble;
    } rows[] = {
        {CURLE_OK,                       BH_TROUBLE_NONE       },
        {CURLE_COULDNT_RESOLVE_HOST,     BH_TROUBLE_RESOLVE    },
        {CURLE_COULDNT_RESOLVE_PROXY,    BH_TROUBLE_RESOLVE    },
        {CURLE_COULDNT_CONNECT,          BH_TROUBLE_CONNECT    },
        {CURLE_SSL_CONNECT_ERROR,        BH_TROUBLE_TLS        },
        {CURLE_SSL_CACERT_BADFILE,       BH_TROUBLE_TLS        },
        {CURLE_PEER_FAILED_VERIFICATION, BH_TROUBLE_CERTIFICATE},
        {CURLE_SSL_ISSUER_ERROR,         BH_TROUBLE_CERTIFICATE},
        {CURLE_SSL_INVALIDCERTSTATUS,    BH_TROUBLE_CERTIFICATE},
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        if (rows[i].code == code)
            return rows[i].trouble;
    }
    return trouble_of_step(facts, handshake_begun);
}

static int64_t
time_of(CURL *easy, CURLINFO which)
{
    curl_off_t us = 0;
    return curl_easy_getinfo(easy, which, &us) == CURLE_OK ? (int64_t)us : 0;
}

/* The earliest end of the certificates that were shown; each is a list of "NAME:VALUE". */
static int64_t
find_end(CURL *easy)
{
    static const char name[] = "Expire date:";
    struct curl_certinfo *info = NULL;
    int64_t first = 0;
    if (curl_easy_getinfo(easy, CURLINFO_CERTINFO, &info) != CURLE_OK || info == NULL)
        return 0;
    for (int i = 0; i < info->num_of_certs; i++) {
        for (struct curl_slist *row = info->certinfo[i]; row != NULL; row = row->next) {
            if (strncmp(row->data, name, sizeof(name) - 1) != 0)
                continue;
            time_t end = curl_getdate(row->data + sizeof(name) - 1, NULL);
            if (end > 0 && (first == 0 || (int64_t)end < first))
                first = (int64_t)end;
        }
    }
    return first;
}

static void
take_facts(CURL *easy, CURLcode code, const char *detail, const struct handshake *handshake,
           struct bh_host_facts *facts)
{
    char *address = NULL, *scheme = NULL;
    facts->named_us = time_of(easy, CURLINFO_NAMELOOKUP_TIME_T);
    facts->connected_us = time_of(easy, CURLINFO_CONNECT_TIME_T);
    facts->secured_us = time_of(easy, CURLINFO_APPCONNECT_TIME_T);
    facts->trouble = trouble_of(code, facts, handshake->begun);
    facts->timed_out = code == CURLE_OPERATION_TIMEDOUT;
    if (facts->trouble != BH_TROUBLE_NONE)
        snprintf(facts->detail, sizeof(facts->detail), "%s",
                 detail[0] != '\0' ? detail : curl_easy_strerror(code));
    if (curl_easy_getinfo(easy, CURLINFO_PRIMARY_IP, &address) == CURLE_OK && address != NULL)
        snprintf(facts->address, sizeof(facts->address), "%s", address);
    if (curl_easy_getinfo(easy, CURLINFO_SCHEME, &scheme) == CURLE_OK && scheme != NULL)
        facts->is_tls = strcmp(scheme, "HTTPS") == 0 || strcmp(scheme, "https") == 0;
    facts->expires_at_s = find_end(easy);
    snprintf(facts->protocol, sizeof(facts->protocol), "%s", handshake->protocol);
}

static enum bh_status
connect_once(const struct bh_inspect_options *options, bool verify, struct bh_host_facts *ret_facts)
{
    char detail[CURL_ERROR_SIZE] = "";
    struct handshake handshake = {.begun = false};
    CURL *easy = curl_easy_init();
    if (easy == NULL)
        return BH_ENOMEM;
    CURLcode code = set_options(easy, options, verify);
    SET(code, easy, CURLOPT_ERRORBUFFER, detail);
    if (code == CURLE_OK)
        code = watch_handshake(easy, &handshake);
    if (code == CURLE_OK)
        code = curl_easy_perform(easy);
    if (code != CURLE_OUT_OF_MEMORY)
        take_facts(easy, code, detail, &handshake, ret_facts);
    curl_easy_cleanup(easy);
    return code == CURLE_OUT_OF_MEMORY ? BH_ENOMEM : BH_OK;
}

enum bh_status
bh_inspect_host(const struct bh_inspect_options *options, struct bh_host_facts *ret_facts)
{
    struct bh_host_facts facts = {0}, second = {0};
    enum bh_status status = bh_gateway_transport_global_init();
    if (status != BH_OK)
        return status;
    status = connect_once(options, true, &facts);
    if (status == BH_OK && facts.trouble == BH_TROUBLE_CERTIFICATE && facts.expires_at_s == 0) {
        status = connect_once(options, false, &second);
        facts.expires_at_s = second.expires_at_s;
    }
    bh_gateway_transport_global_release();
    if (status == BH_OK)
        *ret_facts = facts;
    return status;
}
