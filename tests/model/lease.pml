/*
 * lease - the protocol between the workers, Redis and the gateway, for exhaustive checking with spin.
 *
 * What it says, what it leaves out and which macro breaks what: README.md beside this file.  The scripts of
 * src/redis/lua are the inlines whose names begin with script_; the worker is src/engine.
 *
 * Time is counted in ticks that any process may be overtaken by, so a worker that is frozen, a slow
 * call and a slow answer are all the same thing here: ticks that pass between two steps.
 */
#ifndef JOBS
#define JOBS 1
#endif
#ifndef LEASE
#define LEASE 2 /* ticks */
#endif
#define WORKERS 2
#define NOBODY  2
#define NO_JOB  JOBS

/* ---- Redis ---- */

typedef job_t {
    bit raw;      /* the producers' list */
    byte ready;   /* how often its handle stands in the line */
    bit due;      /* the sorted set of what waits */
    bit leased;   /* the sorted set of leases */
    bit dead;     /* the dead set */
    bit head;     /* there is a record */
    byte owner;   /* of the record, as all below */
    bit started;
    bit uncertain;
    byte left;    /* ticks until the lease ends at Redis */
    /* What Redis does not know. */
    bit maybe;     /* a request may have been accepted, and no record says what became of it */
    byte accepted; /* by the gateway */
    byte finals;   /* how often it reached a final state */
    byte orphans;  /* requests on the network that nobody waits for */
};
job_t job[JOBS];

/* ---- a worker's memory, wiped by a crash ---- */

mtype = { EXPIRED, SENT, UNKNOWN, WAIT_CERTAIN, WAIT_UNCERTAIN, GIVE_BACK, STRANGER }; /* verdicts */
mtype = { ON_NO_WAY, CONNECTING, FLYING, VANISHED, ACCEPTED, LOCKED, REFUSED }; /* a request */
mtype = { NO_CALL, ASK_CLAIM, ASK_ADMIT, ASK_FINISH }; /* what a late call is */

typedef worker_t {
    byte job;      /* NO_JOB: none in hand */
    bit fits;      /* the token that it was claimed with is the record's */
    byte left;     /* ticks until its own clock says that the lease may have ended */
    byte age;      /* ticks since the claim was asked for */
    bit uncertain; /* as the record said at the claim */
    mtype verdict;
    mtype flight;
    /* The answer of a claim on its way. */
    byte claimed_job;
    bit claimed_fits;
    bit claimed_uncertain;
    byte code;     /* the answer of admit or finish on its way */
    bit busy;      /* between a claim and its end */
    bit buried;    /* crashed for good */
    /* A renewal, which runs beside everything else. */
    byte renewal;  /* 0 none, 1 asked, 2 renewed, 3 not ours */
    bit renewal_fits;
    bit renewal_mine; /* the slot that it is for is still taken by the same job */
    byte renewal_job;
    byte renewal_age;
    /* A call whose connection was given up, and which Redis may yet execute. */
    mtype late;
    byte late_job;
    bit late_fits;
    mtype late_verdict;
    bit late_uncertain;
};
worker_t worker[WORKERS];

#ifdef LIVE
byte trouble = LIVE; /* so many things may go wrong, then it must come to an end */
#define GOES_WRONG_IF(condition) (condition) && trouble > 0 -> trouble--
#else
#define GOES_WRONG_IF(condition) (condition)
#endif
#define GOES_WRONG GOES_WRONG_IF(true)

#define OK   0
#define LOST 1
#define LATE 2
#define GONE 3
#define STALE 4

/* ---- invariants ---- */

#define PLACES(j) (job[j].raw + job[j].ready + job[j].due + job[j].leased + job[j].dead)

inline check_place(it) {
    /* In exactly one place, and final exactly when it is nowhere or in the dead set. */
    if
    :: job[it].raw -> assert(PLACES(it) == 1 && !job[it].head && job[it].finals == 0)
    :: !job[it].raw && job[it].head -> assert(PLACES(it) == 1)
    :: !job[it].raw && !job[it].head -> assert(!job[it].due && !job[it].leased && !job[it].dead)
    fi;
    assert(job[it].finals <= 1);
    assert((job[it].finals == 1) == (job[it].dead || (!job[it].raw && !job[it].head)));
    assert(!job[it].head || (job[it].leased == (job[it].owner != NOBODY)));
    assert(job[it].accepted <= 1)
}

/* ---- scripts ---- */

/*
 * Only equality with the record's token is ever asked of a token, so what is kept of one is whether it still
 * is the record's: `fits`.  A claim draws a number that nobody remembers, and none of the others fits any more.
 */
inline forget_tokens(it) {
    for (n : 0 .. WORKERS - 1) {
        if
        :: worker[n].job == it -> worker[n].fits = 0
        :: else
        fi;
        if
        :: worker[n].claimed_job == it -> worker[n].claimed_fits = 0
        :: else
        fi;
        if
        :: worker[n].renewal_job == it -> worker[n].renewal_fits = 0
        :: else
        fi;
        if
        :: worker[n].late_job == it -> worker[n].late_fits = 0
        :: else
        fi
    }
    n = 0
}

inline recover(it) {
    job[it].leased = 0;
    job[it].left = 0;
    if
    :: job[it].started -> job[it].uncertain = 1; job[it].started = 0
    :: else
    fi;
#ifndef BREAK_REAP_KEEPS_OWNER
    job[it].owner = NOBODY;
#endif
    job[it].ready++;
    check_place(it)
}

/* ret_job: NO_JOB if there was nothing. */
inline script_claim(who, ret_job, ret_uncertain) {
    ret_job = NO_JOB;
    ret_uncertain = 0;
    for (k : 0 .. JOBS - 1) {
        if
        :: job[k].due -> job[k].due = 0; job[k].ready++
        :: else
        fi;
        if
        :: job[k].leased && job[k].left == 0 -> recover(k)
        :: else
        fi
    }
    for (k : 0 .. JOBS - 1) {
        if
        :: ret_job == NO_JOB && job[k].ready > 0 ->
            job[k].ready--;
            if
            :: job[k].head -> ret_job = k
            :: else /* it ended while its handle lay there */
            fi
        :: else
        fi
    }
    for (k : 0 .. JOBS - 1) {
        if
        :: ret_job == NO_JOB && job[k].raw ->
            job[k].raw = 0;
            job[k].head = 1;
            ret_job = k
        :: else
        fi
    }
    if
    :: ret_job != NO_JOB ->
        forget_tokens(ret_job);
        job[ret_job].owner = who;
        job[ret_job].leased = 1;
        job[ret_job].left = LEASE;
        ret_uncertain = job[ret_job].uncertain;
        check_place(ret_job)
    :: else
    fi;
    k = 0
}

#ifdef BREAK_NO_FENCE
#define OURS(who, it, number) (job[it].head)
#else
#define OURS(who, it, number) (job[it].head && job[it].owner == who && number)
#endif

inline script_admit(who, it, number, ret_code) {
    if
    :: OURS(who, it, number) ->
#ifndef BREAK_NO_STARTED_MARK
        job[it].started = 1;
#endif
        ret_code = OK
    :: else -> ret_code = LOST
    fi
}

#define ENDS(word) ((word) == EXPIRED || (word) == SENT || (word) == UNKNOWN)

#ifdef BREAK_LATE_MAY_WAIT
#define LATE_ENDS(word) true
#else
#define LATE_ENDS(word) ENDS(word)
#endif

inline move(it, word, was_uncertain, is_late) {
    /*
     * Nobody else sends this text, so a lock that no lost request explains is our own request's, overtaken by the
     * guarded retry of the next owner.  Who is told so has lost the job.
     */
    assert(word != STRANGER);
    job[it].leased = 0;
    job[it].left = 0;
    if
    :: word == UNKNOWN ->
        /* One that waited gets a new handle: what stays behind in the line leads nowhere. */
        job[it].ready = 0;
        job[it].due = 0;
        job[it].dead = 1;
        job[it].owner = NOBODY;
        forget_tokens(it);
        job[it].started = 0;
        job[it].finals++
    :: word == SENT || word == EXPIRED ->
        assert(word != SENT || job[it].accepted > 0);
        /* Ended as never sent: then nothing of it was taken, and nothing of it is on its way. */
        assert(word != EXPIRED || (job[it].accepted == 0 && !job[it].maybe));
        if
        :: is_late -> job[it].due = 0
        :: else
        fi;
        job[it].head = 0;
        job[it].ready = 0; /* a handle that leads nowhere; claim passes over it */
        job[it].owner = NOBODY;
        forget_tokens(it);
        job[it].started = 0;
        job[it].uncertain = 0;
        job[it].finals++
    :: else ->
        job[it].owner = NOBODY;
        job[it].started = 0;
        if
        :: word == WAIT_UNCERTAIN -> job[it].uncertain = 1
        :: else -> job[it].uncertain = was_uncertain; job[it].maybe = job[it].maybe && was_uncertain
        fi;
        if
        :: word == GIVE_BACK -> job[it].ready++
        :: else -> job[it].due = 1
        fi
    fi;
    check_place(it)
}

inline script_finish(who, it, number, word, was_uncertain, ret_code) {
    if
    :: OURS(who, it, number) && !job[it].dead -> move(it, word, was_uncertain, false); ret_code = OK
    :: else ->
        if
        :: job[it].head && number && job[it].owner == NOBODY && LATE_ENDS(word) ->
            move(it, word, was_uncertain, true);
            ret_code = LATE
        :: !job[it].head || job[it].dead -> ret_code = GONE
        :: else -> ret_code = STALE
        fi
    fi
}

/* What this owner holds under another token than `known` goes back to the line. */
inline script_adopt(who, known) {
    for (k : 0 .. JOBS - 1) {
        if
#ifdef BREAK_ADOPT_FORGETS_TOKENS
        :: job[k].leased && job[k].owner == who -> recover(k)
#else
        :: job[k].leased && job[k].owner == who && !known -> recover(k)
#endif
#ifdef BREAK_TWO_OF_ONE_NAME
        :: job[k].leased && job[k].owner != who -> recover(k)
#endif
        :: else
        fi
    }
    k = 0
}

/* ---- the worker ---- */

inline forget_job(who) {
    worker[who].job = NO_JOB;
    worker[who].fits = 0;
    worker[who].renewal_mine = 0;
    worker[who].left = 0;
    worker[who].age = 0;
    worker[who].uncertain = 0;
    worker[who].verdict = 0;
    worker[who].flight = ON_NO_WAY;
    worker[who].claimed_job = NO_JOB;
    worker[who].claimed_fits = 0;
    worker[who].claimed_uncertain = 0;
    worker[who].code = OK;
    worker[who].busy = 0
}

/* The request goes on without us. */
inline orphan_request(who) {
    if
    :: worker[who].flight == FLYING ->
        if
        :: job[worker[who].job].orphans < 2 -> job[worker[who].job].orphans++
        :: else
        fi
    :: else
    fi;
    worker[who].flight = ON_NO_WAY
}

/* The call was given up before it was executed; the network may keep it. */
inline maybe_late(who, kind) {
#ifdef LATE_CALLS
    if
    :: true
    :: who < LATE_CALLS && worker[who].late == NO_CALL ->
        worker[who].late = kind;
        if
        :: kind != ASK_CLAIM ->
            worker[who].late_job = worker[who].job;
            worker[who].late_fits = worker[who].fits;
            worker[who].late_verdict = worker[who].verdict;
            worker[who].late_uncertain = worker[who].uncertain
        :: else
        fi
    fi
#else
    skip
#endif
}

/* A connection comes back: give back what is held without being known. */
inline reconnect(who) {
    if
    :: worker[who].left > 0 -> script_adopt(who, worker[who].fits)
    :: else -> script_adopt(who, 0)
    fi
}

/* May this job be sent, by all that Redis knows?  Asked when its bytes leave. */
inline check_send(who) {
    assert(job[worker[who].job].leased && job[worker[who].job].left > 0);
    assert(job[worker[who].job].owner == who && worker[who].fits);
    assert(job[worker[who].job].finals == 0);
    /* What may have been accepted is only sent as a guarded retry. */
    assert(!job[worker[who].job].maybe || worker[who].uncertain)
}

#ifdef BREAK_LEASE_FROM_ANSWER
#define LEFT_SINCE(age) LEASE
#else
#define LEFT_SINCE(age) (LEASE - (age))
#endif

#define CRASH ::atomic { GOES_WRONG; orphan_request(me); forget_job(me); goto start }

proctype Worker(byte me)
{
    byte k, n;

start: /* a new life of the same name: everything that an earlier one held goes back */
    if
    :: atomic { script_adopt(me, 0) }
#ifdef LIVE
    :: atomic { me == 1 -> worker[me].buried = 1; goto grave } /* nobody starts it again */
#endif
    fi;

idle:
    atomic { worker[me].age = 0; worker[me].busy = 1 }
    if
    :: atomic {
           script_claim(me, worker[me].claimed_job, worker[me].claimed_uncertain);
           worker[me].claimed_fits = worker[me].claimed_job != NO_JOB
       }
    :: atomic { GOES_WRONG; maybe_late(me, ASK_CLAIM); forget_job(me); reconnect(me); goto idle }
    :: atomic { GOES_WRONG; maybe_late(me, ASK_CLAIM); forget_job(me); goto start }
    fi;
    if
    :: atomic { worker[me].claimed_job == NO_JOB -> forget_job(me); goto idle }
    :: atomic {
           worker[me].claimed_job != NO_JOB ->
           worker[me].job = worker[me].claimed_job;
           worker[me].fits = worker[me].claimed_fits;
           worker[me].uncertain = worker[me].claimed_uncertain;
           worker[me].left = LEFT_SINCE(worker[me].age);
           worker[me].age = 0;
           worker[me].claimed_job = NO_JOB;
           worker[me].claimed_fits = 0;
           worker[me].claimed_uncertain = 0;
           goto gated
       }
    :: atomic { GOES_WRONG; forget_job(me); reconnect(me); goto idle } /* the answer is lost */
    CRASH
    fi;

gated:
    if
    :: atomic { worker[me].left == 0 -> forget_job(me); goto idle } /* dropped without a word */
    :: worker[me].left > 0 -> goto admitting
    :: atomic {
           GOES_WRONG;
           if
           :: worker[me].uncertain -> worker[me].verdict = UNKNOWN
           :: else -> worker[me].verdict = EXPIRED
           fi;
           goto settling
       }
    :: atomic { GOES_WRONG; worker[me].verdict = GIVE_BACK; goto settling }
    :: atomic { GOES_WRONG_IF(worker[me].uncertain); worker[me].verdict = WAIT_UNCERTAIN; goto settling }
    CRASH
    fi;

admitting:
    if
    :: atomic { script_admit(me, worker[me].job, worker[me].fits, worker[me].code) }
    :: atomic { GOES_WRONG; maybe_late(me, ASK_ADMIT); reconnect(me); goto gated }
    :: atomic { GOES_WRONG; maybe_late(me, ASK_ADMIT); forget_job(me); goto start }
    fi;
    if
    :: atomic { worker[me].code == LOST -> forget_job(me); goto idle }
    :: atomic { worker[me].code == OK && worker[me].left == 0 -> forget_job(me); goto idle }
    :: worker[me].code == OK && worker[me].left > 0
    :: atomic { GOES_WRONG; worker[me].code = OK; reconnect(me); goto gated } /* the answer is lost */
    CRASH
    fi;

submitting:
    if
    :: atomic { GOES_WRONG; reconnect(me); goto submitting }
    :: atomic { worker[me].left == 0 -> forget_job(me); goto idle }
    :: atomic { worker[me].left > 0 -> worker[me].flight = CONNECTING }
    :: atomic { GOES_WRONG; worker[me].verdict = GIVE_BACK; goto settling }
    :: atomic {
           GOES_WRONG;
           if
           :: worker[me].uncertain -> worker[me].verdict = UNKNOWN
           :: else -> worker[me].verdict = EXPIRED
           fi;
           goto settling
       }
    CRASH
    fi;

connecting:
    /* Between the engine's word and the first byte lie the transport's connection and its handshakes. */
    if
    :: atomic { GOES_WRONG; reconnect(me); goto connecting }
#ifdef BREAK_NO_LOOK_BEFORE_BYTES
    :: atomic { check_send(me); worker[me].flight = FLYING; job[worker[me].job].maybe = 1 }
#else
    :: atomic {
           worker[me].left > 0 ->
           check_send(me);
           worker[me].flight = FLYING;
           job[worker[me].job].maybe = 1
       }
    :: atomic { worker[me].left == 0 -> worker[me].verdict = WAIT_CERTAIN; goto answered }
#endif
    :: atomic { GOES_WRONG; worker[me].verdict = WAIT_CERTAIN; goto answered } /* no connection */
    CRASH
    fi;

flying:
    if
    :: atomic { GOES_WRONG; reconnect(me); goto flying }
    :: atomic { worker[me].flight == ACCEPTED -> worker[me].verdict = SENT }
    :: atomic {
           worker[me].flight == LOCKED ->
           if
           :: worker[me].uncertain -> worker[me].verdict = SENT
           :: else -> worker[me].verdict = STRANGER
           fi
       }
    :: atomic { worker[me].flight == REFUSED -> worker[me].verdict = WAIT_CERTAIN }
    :: atomic { worker[me].flight == VANISHED -> worker[me].verdict = WAIT_UNCERTAIN }
    :: atomic { worker[me].left == 0 -> orphan_request(me); worker[me].verdict = WAIT_UNCERTAIN }
    :: atomic { GOES_WRONG; orphan_request(me); worker[me].verdict = WAIT_UNCERTAIN }
    CRASH
    fi;

answered:
    atomic { worker[me].flight = ON_NO_WAY; worker[me].code = OK }

settling: /* the verdict waits as long as it takes, even when the lease has ended */
    if
    :: atomic {
           script_finish(me, worker[me].job, worker[me].fits, worker[me].verdict,
                         worker[me].uncertain, worker[me].code)
       }
    :: atomic { GOES_WRONG; maybe_late(me, ASK_FINISH); reconnect(me); goto settling }
    :: atomic { GOES_WRONG; maybe_late(me, ASK_FINISH); forget_job(me); goto start }
    fi;
    if
    :: atomic { forget_job(me); goto idle }
    :: atomic { GOES_WRONG; worker[me].code = OK; reconnect(me); goto settling }
    CRASH
    fi;

grave:
    skip
}

/* ---- what goes on beside the workers ---- */

/* Every lease in hand may be renewed at any moment, beside any other call. */
proctype Renewals(byte w)
{
end:
    do
    :: atomic {
           worker[w].renewal == 0 && worker[w].job != NO_JOB && worker[w].left > 0 ->
           worker[w].renewal = 1;
           worker[w].renewal_fits = worker[w].fits;
           worker[w].renewal_mine = 1;
           worker[w].renewal_job = worker[w].job;
           worker[w].renewal_age = 0
       }
    :: atomic {
           worker[w].renewal == 1 ->
           if
           :: OURS(w, worker[w].renewal_job, worker[w].renewal_fits) ->
               if
               :: job[worker[w].renewal_job].leased -> job[worker[w].renewal_job].left = LEASE
               :: else -> assert(false) /* renew would lease a job that stands elsewhere */
               fi;
               worker[w].renewal = 2
           :: else -> worker[w].renewal = 3
           fi
       }
    :: atomic {
           worker[w].renewal >= 2 ->
           if
           :: !worker[w].renewal_mine /* the slot has been given away */
           :: worker[w].renewal_mine && worker[w].renewal == 3 ->
               worker[w].left = 0
           :: worker[w].renewal_mine && worker[w].renewal == 2 &&
                  worker[w].left > 0 -> worker[w].left =
#ifdef BREAK_RENEWAL_FROM_ANSWER
                  LEASE
#else
                  LEASE - worker[w].renewal_age
#endif
           :: else
           fi;
           worker[w].renewal = 0;
           worker[w].renewal_fits = 0;
           worker[w].renewal_mine = 0;
           worker[w].renewal_job = NO_JOB;
           worker[w].renewal_age = 0
       }
    :: atomic { /* the call or its answer is lost */
           worker[w].renewal > 0 ->
           worker[w].renewal = 0;
           worker[w].renewal_fits = 0;
           worker[w].renewal_mine = 0;
           worker[w].renewal_job = NO_JOB;
           worker[w].renewal_age = 0
       }
    od
}

/* Calls that were given up, and which Redis executes all the same, however much later. */
proctype LateCalls(byte w)
{
    byte k, n, ignored_job, ignored_code;
    bit ignored_uncertain;
end:
    do
    :: atomic {
           worker[w].late != NO_CALL ->
           if
           :: worker[w].late == ASK_CLAIM ->
               script_claim(w, ignored_job, ignored_uncertain)
           :: worker[w].late == ASK_ADMIT ->
               script_admit(w, worker[w].late_job, worker[w].late_fits, ignored_code)
           :: worker[w].late == ASK_FINISH ->
               script_finish(w, worker[w].late_job, worker[w].late_fits, worker[w].late_verdict,
                             worker[w].late_uncertain, ignored_code)
           fi;
           ignored_job = 0;
           ignored_code = 0;
           ignored_uncertain = 0;
           worker[w].late = NO_CALL;
           worker[w].late_job = NO_JOB;
           worker[w].late_fits = 0;
           worker[w].late_verdict = 0;
           worker[w].late_uncertain = 0
       }
    od
}

/* The gateway takes a message once while its reload lock lasts; what is refused was not taken. */
inline take_in(it, ret_answer) {
#ifdef BREAK_NO_RELOAD_LOCK
    job[it].accepted++;
    ret_answer = ACCEPTED;
    assert(job[it].accepted <= 1)
#else
    if
    :: job[it].accepted > 0 -> ret_answer = LOCKED
    :: else -> job[it].accepted++; ret_answer = ACCEPTED
    fi
#endif
}

proctype Gateway()
{
    byte k;
    mtype ignored;
end:
    do
    :: atomic {
           worker[0].flight == FLYING ->
           if
           :: take_in(worker[0].job, worker[0].flight)
           :: GOES_WRONG; take_in(worker[0].job, ignored); worker[0].flight = VANISHED
           :: GOES_WRONG; worker[0].flight = VANISHED
           :: GOES_WRONG_IF(job[worker[0].job].accepted == 0); worker[0].flight = REFUSED
           fi;
           ignored = 0
       }
    :: atomic {
           worker[1].flight == FLYING ->
           if
           :: take_in(worker[1].job, worker[1].flight)
           :: GOES_WRONG; take_in(worker[1].job, ignored); worker[1].flight = VANISHED
           :: GOES_WRONG; worker[1].flight = VANISHED
           :: GOES_WRONG_IF(job[worker[1].job].accepted == 0); worker[1].flight = REFUSED
           fi;
           ignored = 0
       }
    :: atomic {
           job[0].orphans > 0 ->
           job[0].orphans--;
           if
           :: take_in(0, ignored)
           :: true
           fi;
           ignored = 0
       }
#if JOBS > 1
    :: atomic {
           job[1].orphans > 0 ->
           job[1].orphans--;
           if
           :: take_in(1, ignored)
           :: true
           fi;
           ignored = 0
       }
#endif
    od
}

#ifdef LIVE
/* When nothing goes wrong any more, time passes only while nobody has a job in hand, and calls take none. */
#define MAY_TICK (trouble > 0 || (AT_REST(0) && AT_REST(1)))
#define AT_REST(w)                                                                                 \
    (worker[w].buried || (worker[w].job == NO_JOB && worker[w].claimed_job == NO_JOB))
#define CALLS_ARE_SLOW (trouble > 0)
#else
#define MAY_TICK true
#define CALLS_ARE_SLOW true
#endif

proctype Clock()
{
    byte k;
end:
    do
    :: atomic {
           MAY_TICK ->
           for (k : 0 .. JOBS - 1) {
               if
               :: job[k].left > 0 -> job[k].left--
               :: else
               fi
           }
           for (k : 0 .. WORKERS - 1) {
               if
               :: worker[k].left > 0 -> worker[k].left--
               :: else
               fi;
               if
               :: CALLS_ARE_SLOW && worker[k].busy && worker[k].job == NO_JOB &&
                       worker[k].age < LEASE ->
                   worker[k].age++
               :: else
               fi;
               if
               :: worker[k].renewal > 0 && worker[k].renewal_age < LEASE -> worker[k].renewal_age++
               :: else
               fi
           }
           k = 0
#ifdef LIVE
           ;
           if
           :: trouble > 0 -> trouble--
           :: else
           fi
#endif
       }
    od
}

init
{
    byte k;
    atomic {
        for (k : 0 .. JOBS - 1) {
            job[k].raw = 1;
            job[k].owner = NOBODY
        }
        for (k : 0 .. WORKERS - 1) {
            forget_job(k);
            worker[k].late = NO_CALL;
            worker[k].late_job = NO_JOB;
            worker[k].renewal_job = NO_JOB
        }
        k = 0;
        run Clock();
        run Gateway();
#ifdef LATE_CALLS
        run LateCalls(0);
#if LATE_CALLS > 1
        run LateCalls(1);
#endif
#endif
#ifdef RENEWALS
        run Renewals(0);
#if RENEWALS > 1
        run Renewals(1);
#endif
#endif
        run Worker(0);
        run Worker(1)
    }
}

#ifdef LIVE
ltl ends { <> (job[0].finals == 1) }
#endif
