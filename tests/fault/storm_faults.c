/*
 * What each fault does when it begins and when it ends.
 */
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fault/storm_own.h"

#define END_MS  40000
#define HOUR_MS 3600000LL

static void
describe(struct storm_strike *strike, const char *text)
{
    snprintf(strike->detail, sizeof(strike->detail), "%s", text);
}

static struct bh_process *
process_of(struct storm_world *world, const struct storm_strike *strike)
{
    return &world->rig.daemons[strike->daemon].process;
}

static void
start_again(struct storm_world *world, unsigned daemon, const char *crash_point)
{
    const char *environment[] = {storm_seat_environment(world, daemon), crash_point, NULL};
    bh_rig_restart_daemon_with(&world->rig, &world->rig.daemons[daemon], environment);
}

/* ---- processes ---- */

static void
kill_worker(struct storm_world *world, struct storm_strike *strike)
{
    world->seats[strike->daemon].may_be_down = true;
    bh_process_kill(process_of(world, strike));
    world->toll->kills++;
}

static void
start_worker(struct storm_world *world, struct storm_strike *strike)
{
    start_again(world, strike->daemon, NULL);
    world->seats[strike->daemon].may_be_down = false;
}

static void
stop_worker(struct storm_world *world, struct storm_strike *strike)
{
    bh_process_signal(process_of(world, strike), SIGSTOP);
}

static void
continue_worker(struct storm_world *world, struct storm_strike *strike)
{
    bh_process_signal(process_of(world, strike), SIGCONT);
}

static void
drain_worker(struct storm_world *world, struct storm_strike *strike)
{
    world->seats[strike->daemon].may_be_down = true;
    bh_process_signal(process_of(world, strike), SIGTERM);
}

static void
end_drain(struct storm_world *world, struct storm_strike *strike)
{
    struct bh_process *process = process_of(world, strike);
    if (!bh_process_wait(process, END_MS) || process->end != 0)
        bh_rig_fail(&world->rig, "daemon %u ended its drain with %d", strike->daemon, process->end);
    start_worker(world, strike);
}

static const char *const crash_points[] = {"after_claim",  "after_admit",   "before_send",
                                           "after_answer", "before_finish", "after_finish"};

static void
set_crash_point(struct storm_world *world, struct storm_strike *strike)
{
    const char *point =
        crash_points[strike->turn % (sizeof(crash_points) / sizeof(crash_points[0]))];
    world->seats[strike->daemon].may_be_down = true;
    bh_process_kill(process_of(world, strike));
    snprintf(strike->detail, sizeof(strike->detail), "BELLHOP_CRASH_POINT=%s:%u", point,
             1 + strike->dice % 3);
    start_again(world, strike->daemon, strike->detail);
}

/* Where it is not passed often enough in its time, the kill comes from outside. */
static void
end_crash_point(struct storm_world *world, struct storm_strike *strike)
{
    struct bh_process *process = process_of(world, strike);
    if (bh_process_is_running(process)) {
        describe(strike, "not passed");
        bh_process_kill(process);
    } else if (process->end != -SIGKILL) {
        bh_rig_fail(&world->rig, "daemon %u ended with %d", strike->daemon, process->end);
    }
    world->toll->kills++;
    start_worker(world, strike);
}

static void
reload(struct storm_world *world, struct storm_strike *strike)
{
    bh_process_signal(process_of(world, strike), SIGHUP);
}

static void
step_clock(struct storm_world *world, struct storm_strike *strike)
{
    static const long long steps[] = {3 * HOUR_MS, -3 * HOUR_MS, 30 * 24 * HOUR_MS, -HOUR_MS / 60};
    long long step = steps[strike->turn % (sizeof(steps) / sizeof(steps[0]))];
    atomic_store(world->seats[strike->daemon].shift_ms, step);
    snprintf(strike->detail, sizeof(strike->detail), "by %lld min", step / 60000);
}

static void
set_clock_right(struct storm_world *world, struct storm_strike *strike)
{
    atomic_store(world->seats[strike->daemon].shift_ms, 0);
}

/* ---- Redis ---- */

static void
order(struct storm_world *world, const char *command)
{
    freeReplyObject(bh_rig_command(&world->rig, command));
}

static void
note_gap(struct storm_world *world, long long from_ms, long long to_ms)
{
    struct storm_gap *more = realloc(world->gaps, (world->gaps_count + 1) * sizeof(*world->gaps));
    if (more == NULL)
        abort();
    world->gaps = more;
    world->gaps[world->gaps_count++] = (struct storm_gap){from_ms, to_ms};
}

/*
 * The host went down: what it had not brought to its disk in the last second is not there any more.  Redis may have put
 * off writing to its file for up to two seconds more while the disk was busy with the second before.
 */
#define PUT_OFF_MS 2000

static void
forget_last_second(struct storm_world *world, struct storm_strike *strike)
{
    char path[192];
    long long now = bh_now_ms(), at = 0, bytes = -1;
    for (size_t i = 0; i < world->sizes_count; i++)
        if (world->sizes[i].at <= now - 1000) {
            bytes = world->sizes[i].bytes;
            at = world->sizes[i].at;
        }
    if (bytes <= 0 || !storm_append_file(world, path, sizeof(path)))
        return;
    if (truncate(path, bytes) != 0)
        bh_rig_fail(&world->rig, "%s cannot be cut", path);
    note_gap(world, bh_unix_ms() - (now - at) - PUT_OFF_MS, bh_unix_ms());
    describe(strike, "its last second is forgotten");
}

static void
kill_redis(struct storm_world *world, struct storm_strike *strike)
{
    world->redis_away = true;
    bh_redis_process_kill(&world->rig.redis);
    world->toll->kills++;
    if (world->storm->forgets)
        forget_last_second(world, strike);
    world->sizes_count = 0;
}

static void
start_redis(struct storm_world *world, struct storm_strike *strike)
{
    (void)strike;
    bh_rig_start_redis(&world->rig);
    world->redis_away = false;
    if (world->storm->forgets)
        storm_jobs_forget(world);
}

static long long
append_file_bytes(struct storm_world *world)
{
    char path[192];
    FILE *file = storm_append_file(world, path, sizeof(path)) ? fopen(path, "r") : NULL;
    if (file == NULL)
        return 0;
    fseek(file, 0, SEEK_END);
    long long bytes = ftell(file);
    fclose(file);
    return bytes;
}

/*
 * For about as long as the fault lasts: a pause of a microsecond, which takes some tens of them, behind every so many
 * commands of the file.
 */
static void
start_loading(struct storm_world *world, struct storm_strike *strike)
{
    char delay[24];
    long long commands = append_file_bytes(world) / 100 + 1;
    long long pauses = strike->length_ms * 1000 / 80 + 1;
    snprintf(delay, sizeof(delay), "%lld", -(commands / pauses + 1));
    const char *args[32];
    size_t count = 0;
    for (; world->rig.options.redis_args[count] != NULL && count < 24; count++)
        args[count] = world->rig.options.redis_args[count];
    const char *const more[] = {"--key-load-delay", delay,
                                "--loading-process-events-interval-bytes", "1024", NULL};
    memcpy(args + count, more, sizeof(more));
    bh_redis_process_start(&world->rig.redis, args);
    bh_rig_connect(&world->rig);
    world->redis_away = false;
}

static void
freeze_redis(struct storm_world *world, struct storm_strike *strike)
{
    (void)strike;
    world->redis_away = true;
    bh_redis_process_pause(&world->rig.redis);
}

static void
thaw_redis(struct storm_world *world, struct storm_strike *strike)
{
    (void)strike;
    bh_redis_process_resume(&world->rig.redis);
    bh_rig_connect(&world->rig);
    world->redis_away = false;
}

/* Without waiting for the answer, on a connection of its own. */
static void
order_aside(struct storm_world *world, const char *command)
{
    redisContext *aside = redisConnectUnix(world->rig.redis.socket_path);
    int written = 0;
    if (aside == NULL || aside->err != 0 || redisAppendCommand(aside, command) != REDIS_OK)
        bh_rig_fail(&world->rig, "%s", command);
    while (!written)
        if (redisBufferWrite(aside, &written) != REDIS_OK)
            bh_rig_fail(&world->rig, "%s: %s", command, aside->errstr);
    /* The server has to have read it before the connection goes. */
    bh_sleep_ms(20);
    redisFree(aside);
}

static void
slow_redis(struct storm_world *world, struct storm_strike *strike)
{
    char command[48];
    world->redis_away = true;
    snprintf(command, sizeof(command), "DEBUG SLEEP %.2f", (double)strike->length_ms / 1000);
    order_aside(world, command);
}

static void
pause_clients(struct storm_world *world, struct storm_strike *strike)
{
    char command[48];
    world->redis_away = true;
    describe(strike, strike->turn % 2 == 0 ? "all" : "writes");
    snprintf(command, sizeof(command), "CLIENT PAUSE %lld %s", strike->length_ms,
             strike->turn % 2 == 0 ? "ALL" : "WRITE");
    order_aside(world, command);
}

static void
redis_is_back(struct storm_world *world, struct storm_strike *strike)
{
    (void)strike;
    world->redis_away = false;
}

static void
flush_scripts(struct storm_world *world, struct storm_strike *strike)
{
    (void)strike;
    order(world, "SCRIPT FLUSH");
}

static void
kill_clients(struct storm_world *world, struct storm_strike *strike)
{
    (void)strike;
    order(world, "CLIENT KILL TYPE normal SKIPME yes");
}

static void
fill_memory(struct storm_world *world, struct storm_strike *strike)
{
    (void)strike;
    order(world, "CONFIG SET maxmemory 1");
}

static void
free_memory(struct storm_world *world, struct storm_strike *strike)
{
    (void)strike;
    order(world, "CONFIG SET maxmemory 0");
}

/* Its master is nobody, so that nothing of what it has is replaced. */
static void
take_no_writes(struct storm_world *world, struct storm_strike *strike)
{
    (void)strike;
    order(world, "REPLICAOF 127.0.0.1 1");
}

static void
take_writes(struct storm_world *world, struct storm_strike *strike)
{
    (void)strike;
    order(world, "REPLICAOF NO ONE");
}

static void
withdraw_rights(struct storm_world *world, struct storm_strike *strike)
{
    static const char *const commands[] = {"evalsha", "blmove", "xread", "script"};
    const char *command = commands[strike->turn % (sizeof(commands) / sizeof(commands[0]))];
    describe(strike, command);
    freeReplyObject(bh_rig_command(&world->rig, "ACL SETUSER storm -%s", command));
}

static void
give_rights_back(struct storm_world *world, struct storm_strike *strike)
{
    (void)strike;
    order(world, "ACL SETUSER storm +@all");
}

/* ---- lines ---- */

static struct bh_linecut *
line_of(struct storm_world *world, const struct storm_strike *strike)
{
    return strike->domain == STORM_WIRE ? world->wire : world->seats[strike->daemon].line;
}

static void
cut_line(struct storm_world *world, struct storm_strike *strike)
{
    bool reset = strike->turn % 2 == 1;
    describe(strike, reset ? "RST" : "FIN");
    bh_linecut_cut(line_of(world, strike), reset ? BH_LINECUT_RST : BH_LINECUT_FIN);
}

static void
stall_line(struct storm_world *world, struct storm_strike *strike)
{
    bh_linecut_set(line_of(world, strike), BH_LINECUT_STALL, 0);
}

static void
mute_line(struct storm_world *world, struct storm_strike *strike)
{
    bh_linecut_set(line_of(world, strike), BH_LINECUT_MUTE, 0);
}

static void
sever_line(struct storm_world *world, struct storm_strike *strike)
{
    snprintf(strike->detail, sizeof(strike->detail), "after %u bytes", strike->dice % 2000);
    bh_linecut_set(line_of(world, strike), BH_LINECUT_SEVER, strike->dice % 2000);
}

static void
slow_line(struct storm_world *world, struct storm_strike *strike)
{
    bool trickles = strike->turn % 2 == 1;
    describe(strike, trickles ? "trickles" : "late");
    bh_linecut_set(line_of(world, strike), trickles ? BH_LINECUT_TRICKLE : BH_LINECUT_DELAY,
                   trickles ? 40 : 100);
}

static void
mend_line(struct storm_world *world, struct storm_strike *strike)
{
    bh_linecut_set(line_of(world, strike), BH_LINECUT_PASS, 0);
}

static void
refuse_line(struct storm_world *world, struct storm_strike *strike)
{
    bh_linecut_refuse(line_of(world, strike), 1);
    bh_linecut_cut(line_of(world, strike), BH_LINECUT_RST);
}

static void
accept_line(struct storm_world *world, struct storm_strike *strike)
{
    bh_linecut_refuse(line_of(world, strike), 0);
}

/* ---- moods ---- */

static const char *const moods[STORM_FAULTS] = {
    [STORM_MOOD_DROP_BEFORE] =
        "\"kind\":\"drop\",\"at\":\"before\",\"end\":\"rst\",\"probability\":0.5",
    [STORM_MOOD_DROP_AFTER] = "\"kind\":\"drop\",\"at\":\"after\",\"probability\":0.3",
    [STORM_MOOD_HANG_BODY] = "\"kind\":\"hang\",\"at\":\"body\",\"bytes\":20,\"probability\":0.3",
    [STORM_MOOD_HANG_HEAD] = "\"kind\":\"hang\",\"at\":\"head\",\"probability\":0.3",
    [STORM_MOOD_HANG_AFTER] = "\"kind\":\"hang\",\"at\":\"after\",\"probability\":0.3",
    [STORM_MOOD_CUT_HEAD] = "\"kind\":\"cut_head\",\"probability\":0.3",
    [STORM_MOOD_CUT_BODY] = "\"kind\":\"cut_body\",\"probability\":0.3",
    [STORM_MOOD_GARBAGE] = "\"kind\":\"garbage\",\"probability\":0.3",
    [STORM_MOOD_ENDLESS] = "\"kind\":\"endless\",\"probability\":0.3",
    [STORM_MOOD_TWICE] = "\"kind\":\"duplicate\"",
    [STORM_MOOD_LATE] = "\"kind\":\"delay\",\"ms\":3500,\"probability\":0.3",
    [STORM_MOOD_EMPTY] = "\"kind\":\"empty\",\"probability\":0.3",
    [STORM_MOOD_429] = "\"kind\":\"429\",\"retry_after\":1",
    [STORM_MOOD_503] = "\"kind\":\"503\",\"retry_after\":2",
    [STORM_MOOD_500] = "\"kind\":\"status\",\"status\":500,\"probability\":0.5",
    [STORM_MOOD_CARRIER] = "\"kind\":\"code\",\"code\":600,\"probability\":0.5",
    [STORM_MOOD_CLOSES_IDLE] = "\"kind\":\"close_idle\",\"ms\":5",
    [STORM_MOOD_REDIRECT] = "\"kind\":\"redirect\",\"probability\":0.5",
};

static void
get_moody(struct storm_world *world, struct storm_strike *strike)
{
    char json[192];
    /* The balance is asked for by the same wire: only messages meet the mood. */
    snprintf(json, sizeof(json),
             "{%s,\"count\":-1,\"match\":{\"method\":\"POST\",\"path\":\"/api/sms\"}}",
             moods[strike->fault]);
    bh_rig_tell(&world->rig, "fault", json);
}

static void
cheer_up(struct storm_world *world, struct storm_strike *strike)
{
    (void)strike;
    bh_rig_tell(&world->rig, "unfault", "{}");
}

static void
take_credit(struct storm_world *world, struct storm_strike *strike)
{
    (void)strike;
    bh_rig_tell(&world->rig, "config", "{\"account\":{\"balance\":\"0\"}}");
}

static void
give_credit(struct storm_world *world, struct storm_strike *strike)
{
    (void)strike;
    bh_rig_tell(&world->rig, "config", "{\"account\":{\"balance\":\"100000\"}}");
}

#define LOST_FROM_MS (STORM_LEASE_MS + 500)
#define LOST_TO_MS   (STORM_LEASE_MS * 8 / 5)

const struct storm_row storm_rows[STORM_FAULTS] = {
    [STORM_WORKER_KILL] = {"worker_kill",    STORM_PROCESS_ONE, kill_worker,     start_worker,     0,    100       },
    [STORM_WORKER_LOST] = {"worker_lost",    STORM_PROCESS_ONE, kill_worker,     start_worker,
                           LOST_FROM_MS,                                                                 LOST_TO_MS},
    [STORM_WORKER_STOP] = {"worker_stop",    STORM_PROCESS_ONE, stop_worker,     continue_worker,
                           LOST_FROM_MS,                                                                 LOST_TO_MS},
    [STORM_WORKER_STARVE] = {"worker_starve",  STORM_PROCESS_ONE, stop_worker,     continue_worker,  200,
                           STORM_LEASE_MS - 1500                                                                   },
    [STORM_CRASH_POINT] = {"crash_point",    STORM_PROCESS_ONE, set_crash_point, end_crash_point,  1000,
                           3000                                                                                    },
    [STORM_WORKER_DRAIN] = {"worker_drain",   STORM_PROCESS_ONE, drain_worker,    end_drain,        0,    1000      },
    [STORM_RELOAD] = {"reload",         STORM_PROCESS_ONE, reload,          NULL,             0,    0         },
    [STORM_CLOCK_STEP] = {"clock_step",     STORM_PROCESS_ONE, step_clock,      set_clock_right,  500,  3000      },
    [STORM_REDIS_KILL] = {"redis_kill",     STORM_REDIS,       kill_redis,      start_redis,      0,    1500      },
    [STORM_REDIS_LOADING] = {"redis_loading",  STORM_REDIS,       kill_redis,      start_loading,    500,  1500      },
    [STORM_REDIS_FROZEN] = {"redis_frozen",   STORM_REDIS,       freeze_redis,    thaw_redis,       1500, 3500      },
    [STORM_REDIS_SLOW] = {"redis_slow",     STORM_REDIS,       slow_redis,      redis_is_back,    200,  1500      },
    [STORM_SCRIPT_FLUSH] = {"script_flush",   STORM_REDIS,       flush_scripts,   NULL,             0,    0         },
    [STORM_CLIENT_KILL] = {"client_kill",    STORM_REDIS,       kill_clients,    NULL,             0,    0         },
    [STORM_CLIENT_PAUSE] = {"client_pause",   STORM_REDIS,       pause_clients,   redis_is_back,    500,  2500      },
    [STORM_MEMORY_FULL] = {"memory_full",    STORM_REDIS,       fill_memory,     free_memory,      500,  2000      },
    [STORM_READ_ONLY] = {"read_only",      STORM_REDIS,       take_no_writes,  take_writes,      500,  2000      },
    [STORM_RIGHTS_GONE] = {"rights_gone",    STORM_REDIS,       withdraw_rights, give_rights_back, 500,
                           2000                                                                                    },
    [STORM_LINE_CUT] = {"line_cut",       STORM_LINE,        cut_line,        NULL,             0,    0         },
    [STORM_LINE_STALL] = {"line_stall",     STORM_LINE,        stall_line,      mend_line,        1000, 3500      },
    [STORM_LINE_MUTE] = {"line_mute",      STORM_LINE,        mute_line,       mend_line,        300,  3500      },
    [STORM_LINE_SEVER] = {"line_sever",     STORM_LINE,        sever_line,      mend_line,        500,  1000      },
    [STORM_LINE_SLOW] = {"line_slow",      STORM_LINE,        slow_line,       mend_line,        500,  2000      },
    [STORM_LINE_REFUSED] = {"line_refused",   STORM_LINE,        refuse_line,     accept_line,      300,  2000      },
    [STORM_WIRE_CUT] = {"wire_cut",       STORM_WIRE,        cut_line,        NULL,             0,    0         },
    [STORM_WIRE_STALL] = {"wire_stall",     STORM_WIRE,        stall_line,      mend_line,        500,  2000      },
    [STORM_WIRE_MUTE] = {"wire_mute",      STORM_WIRE,        mute_line,       mend_line,        300,  1000      },
    [STORM_WIRE_SEVER] = {"wire_sever",     STORM_WIRE,        sever_line,      mend_line,        500,  1000      },
    [STORM_WIRE_SLOW] = {"wire_slow",      STORM_WIRE,        slow_line,       mend_line,        500,  2000      },
    [STORM_WIRE_REFUSED] = {"wire_refused",   STORM_WIRE,        refuse_line,     accept_line,      300,  2000      },
#define MOOD(name)                                                                                 \
    {                                                                                              \
        "mood_" name, STORM_GATEWAY, get_moody, cheer_up, 300, 1200                                \
    }
    [STORM_MOOD_DROP_BEFORE] = MOOD("drop_before"),
    [STORM_MOOD_DROP_AFTER] = MOOD("drop_after"),
    [STORM_MOOD_HANG_BODY] = MOOD("hang_body"),
    [STORM_MOOD_HANG_HEAD] = MOOD("hang_head"),
    [STORM_MOOD_HANG_AFTER] = MOOD("hang_after"),
    [STORM_MOOD_CUT_HEAD] = MOOD("cut_head"),
    [STORM_MOOD_CUT_BODY] = MOOD("cut_body"),
    [STORM_MOOD_GARBAGE] = MOOD("garbage"),
    [STORM_MOOD_ENDLESS] = MOOD("endless"),
    [STORM_MOOD_TWICE] = MOOD("twice"),
    [STORM_MOOD_LATE] = MOOD("late"),
    [STORM_MOOD_EMPTY] = MOOD("empty"),
    [STORM_MOOD_429] = MOOD("429"),
    [STORM_MOOD_503] = MOOD("503"),
    [STORM_MOOD_500] = MOOD("500"),
    [STORM_MOOD_CARRIER] = MOOD("carrier"),
    [STORM_MOOD_CLOSES_IDLE] = MOOD("closes_idle"),
    [STORM_MOOD_REDIRECT] = MOOD("redirect"),
#undef MOOD
    [STORM_MOOD_NO_CREDIT] = {"mood_no_credit", STORM_GATEWAY,     take_credit,     give_credit,      500,  1500      },
};
