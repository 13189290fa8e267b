#include "core/diagnose_machine.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/sent_record.h"

#define GROUP_READ   0040U
#define GROUP_WRITE  0020U
#define OTHERS_READ  0004U
#define OTHERS_WRITE 0002U

/* The endpoint takes this many connections; see http/server.h. */
#define HTTP_CONNECTIONS 64

/* Commands, blocking wait, and the loop's own: epoll, wake-up, signals, timers. */
#define DESCRIPTORS_PER_WORKER 10

/* Standard streams, log, journal, account watcher, registrar, lock, resolver, files read at a reload. */
#define DESCRIPTORS_SPARE 64

/* ---- Files ---- */

static void
unreadable_file(struct bh_diagnosis *diagnosis, const struct bh_file_facts *facts)
{
    bool denied = facts->error == EACCES && !facts->is_ours;
    if (facts->guarded) {
        bh_diagnose(diagnosis, BH_GRADE_OK, "files",
                    "%s: %s is there while the service runs, for it alone.", facts->key,
                    facts->path);
        return;
    }
    bh_diagnose(diagnosis, denied ? BH_GRADE_NOTE : BH_GRADE_BAD, "files", "%s: %s: %s.",
                facts->key, facts->path, facts->problem);
    if (denied)
        bh_diagnose_cure(diagnosis, "sudo -u bellhop bellhop doctor (it may look at more)");
    else if (facts->error == EACCES)
        bh_diagnose_cure(diagnosis, "chown bellhop %s && chmod 600 %s", facts->path, facts->path);
    else if (facts->key[0] == '[')
        bh_diagnose_cure(diagnosis, "%s = FILE", facts->key);
}

/* So that the daemon can still read it afterwards. */
static void
cure_mode(struct bh_diagnosis *diagnosis, const struct bh_file_facts *facts)
{
    if (facts->use == BH_FILE_PUBLIC)
        bh_diagnose_cure(diagnosis, "chmod 644 %s", facts->path);
    else if (facts->service_group != NULL)
        bh_diagnose_cure(diagnosis, "chgrp %s %s && chmod 640 %s", facts->service_group,
                         facts->path, facts->path);
    else
        bh_diagnose_cure(diagnosis, "chmod 600 %s", facts->path);
}

void
bh_diagnose_file(struct bh_diagnosis *diagnosis, const struct bh_file_facts *facts)
{
    if (facts->error != 0) {
        unreadable_file(diagnosis, facts);
        return;
    }
    bool secret = facts->use == BH_FILE_SECRET;
    bool group_reads = (facts->mode & GROUP_READ) != 0 && !facts->group_trusted;
    bool group_writes = (facts->mode & GROUP_WRITE) != 0;
    if (facts->guarded) {
        bh_diagnose(diagnosis, BH_GRADE_OK, "files", "%s: %s, guarded by the service manager.",
                    facts->key, facts->path);
    } else if ((facts->mode & OTHERS_WRITE) != 0 || (group_writes && !facts->group_trusted)) {
        bh_diagnose(diagnosis, BH_GRADE_BAD, "files",
                    "%s: %s (mode %04o) may be changed by others.", facts->key, facts->path,
                    facts->mode);
        cure_mode(diagnosis, facts);
    } else if (secret && ((facts->mode & OTHERS_READ) != 0 || group_reads)) {
        bh_diagnose(diagnosis, BH_GRADE_BAD, "files",
                    "%s: %s (mode %04o) holds a secret and may be read by %s.", facts->key,
                    facts->path, facts->mode,
                    (facts->mode & OTHERS_READ) != 0 ? "everybody" : "its group");
        cure_mode(diagnosis, facts);
    } else if (facts->service_blind) {
        bh_diagnose(diagnosis, BH_GRADE_BAD, "files",
                    "%s: %s (mode %04o, of %s) cannot be read by the service's user.", facts->key,
                    facts->path, facts->mode, facts->owner);
        cure_mode(diagnosis, facts);
    } else if (!facts->owner_trusted) {
        bh_diagnose(diagnosis, BH_GRADE_RISK, "files",
                    "%s: %s belongs to %s, who may change it at any time.", facts->key, facts->path,
                    facts->owner);
        bh_diagnose_cure(diagnosis, "chown root %s", facts->path);
    } else {
        bh_diagnose(diagnosis, BH_GRADE_OK, "files", "%s: %s, mode %04o, of %s.", facts->key,
                    facts->path, facts->mode, facts->owner);
    }
}

static bool
has_no_directory(struct bh_diagnosis *diagnosis, const struct bh_journal_directory_facts *facts)
{
    if (facts->off) {
        bh_diagnose(diagnosis, BH_GRADE_RISK, "sent journal",
                    "Off: if Redis loses its last second, what was sent in it is sent again.");
        bh_diagnose_cure(diagnosis, "[pool] journal = /var/lib/bellhop");
        return true;
    }
    if (facts->path != NULL)
        return false;
    bh_diagnose(
        diagnosis, BH_GRADE_RISK, "sent journal",
        "Kept in memory only: if Redis loses its last second while bellhopd restarts, what was "
        "sent in it is sent again.");
    bh_diagnose_cure(diagnosis, "[pool] journal = /var/lib/bellhop");
    bh_diagnose_cure(diagnosis, "[Service] StateDirectory=bellhop (in the unit, instead)");
    return true;
}

static void
no_journal_directory(struct bh_diagnosis *diagnosis, const struct bh_journal_directory_facts *facts)
{
    if (facts->error == ENOENT && facts->by_unit) {
        bh_diagnose(diagnosis, BH_GRADE_OK, "sent journal",
                    "%s: the service manager makes it at the first start.", facts->path);
        return;
    }
    bool denied = facts->error == EACCES && !facts->runs_as_service;
    bh_diagnose(diagnosis, denied ? BH_GRADE_NOTE : BH_GRADE_BAD, "sent journal", "%s: %s.",
                facts->path, facts->error != 0 ? facts->problem : "it is not a directory");
    if (denied)
        bh_diagnose_cure(diagnosis, "sudo -u bellhop bellhop doctor (it may look at more)");
    else
        bh_diagnose_cure(diagnosis, "install -d -o bellhop -g bellhop -m 700 %s", facts->path);
}

void
bh_diagnose_journal_directory(struct bh_diagnosis *diagnosis,
                              const struct bh_journal_directory_facts *facts)
{
    if (has_no_directory(diagnosis, facts))
        return;
    if (facts->error != 0 || !facts->is_directory) {
        no_journal_directory(diagnosis, facts);
        return;
    }
    int64_t needed = facts->records * BH_SENT_RECORD_BYTES;
    if (!facts->writable && facts->runs_as_service) {
        bh_diagnose(diagnosis, BH_GRADE_BAD, "sent journal", "%s cannot be written to.",
                    facts->path);
        bh_diagnose_cure(diagnosis, "chown bellhop:bellhop %s && chmod 700 %s", facts->path,
                         facts->path);
    } else if ((facts->mode & (OTHERS_WRITE | GROUP_WRITE)) != 0) {
        bh_diagnose(diagnosis, BH_GRADE_RISK, "sent journal",
                    "%s (mode %04o) may be changed by others: a forged journal keeps messages from "
                    "being sent.",
                    facts->path, facts->mode);
        bh_diagnose_cure(diagnosis, "chmod 700 %s", facts->path);
    } else if (facts->free_bytes >= 0 && !facts->file_exists && facts->free_bytes < needed) {
        bh_diagnose(diagnosis, BH_GRADE_BAD, "sent journal",
                    "%s has room for %" PRId64 " bytes, and %" PRId64 " are needed.", facts->path,
                    facts->free_bytes, needed);
        bh_diagnose_cure(diagnosis, "[pool] journal_records = %" PRId64,
                         facts->free_bytes / 2 / BH_SENT_RECORD_BYTES);
    } else {
        bh_diagnose(
            diagnosis, BH_GRADE_OK, "sent journal", "%s%s.", facts->path,
            facts->writable ? " can be written to" : ", which only the service can look into");
    }
}

/* ---- The unit ---- */

static int64_t
read_limit(struct bh_str value)
{
    int64_t number;
    if (bh_str_equal_text(value, "infinity"))
        return BH_LIMIT_INFINITE;
    return bh_str_to_int64(value, &number) && number >= 0 ? number : -1;
}

static void
copy(struct bh_str value, char *text, size_t size)
{
    size_t len = value.len < size - 1 ? value.len : size - 1;
    if (len > 0)
        memcpy(text, value.ptr, len);
    text[len] = '\0';
}

static void
read_property(struct bh_unit_facts *facts, struct bh_str name, struct bh_str value)
{
    struct bh_str rest = value, first = value;
    int64_t number;
    if (bh_str_equal_text(name, "LoadState"))
        facts->loaded = bh_str_equal_text(value, "loaded");
    else if (bh_str_equal_text(name, "ActiveState"))
        facts->active = bh_str_equal_text(value, "active");
    else if (bh_str_equal_text(name, "UnitFileState"))
        facts->enabled = bh_str_starts_with(value, BH_STR_LITERAL("enabled"));
    else if (bh_str_equal_text(name, "LimitNOFILESoft"))
        facts->descriptors = read_limit(value);
    else if (bh_str_equal_text(name, "OOMScoreAdjust") && bh_str_to_int64(value, &number))
        facts->oom_score = number;
    else if (bh_str_equal_text(name, "WatchdogUSec"))
        facts->watchdog = value.len > 0 && !bh_str_equal_text(value, "0") &&
                          !bh_str_equal_text(value, "infinity");
    else if (bh_str_equal_text(name, "User"))
        copy(value, facts->user, sizeof(facts->user));
    else if (bh_str_equal_text(name, "StateDirectory") && bh_str_split(&rest, ' ', &first))
        copy(first, facts->state_directory, sizeof(facts->state_directory));
}

void
bh_unit_facts_read(struct bh_unit_facts *facts, struct bh_str text)
{
    struct bh_str line;
    *facts = (struct bh_unit_facts){.descriptors = -1, .oom_score = INT64_MIN};
    while (bh_str_split(&text, '\n', &line)) {
        struct bh_str value = bh_str_trim(line), name;
        if (bh_str_split(&value, '=', &name) && value.ptr != NULL) {
            facts->asked = true;
            read_property(facts, name, value);
        }
    }
}

int64_t
bh_descriptors_needed(const struct bh_config *config)
{
    int64_t workers = config->pool.workers, gateway = config->gateway.max_connections;
    int64_t http = config->http.listen.port != 0 ? HTTP_CONNECTIONS : 0;
    /* The limit of the whole process is shared out among the workers, each of which gets one at least. */
    if (gateway < workers)
        gateway = workers;
    return gateway + http + workers * DESCRIPTORS_PER_WORKER + DESCRIPTORS_SPARE;
}

static void
cure_unit(struct bh_diagnosis *diagnosis, const char *unit, const char *lines)
{
    bh_diagnose_cure(diagnosis, "systemctl edit %s: [Service] %s", unit, lines);
}

/* To the next power of two, which looks like one that somebody chose. */
static int64_t
round_up(int64_t number)
{
    int64_t power = 1024;
    while (power < number)
        power *= 2;
    return power;
}

static void
judge_descriptors(struct bh_diagnosis *diagnosis, const char *unit, int64_t limit, int64_t needed)
{
    char line[64];
    snprintf(line, sizeof(line), "LimitNOFILE=%" PRId64, round_up(needed));
    if (limit < 0) {
        bh_diagnose(diagnosis, BH_GRADE_NOTE, "descriptors",
                    "%" PRId64 " are needed; the limit was not told.", needed);
        cure_unit(diagnosis, unit, line);
    } else if (limit < needed) {
        bh_diagnose(diagnosis, BH_GRADE_BAD, "descriptors",
                    "%" PRId64 " are needed, and LimitNOFILE allows %" PRId64
                    ": connections fail when it is busy.",
                    needed, limit);
        cure_unit(diagnosis, unit, line);
    } else if (limit == BH_LIMIT_INFINITE) {
        bh_diagnose(diagnosis, BH_GRADE_OK, "descriptors", "%" PRId64 " are needed, no limit.",
                    needed);
    } else {
        bh_diagnose(diagnosis, BH_GRADE_OK, "descriptors",
                    "%" PRId64 " are needed, LimitNOFILE is %" PRId64 ".", needed, limit);
    }
}

static void
without_unit(struct bh_diagnosis *diagnosis, const char *unit, const struct bh_unit_facts *facts,
             int64_t needed, int64_t shell)
{
    if (facts->asked) {
        bh_diagnose(diagnosis, BH_GRADE_NOTE, "unit",
                    "There is no %s here: nobody restarts bellhopd when it ends.", unit);
        bh_diagnose_cure(diagnosis, "bellhop doctor --unit NAME (if it is called otherwise)");
    } else {
        bh_diagnose(diagnosis, BH_GRADE_NOTE, "unit", "No systemd answers here.");
    }
    if (shell >= 0 && shell < needed) {
        bh_diagnose(diagnosis, BH_GRADE_NOTE, "descriptors",
                    "%" PRId64 " are needed; whatever is started from this shell gets %" PRId64 ".",
                    needed, shell);
        bh_diagnose_cure(diagnosis, "ulimit -n %" PRId64, round_up(needed));
    } else {
        bh_diagnose(diagnosis, BH_GRADE_OK, "descriptors",
                    "%" PRId64 " are needed, and this shell gives enough.", needed);
    }
}

void
bh_diagnose_unit(struct bh_diagnosis *diagnosis, const char *unit,
                 const struct bh_unit_facts *facts, int64_t needed, int64_t shell_descriptors)
{
    if (!facts->asked || !facts->loaded) {
        without_unit(diagnosis, unit, facts, needed, shell_descriptors);
        return;
    }
    bh_diagnose(diagnosis, facts->enabled ? BH_GRADE_OK : BH_GRADE_NOTE, "unit",
                "%s is %s and %s at boot.", unit, facts->active ? "active" : "not active",
                facts->enabled ? "started" : "not started");
    if (!facts->enabled)
        bh_diagnose_cure(diagnosis, "systemctl enable --now %s", unit);
    judge_descriptors(diagnosis, unit, facts->descriptors, needed);
    if (!facts->watchdog) {
        bh_diagnose(diagnosis, BH_GRADE_RISK, "unit",
                    "WatchdogSec is not set: a bellhopd that hangs is not restarted.");
        cure_unit(diagnosis, unit, "WatchdogSec=30s");
    }
    if (facts->oom_score != INT64_MIN && facts->oom_score >= 0) {
        bh_diagnose(diagnosis, BH_GRADE_NOTE, "unit",
                    "OOMScoreAdjust is %" PRId64
                    ": when memory runs out the kernel may kill it, and what "
                    "it is sending becomes uncertain.",
                    facts->oom_score);
        cure_unit(diagnosis, unit, "OOMScoreAdjust=-500");
    }
    if (facts->user[0] == '\0' || strcmp(facts->user, "root") == 0) {
        bh_diagnose(diagnosis, BH_GRADE_RISK, "unit", "It runs as root, which it never needs.");
        cure_unit(diagnosis, unit, "User=bellhop");
    }
}

/* ---- The HTTP endpoint ---- */

static void
judge_answer(struct bh_diagnosis *diagnosis, const struct bh_endpoint_facts *facts)
{
    if (facts->http_status == 200) {
        bh_diagnose(diagnosis, BH_GRADE_OK, "http", "%s port %u: /healthz answers 200.",
                    facts->host, facts->port);
    } else if (facts->http_status != 0) {
        bh_diagnose(diagnosis, BH_GRADE_BAD, "http",
                    "%s port %u: /healthz answers %d: a loop of bellhopd hangs, or something else "
                    "has the port.",
                    facts->host, facts->port, facts->http_status);
        bh_diagnose_cure(diagnosis, "ss -ltnp 'sport = :%u'", facts->port);
    } else if (facts->daemon_here) {
        bh_diagnose(diagnosis, BH_GRADE_BAD, "http",
                    "%s port %u: bellhopd runs, and nothing answers: %s.", facts->host, facts->port,
                    facts->problem);
        bh_diagnose_cure(diagnosis, "ss -ltnp 'sport = :%u'", facts->port);
    } else {
        bh_diagnose(diagnosis, BH_GRADE_NOTE, "http",
                    "%s port %u: nothing answers (%s); bellhopd does not seem to run here.",
                    facts->host, facts->port, facts->problem);
        bh_diagnose_cure(diagnosis, "systemctl start bellhopd");
    }
}

void
bh_diagnose_endpoint(struct bh_diagnosis *diagnosis, const struct bh_endpoint_facts *facts)
{
    if (facts->port == 0) {
        bh_diagnose(diagnosis, BH_GRADE_NOTE, "http",
                    "Off: no metrics, no health checks, and no delivery reports are taken.");
        bh_diagnose_cure(diagnosis, "[http] listen = 127.0.0.1:9177");
        return;
    }
    if (facts->asked)
        judge_answer(diagnosis, facts);
    if (facts->loopback)
        return;
    if (facts->token) {
        bh_diagnose(diagnosis, BH_GRADE_OK, "http",
                    "Other machines can reach it, and have to show admin_token.");
        return;
    }
    bh_diagnose(diagnosis, BH_GRADE_BAD, "http",
                "Other machines can reach it, and admin_token is not set.");
    bh_diagnose_cure(diagnosis, "[http] admin_token = SECRET (openssl rand -hex 32 makes one)");
    bh_diagnose_cure(diagnosis, "[http] listen = 127.0.0.1:%u", facts->port);
}
