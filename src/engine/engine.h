/*
 * engine - the brain of one worker: told what happened, it says what to do next.
 *
 * Deterministic: the same events at the same times with the same seed give the same commands.  It reads no
 * clock, does no I/O and never calls out, but for notes to the log.  The shell's turn is
 *
 *     feed every event that has happened, take commands until there are none, sleep until wake_at.
 *
 * A job is in one slot from its claim until it is settled.  Rules that hold at every moment:
 *
 *   1. Nothing is sent from a slot whose lease may have ended, measured on our own clock from before the claim.
 *   2. A request is sent only after the job was admitted in this claim, that is, marked as being sent.
 *   3. Each claimed job is settled once, or dropped untouched for its lease to run out.
 *   4. Slots in flight never exceed the breaker's window, our share of the connections, or the slots.
 *   5. While results wait to be settled after Redis was away, nothing new is claimed.
 */
#ifndef BH_ENGINE_ENGINE_H
#define BH_ENGINE_ENGINE_H

#include "core/base.h"
#include "core/config.h"
#include "core/instant.h"
#include "engine/note.h"
#include "engine/protocol.h"
#include "engine/quiet.h"

struct bh_engine;

/* This turn's time on both clocks, read once. */
struct bh_turn {
    struct bh_mono mono;
    struct bh_wall wall; /* this machine's; only for signing requests */
};

struct bh_engine_options {
    const struct bh_config *config; /* a reference is taken */
    uint8_t seed[32];
    const char *sent_with; /* names us to the gateway; borrowed for the engine's life */
    bh_note_fn on_note;    /* may be NULL */
    void *note_arg;
    bool takes_suspects; /* one worker of each process: tries jobs that may end it */
};

/* What the engine counts; ever-growing unless said otherwise.  Read by the same thread. */
struct bh_engine_stats {
    uint64_t claimed;
    uint64_t claims_answered;
    uint64_t by_state[BH_STATE_COUNT]; /* verdicts settled, by state */
    uint64_t attempts;
    uint64_t duplicate_ids;
    uint64_t recovered;
    uint64_t tried_apart;
    uint64_t buried; /* given up unopened: their workers ended too often */
    uint64_t uncertain;
    uint64_t look_ups; /* questions to the gateway's journal */
    uint64_t found;    /* recipients that it had */
    uint64_t doubled;  /* messages that were accepted twice, as it says */
    uint64_t leases_lost;
    uint64_t dropped;             /* given up locally; the lease brings the job back */
    uint64_t late;                /* settled after the lease had ended */
    uint64_t stale;               /* settlements refused because somebody else owns the job */
    uint64_t parts_disagree;      /* our count of parts differs from the gateway's */
    uint64_t stale_handles;       /* events for a slot that is somebody else's by now */
    int64_t balance_micro;        /* the last one heard, INT64_MIN none */
    unsigned slots_used;          /* now */
    unsigned in_flight;           /* requests on their way, now */
    bool breaker_open;            /* now */
    struct bh_mono breaker_until; /* nothing is sent before; the next try, if the breaker is open */
    struct bh_mono gateway_good_at, gateway_bad_at; /* its last answer of each kind; 0: none yet */
    struct bh_mono gateway_ill_since;          /* no good answer since, but others; 0: not so */
    struct bh_gateway_illness gateway_illness; /* why, if it is so */
};

/* Account states change rarely; this is how the shell shows what the engine is doing. */
enum bh_engine_phase {
    BH_PHASE_DOWN, /* Redis is away */
    BH_PHASE_RUNNING,
    BH_PHASE_DRAINING,
    BH_PHASE_DRAINED, /* nothing in hand: may be released */
};

enum bh_status bh_engine_new(const struct bh_engine_options *options,
                             struct bh_engine **ret_engine) BH_MUST_CHECK;
void bh_engine_free(struct bh_engine *engine);

/* Tell it that something happened. */
void bh_engine_feed(struct bh_engine *engine, const struct bh_event *event, struct bh_turn turn);

/* Take the next command.  False: nothing more this turn. */
bool bh_engine_next(struct bh_engine *engine, struct bh_turn turn, struct bh_command *ret_command);

/* The earliest time at which a turn without events could do something; BH_MONO_NEVER if none. */
struct bh_mono bh_engine_wake_at(const struct bh_engine *engine, struct bh_mono now);

/*
 * A new configuration.  Slots that are taken keep the one they began with.  The number of slots does not
 * change ([pool] keys need a restart).
 */
void bh_engine_configure(struct bh_engine *engine, const struct bh_config *config);

/* How many slots there are; handles are numbered below it. */
uint32_t bh_engine_slots(const struct bh_engine *engine);

/*
 * Since when nothing but an answer keeps it from taking jobs; BH_MONO_NEVER: it has one, or may claim nothing now
 * (slots, gateway, account, Redis, drain).  A healthy worker is answered every few seconds.  To be asked once
 * per turn, after its commands.
 */
struct bh_mono bh_engine_silent_since(struct bh_engine *engine, struct bh_turn turn);

/*
 * Before a turn's commands: what is known of the other workers of the process, at that turn's time.  Until it is told
 * anything, an engine takes itself for the only one.
 */
void bh_engine_set_company(struct bh_engine *engine, const struct bh_company *company);

/* Behind a turn's commands: what the others have to know of this one. */
struct bh_bearing bh_engine_bearing(const struct bh_engine *engine);

/* How many connections to the gateway are open; tells whether the next request needs a new one. */
void bh_engine_set_connections(struct bh_engine *engine, unsigned open);

enum bh_engine_phase bh_engine_phase(const struct bh_engine *engine);
const struct bh_engine_stats *bh_engine_stats(const struct bh_engine *engine);

/* Walk all invariants and abort when one is broken; for tests. */
void bh_engine_check(const struct bh_engine *engine);

#endif
