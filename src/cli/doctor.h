/*
 * doctor - what the families of checks of `bellhop doctor` share.
 *
 * A check adds lines to the diagnosis and never ends the command: what is missing for it, it says itself and returns.
 * Judging is core/diagnose_*; here facts are gathered.
 */
#ifndef BH_CLI_DOCTOR_H
#define BH_CLI_DOCTOR_H

#include "cli/cli.h"
#include "cli/configuration.h"
#include "core/diagnose_machine.h"
#include "core/diagnosis.h"
#include "redis/account_codec.h"

struct bh_doctor {
    struct bh_cli *cli;
    struct bh_diagnosis *diagnosis;
    struct bh_examined examined;
    bool offline;
    const char *unit; /* the service's name */

    bool account_read; /* by the check of Redis, for the others */
    struct bh_account_view account;
    bool daemon_here; /* a bellhopd of this instance lives on this machine */
};

void bh_doctor_redis(struct bh_doctor *doctor);
void bh_doctor_gateway(struct bh_doctor *doctor);
void bh_doctor_machine(struct bh_doctor *doctor);

/* What the service manager says of the unit; for doctor_machine.  All unknown when nobody answers. */
void bh_doctor_ask_unit(const char *unit, struct bh_unit_facts *ret_facts);

/*
 * GET /healthz at this address within a few seconds: the answer's status, or 0 with the reason in `problem`.
 * An address that stands for all is asked on loopback.
 */
int bh_doctor_ask_health(const char *host, unsigned port, char *problem, size_t problem_size);

#endif
