/*
 * diagnose_hooks - judge whether delivery reports find their way to us: what is configured, who is subscribed at the gateway,
 * and what answers at the address.
 *
 * Pure: facts in, lines out.  The address appears masked, as its last part is a secret.
 */
#ifndef BH_CORE_DIAGNOSE_HOOKS_H
#define BH_CORE_DIAGNOSE_HOOKS_H

#include "core/config.h"
#include "core/diagnosis.h"
#include "core/gateway_hooks.h"
#include "core/str.h"

/* What is configured.  Borrowed. */
struct bh_webhook_facts {
    const char *url;     /* [http] webhook_url; "" not set */
    struct bh_str token; /* [http] webhook_token; empty: not set */
    bool listens;        /* [http] listen is set */
    bool has_voice;      /* a queue is for calls */
    bool is_picky;       /* webhook_signed or webhook_from: not everybody's reports are taken */
};

struct bh_webhook_facts bh_webhook_facts_from(const struct bh_config *config);

/* Whether it is configured well enough that a subscription makes sense. */
bool bh_diagnose_webhook_settings(struct bh_diagnosis *diagnosis,
                                  const struct bh_webhook_facts *facts);

/* What the gateway's list says; one that is not DONE, too.  `address` is what is to be subscribed, not masked. */
void bh_diagnose_webhook_list(struct bh_diagnosis *diagnosis, const struct bh_webhook_facts *facts,
                              const struct bh_hooks_answer *list, const char *address);

/* What a GET of the address brought, from this machine. */
void bh_diagnose_webhook_reach(struct bh_diagnosis *diagnosis, const struct bh_webhook_facts *facts,
                               const struct bh_exchange *exchange);

#endif
