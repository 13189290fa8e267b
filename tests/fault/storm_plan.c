#include <stdio.h>
#include <stdlib.h>

#include "fault/storm_own.h"

/*
 * What lies between two faults of a domain.  The gateway's are rarer: its breaker asks at growing distances, and
 * where each question meets the next fault, nothing flows and nothing is tried.
 */
static const struct {
    int shortest_ms, longest_ms;
} rests[STORM_DOMAINS] = {
    [STORM_PROCESS_ONE] = {500,  3000},
      [STORM_PROCESS_TWO] = {500,  3000},
    [STORM_REDIS] = {800,  3500},
      [STORM_LINE] = {800,  3500},
    [STORM_WIRE] = {2500, 7000},
      [STORM_GATEWAY] = {1500, 5000},
};

/* The domain's faults in an order that changes whenever all have had their turn. */
struct deck {
    enum storm_fault cards[STORM_FAULTS];
    size_t count, at;
    unsigned turns[STORM_FAULTS];
};

static bool
is_of(enum storm_fault fault, enum storm_domain domain)
{
    enum storm_domain own = storm_rows[fault].domain;
    return own == domain || (own == STORM_PROCESS_ONE && domain == STORM_PROCESS_TWO);
}

static bool
is_wanted(const struct storm *storm, enum storm_fault fault)
{
    for (size_t i = 0; i < storm->faults_count; i++)
        if (storm->faults[i] == fault || storm->faults[i] == STORM_ALL_FAULTS)
            return true;
    return false;
}

static void
shuffle(struct deck *deck, struct bh_dice *dice)
{
    for (size_t i = deck->count; i > 1; i--) {
        size_t other = (size_t)bh_dice_below(dice, i);
        enum storm_fault card = deck->cards[i - 1];
        deck->cards[i - 1] = deck->cards[other];
        deck->cards[other] = card;
    }
    deck->at = 0;
}

static enum storm_fault
draw(struct deck *deck, struct bh_dice *dice)
{
    if (deck->at == deck->count)
        shuffle(deck, dice);
    return deck->cards[deck->at++];
}

static void
add(struct storm_plan *plan, const struct storm_strike *strike)
{
    if ((plan->count & (plan->count + 1)) == 0 || plan->count == 0) {
        size_t room = (plan->count + 1) * 2;
        plan->strikes = realloc(plan->strikes, room * sizeof(*plan->strikes));
        if (plan->strikes == NULL)
            abort();
    }
    plan->strikes[plan->count++] = *strike;
}

static unsigned
whom(enum storm_domain domain, struct bh_dice *dice)
{
    switch (domain) {
    case STORM_PROCESS_ONE: return 0;
    case STORM_PROCESS_TWO: return 1;
    case STORM_LINE: return (unsigned)bh_dice_below(dice, STORM_DAEMONS);
    case STORM_REDIS:
    case STORM_WIRE:
    case STORM_GATEWAY:
    case STORM_DOMAINS: break;
    }
    return STORM_DAEMONS;
}

static long long
between(struct bh_dice *dice, int shortest, int longest)
{
    return shortest + (long long)bh_dice_below(dice, (uint64_t)(longest - shortest) + 1);
}

static void
plan_domain(const struct storm *storm, enum storm_domain domain, struct bh_dice *dice,
            long long length_ms, struct storm_plan *plan)
{
    struct deck deck = {.count = 0};
    for (int fault = 0; fault < STORM_FAULTS; fault++)
        if (is_wanted(storm, (enum storm_fault)fault) && is_of((enum storm_fault)fault, domain))
            deck.cards[deck.count++] = (enum storm_fault)fault;
    if (deck.count == 0)
        return;
    shuffle(&deck, dice);
    bool gentle = storm->gentle_gateway && (domain == STORM_WIRE || domain == STORM_GATEWAY);
    long long until = gentle ? length_ms / 2 : length_ms;
    long long at = between(dice, 0, rests[domain].shortest_ms);
    while (at < until) {
        enum storm_fault fault = draw(&deck, dice);
        const struct storm_row *row = &storm_rows[fault];
        struct storm_strike strike = {
            .fault = fault,
            .domain = domain,
            .daemon = whom(domain, dice),
            .dice = (unsigned)bh_dice_below(dice, 1u << 30),
            .turn = deck.turns[fault]++,
            .begin_ms = at,
            .length_ms = between(dice, row->shortest_ms, row->longest_ms),
        };
        /* The two processes begin their turns at different places. */
        strike.turn += domain == STORM_PROCESS_TWO ? 3 : 0;
        add(plan, &strike);
        at += strike.length_ms + between(dice, rests[domain].shortest_ms, rests[domain].longest_ms);
    }
}

void
storm_plan_make(const struct storm *storm, unsigned long long seed, long long length_ms,
                struct storm_plan *ret_plan)
{
    *ret_plan = (struct storm_plan){0};
    for (int domain = 0; domain < STORM_DOMAINS; domain++) {
        struct bh_dice dice;
        bh_dice_init_number(&dice, seed * STORM_DOMAINS + (unsigned)domain);
        plan_domain(storm, (enum storm_domain)domain, &dice, length_ms, ret_plan);
    }
}

void
storm_plan_print(const struct storm *storm, const struct storm_plan *plan)
{
    for (size_t i = 0; i < plan->count; i++) {
        const struct storm_strike *strike = &plan->strikes[i];
        fprintf(stderr,
                "storm %s: plan %8.2f s  %-18s for %.2f s, daemon %u, variant %u, turn %u\n",
                storm->name, (double)strike->begin_ms / 1000, storm_rows[strike->fault].name,
                (double)strike->length_ms / 1000, strike->daemon, strike->dice, strike->turn);
    }
}
