/*
 * diagnose_machine - judge what was found out about the machine: files, limits, the service's unit, the HTTP endpoint.
 *
 * Pure: facts in, lines out.
 */
#ifndef BH_CORE_DIAGNOSE_MACHINE_H
#define BH_CORE_DIAGNOSE_MACHINE_H

#include "core/config.h"
#include "core/diagnosis.h"
#include "core/str.h"

/* ---- Files ---- */

enum bh_file_use {
    BH_FILE_SECRET, /* nobody else may read it */
    BH_FILE_PUBLIC, /* may be read, but not written by others */
};

struct bh_file_facts {
    const char *path; /* borrowed */
    const char *key;  /* the key that names it: "[gateway] api_key_file"; or "the configuration" */
    enum bh_file_use use;
    int error;                 /* errno of looking at it; 0: the rest is known */
    const char *problem;       /* the system's words for it; borrowed */
    unsigned mode;             /* permission bits */
    bool owner_trusted;        /* root, the service's user, or who runs this */
    bool group_trusted;        /* likewise: of root, the service's, or ours */
    const char *service_group; /* who else has to read it; borrowed; NULL: its owner alone */
    bool service_blind;        /* its mode does not let the service's user read it */
    bool is_ours;              /* who runs this is the service's user, so it has to be readable */
    bool guarded;              /* in the service manager's directory of credentials */
    const char *owner;         /* name or number; borrowed */
};

void bh_diagnose_file(struct bh_diagnosis *diagnosis, const struct bh_file_facts *facts);

/* The directory of the journal of what was sent. */
struct bh_journal_directory_facts {
    const char *path;    /* borrowed; NULL: there is none, it is kept in memory */
    bool off;            /* [pool] journal = off */
    bool by_unit;        /* the service manager makes it */
    int error;           /* errno of looking at it */
    const char *problem; /* the system's words */
    bool is_directory;
    bool writable;        /* for the service's user, else for who runs this */
    bool runs_as_service; /* who runs this is the service's user, or root, who judges for him */
    unsigned mode;
    int64_t free_bytes; /* for who runs this; -1 unknown */
    int64_t records;    /* [pool] journal_records */
    bool file_exists;   /* room has been taken already */
};

void bh_diagnose_journal_directory(struct bh_diagnosis *diagnosis,
                                   const struct bh_journal_directory_facts *facts);

/* ---- Limits ---- */

#define BH_LIMIT_INFINITE INT64_MAX

/* What `systemctl show` says of the service. */
struct bh_unit_facts {
    bool asked;  /* there is a service manager that answered */
    bool loaded; /* it has such a unit */
    bool active;
    bool enabled;              /* started at boot */
    int64_t descriptors;       /* LimitNOFILE's soft value; BH_LIMIT_INFINITE; -1 not told */
    int64_t oom_score;         /* OOMScoreAdjust; INT64_MIN not told */
    bool watchdog;             /* WatchdogSec is set */
    char user[64];             /* "" root */
    char state_directory[128]; /* of the names the first; "" none */
};

/* Read lines KEY=VALUE; what is not known is skipped. */
void bh_unit_facts_read(struct bh_unit_facts *facts, struct bh_str text);

/* Files and sockets that a bellhopd of this configuration may have open at once, with some to spare. */
int64_t bh_descriptors_needed(const struct bh_config *config);

/*
 * `unit` is its name.  Without service manager or unit `shell_descriptors`, the limit of who runs this, is told
 * instead (-1 unknown).
 */
void bh_diagnose_unit(struct bh_diagnosis *diagnosis, const char *unit,
                      const struct bh_unit_facts *facts, int64_t needed, int64_t shell_descriptors);

/* ---- The HTTP endpoint ---- */

struct bh_endpoint_facts {
    const char *host; /* borrowed; "" when off */
    unsigned port;
    bool loopback;
    bool token;          /* admin_token is set */
    bool daemon_here;    /* a bellhopd of this instance is known to run on this machine */
    bool asked;          /* a connection was tried */
    int http_status;     /* of /healthz; 0: none */
    const char *problem; /* why there is none; "" when nothing is wrong */
};

void bh_diagnose_endpoint(struct bh_diagnosis *diagnosis, const struct bh_endpoint_facts *facts);

#endif
