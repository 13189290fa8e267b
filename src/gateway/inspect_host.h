/*
 * inspect_host - look at the way to the gateway without asking it anything: its name's addresses, and a
 * connection up to the end of the TLS handshake.
 *
 * For a person who waits: both block, each with a limit of time.  The daemon's requests are transport.h.
 */
#ifndef BH_GATEWAY_INSPECT_HOST_H
#define BH_GATEWAY_INSPECT_HOST_H

#include "core/base.h"
#include "core/diagnose_gateway.h"
#include "core/instant.h"

/* Strings are borrowed until the call returns; NULL as in struct bh_gateway_transport_options. */
struct bh_inspect_options {
    const char *url;
    const char *ca_file;
    const char *proxy;
    bh_ms timeout_ms; /* of each connection that is made */
};

/*
 * Resolve `host` (a name or an address, without brackets).  What happens after `timeout_ms` is left to a thread
 * that ends by itself.  BH_ENOMEM.
 */
enum bh_status bh_inspect_name(const char *host, bh_ms timeout_ms,
                               struct bh_name_facts *ret_facts) BH_MUST_CHECK;

/*
 * Connect as the daemon would, and close.  When the certificate is refused a second connection is made
 * that refuses none, only to learn when the certificate ends; nothing is ever sent over it.  BH_ENOMEM.
 */
enum bh_status bh_inspect_host(const struct bh_inspect_options *options,
                               struct bh_host_facts *ret_facts) BH_MUST_CHECK;

#endif
