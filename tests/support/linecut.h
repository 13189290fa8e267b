/*
 * linecut - a line between a client and a server that can be cut, slowed, silenced and falsified.
 *
 * A small proxy in a thread of the test program, for TCP and unix sockets, used for Redis and for the
 * gateway.  Without an upstream it is a server that listens to everything and says only what it is told
 * to say.  Each function returns when the thread has done it, so the next step of a test can rely on it.
 * Whatever goes wrong here ends the test program with a sentence.
 */
#ifndef BH_TESTS_LINECUT_H
#define BH_TESTS_LINECUT_H

#include <stddef.h>
#include <stdint.h>

struct bh_linecut;

struct bh_linecut_options {
    const char *listen_path;    /* NULL: TCP */
    uint16_t listen_port;       /* 0: a free one */
    const char *listen_address; /* of that port; NULL: 127.0.0.1 */
    const char *upstream_path;  /* NULL: upstream_port */
    uint16_t upstream_port;     /* on 127.0.0.1; 0: no upstream */
};

enum bh_linecut_mode {
    BH_LINECUT_PASS,    /* `value` unused */
    BH_LINECUT_STALL,   /* nothing passes, nothing is read */
    BH_LINECUT_TRICKLE, /* `value` bytes per millisecond and direction */
    BH_LINECUT_DELAY,   /* each piece waits `value` milliseconds */
    BH_LINECUT_MUTE,    /* requests pass, answers are thrown away */
    BH_LINECUT_CORRUPT, /* all bits of the answers' byte at offset `value`, counted from now, are turned */
    BH_LINECUT_SEVER, /* after `value` more bytes of answers, the connection they came on ends (FIN), once */
};

enum bh_linecut_how {
    BH_LINECUT_FIN, /* in order */
    BH_LINECUT_RST, /* as a crashed machine does it; on a unix socket the same as FIN */
};

struct bh_linecut_counters {
    unsigned accepted; /* connections so far */
    unsigned open;     /* connections now */
    uint64_t from_clients;
    uint64_t to_clients;
};

struct bh_linecut *bh_linecut_start(const struct bh_linecut_options *options);

/* 0 for a unix socket. */
uint16_t bh_linecut_port(const struct bh_linecut *linecut);

/* For connections now and to come. */
void bh_linecut_set(struct bh_linecut *linecut, enum bh_linecut_mode mode, unsigned value);

/* Cut all connections that are there now. */
void bh_linecut_cut(struct bh_linecut *linecut, enum bh_linecut_how how);

/* Say `len` bytes to every client that is connected now, as if its server had.  At most 64 KiB. */
void bh_linecut_say(struct bh_linecut *linecut, const char *bytes, size_t len);

/* From the next connection on, another upstream; the path is borrowed.  Cut what is to leave the old one. */
void bh_linecut_redirect(struct bh_linecut *linecut, const char *upstream_path,
                         uint16_t upstream_port);

/* Close every new connection at once, or not any more. */
void bh_linecut_refuse(struct bh_linecut *linecut, int refused);

struct bh_linecut_counters bh_linecut_counters(struct bh_linecut *linecut);

/* Cuts everything and frees. */
void bh_linecut_stop(struct bh_linecut *linecut);

#endif
