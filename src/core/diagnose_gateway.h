/*
 * diagnose_gateway - judge what was found out about the way to the gateway, the key and the account.
 *
 * Pure: facts in, lines out.  Who found them out is the caller's business.
 */
#ifndef BH_CORE_DIAGNOSE_GATEWAY_H
#define BH_CORE_DIAGNOSE_GATEWAY_H

#include "core/diagnosis.h"
#include "core/gateway_journal.h"
#include "core/instant.h"
#include "core/outcome.h"

#define BH_HOST_ADDRESSES_MAX 8

/* What a name resolves to. */
struct bh_name_facts {
    bool timed_out;
    char problem[120]; /* the resolver's words; "" when there are addresses */
    int64_t took_us;
    size_t addresses_count; /* those kept */
    size_t ipv4_count, ipv6_count;
    bool ipv4_routed, ipv6_routed; /* the system knows a way to one of that family */
    char addresses[BH_HOST_ADDRESSES_MAX][48];
};

/* `host` as the URL has it. */
void bh_diagnose_name(struct bh_diagnosis *diagnosis, const char *host,
                      const struct bh_name_facts *facts);

/* A connection to the gateway, up to the end of the TLS handshake; nothing was asked over it. */
struct bh_host_facts {
    enum bh_trouble trouble;
    bool timed_out;   /* it was silence, not a refusal */
    char detail[160]; /* the library's words; "" when there was no trouble */
    char address[64]; /* that was connected to; "" none */
    int64_t named_us, connected_us, secured_us; /* since the beginning; 0: not reached */
    bool is_tls;
    char protocol[16];    /* "TLSv1.3"; "" not told */
    int64_t expires_at_s; /* the earliest end of a certificate that was shown, unix; 0: not told */
};

/* How the connection was meant to be made.  Borrowed. */
struct bh_host_asked {
    const char *host;
    unsigned port;
    bool proxied; /* [gateway] proxy is set */
    bool ca_file; /* [gateway] ca_file is set */
    struct bh_wall now;
};

void bh_diagnose_host(struct bh_diagnosis *diagnosis, const struct bh_host_asked *asked,
                      const struct bh_host_facts *facts);

/*
 * What the question for the balance was answered, and what [gateway] low_balance says (0: no warning).
 * `signs`: requests are signed.  Returns whether the key was taken.
 */
bool bh_diagnose_balance(struct bh_diagnosis *diagnosis, const struct bh_outcome *outcome,
                         int64_t low_balance_micro, bool signs);

void bh_diagnose_journal(struct bh_diagnosis *diagnosis, enum bh_journal_finding finding, int code);

/* What is known of the account's reload lock. */
enum bh_lock_fact {
    BH_LOCK_FACT_CONFIGURED_OFF,
    BH_LOCK_FACT_ASSUMED, /* never tried */
    BH_LOCK_FACT_DOUBTFUL,
    BH_LOCK_FACT_PROVEN,
    BH_LOCK_FACT_SEEN_OFF,
};

void bh_diagnose_lock(struct bh_diagnosis *diagnosis, enum bh_lock_fact lock, bh_ms age_ms);

#endif
