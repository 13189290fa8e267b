/*
 * redis_process - a Redis server of a test's own, in a private directory, gone when the test is gone.
 *
 * It listens on a unix socket, on request on a TCP port of 127.0.0.1 too, and keeps nothing on disk unless
 * the arguments say so.  The binary is taken from BELLHOP_TEST_REDIS_SERVER (default "redis-server"), so
 * that the same tests run against valkey-server.  Whatever goes wrong here ends the test program with a
 * sentence and the server's log on standard error: a test must not pass for want of its server.
 */
#ifndef BH_TESTS_REDIS_PROCESS_H
#define BH_TESTS_REDIS_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct bh_redis_process {
    pid_t pid;     /* 0: not running */
    uint16_t port; /* 0: no TCP */
    char dir[64];  /* private, removed by release */
    char socket_path[96];
    char url[128];       /* unix://... of database 0, without login */
    bool started_before; /* the port is known to others and must stay */
};

/* Make the directory; nothing runs yet. */
void bh_redis_process_init(struct bh_redis_process *process);

/* From the next start on, listen on a free TCP port too; `port` names it from the start on. */
void bh_redis_process_want_tcp(struct bh_redis_process *process);

/*
 * Run the server and wait until it answers.  `args` is a NULL-terminated list of further arguments, or
 * NULL.  May be called again after stop or kill, for a restart in the same directory.
 */
void bh_redis_process_start(struct bh_redis_process *process, const char *const *args);

/* As start, but return as soon as it takes connections: it may still be loading. */
void bh_redis_process_start_loading(struct bh_redis_process *process, const char *const *args);

/* SIGTERM or SIGKILL, and wait for the end. */
void bh_redis_process_stop(struct bh_redis_process *process);
void bh_redis_process_kill(struct bh_redis_process *process);

/* SIGSTOP and SIGCONT: a server that is there and says nothing. */
void bh_redis_process_pause(struct bh_redis_process *process);
void bh_redis_process_resume(struct bh_redis_process *process);

/* DIR/NAME into `ret_path` of `size` bytes. */
void bh_redis_process_path(const struct bh_redis_process *process, const char *name, char *ret_path,
                           size_t size);

/* Kill it if it runs, and remove the directory with all that is in it. */
void bh_redis_process_release(struct bh_redis_process *process);

/*
 * Write ca.pem, server.pem, server.key, client.pem and client.key into the directory: an authority and two
 * certificates of it; the server's is for "localhost" and 127.0.0.1.  Needs the openssl program.
 */
void bh_redis_process_make_certificates(const struct bh_redis_process *process);

#endif
