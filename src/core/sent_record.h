/*
 * sent_record - one record of the local journal of what was sent: bytes of a fixed size, and back.
 *
 * A record stands for itself, so that a file of records can be read after any crash: what was not written
 * whole is recognised by its checksum and skipped.  Numbers are little-endian; unused bytes are zero, and a
 * record has exactly one spelling.  To change the layout: raise the version and let parse read both.
 *
 *   0 magic 4, version 1, kind 1, result 1, marks 1     8 sequence    16 queue 16      32 payload 16
 *  48 handle    56 token    64 at    72 uncertain_since    80 other_handle    88 other_token
 *  96 attempts 4    100 length of id 1, of message_ids 1, zero 2    104 id 64    168 message_ids 84
 * 252 CRC-32C (RFC 3720, appendix B.4) of all before it, 4
 *
 * Handles and tokens are at most 2^53.
 *
 * A checksum and no cryptographic digest: it is there for torn writes and rotten bytes.  Whoever can write to
 * the file can forge either.
 */
#ifndef BH_CORE_SENT_RECORD_H
#define BH_CORE_SENT_RECORD_H

#include <bellhop/job.h>

#include "core/base.h"
#include "core/digest.h"
#include "core/instant.h"

#define BH_SENT_RECORD_BYTES    256
#define BH_SENT_MESSAGE_IDS_MAX 84
#define BH_SENT_NAME_BYTES      16

/* A digest of digest.h as bytes. */
struct bh_sent_name {
    unsigned char bytes[BH_SENT_NAME_BYTES];
};

enum bh_sent_kind {
    BH_SENT_BEGUN = 1, /* a request was handed to the transport */
    BH_SENT_ENDED,     /* its result */
    BH_SENT_TAKEN, /* what was known of a job of `other_handle` belongs to this one from now on */
    BH_SENT_DOUBT, /* Redis has forgotten all claims of the queue from `token` + 1 to `other_token` */
};

enum bh_sent_result {
    BH_SENT_OPEN,      /* no answer yet: may become a message */
    BH_SENT_ACCEPTED,  /* by the gateway, for every recipient */
    BH_SENT_PARTLY,    /* for some recipients */
    BH_SENT_REFUSED,   /* for certain not accepted */
    BH_SENT_UNCERTAIN, /* the answer was lost */
};

struct bh_sent_record {
    enum bh_sent_kind kind;
    enum bh_sent_result result; /* OPEN unless ENDED or TAKEN */
    bool message_ids_cut;       /* there were more than fit */
    uint64_t sequence;          /* of the record, ever growing; 1 to INT64_MAX */
    struct bh_sent_name queue;
    struct bh_sent_name payload; /* all zero for DOUBT */
    uint64_t handle;   /* DOUBT: jobs that Redis has forgotten get handles from here + 1 ... */
    uint64_t token;    /* of the claim; DOUBT: the last one that Redis remembers */
    struct bh_wall at; /* Redis' time; for requests, when it began */
    struct bh_wall
        uncertain_since;        /* a request of the job is without an answer since; 0: none is */
    uint64_t other_handle;      /* TAKEN: the old one; DOUBT: ... to here; else 0 */
    uint64_t other_token;       /* TAKEN: the old one; DOUBT: the last one that was known; else 0 */
    uint32_t attempts;          /* of the job, this request included */
    char id[BH_JOB_ID_MAX + 1]; /* of the job; may be empty */
    char message_ids[BH_SENT_MESSAGE_IDS_MAX + 1]; /* digits, with commas in between */
};

/* The bytes of a digest's hex text; false when it is empty or no digest. */
bool bh_sent_name_from(const struct bh_digest *digest, struct bh_sent_name *ret_name);
bool bh_sent_name_equal(const struct bh_sent_name *a, const struct bh_sent_name *b);

/*
 * Keep as many whole message ids of a comma-separated list as fit, and mark a cut.  Anything but digits and
 * commas ends the list.
 */
void bh_sent_record_set_message_ids(struct bh_sent_record *record, struct bh_str list);

/* `bytes` has room for BH_SENT_RECORD_BYTES. */
void bh_sent_record_format(const struct bh_sent_record *record, unsigned char *bytes);

/* Put the checksum of what lies before it at the end of BH_SENT_RECORD_BYTES. */
void bh_sent_record_sign(unsigned char *bytes);

enum bh_sent_reading {
    BH_SENT_READ,
    BH_SENT_EMPTY,   /* nothing but zeros: never written */
    BH_SENT_DAMAGED, /* torn, rotten, or not ours */
};

/* Reads BH_SENT_RECORD_BYTES; *ret_record is written only when BH_SENT_READ. */
enum bh_sent_reading bh_sent_record_parse(const unsigned char *bytes,
                                          struct bh_sent_record *ret_record) BH_MUST_CHECK;

#endif
