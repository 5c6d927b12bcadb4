/*
 * The control word of a slot, the only bytes of a queue that name an owner.
 *
 *	63                                       4+shift        4     0
 *	+----------------------------------------+--------------+-----+
 *	| lap                                    | k            |state|  FREE FULL SKIP ORPHAN*
 *	+----------------------------------------+--------------+-----+
 *	63                            14+shift       14         4     0
 *	+-----------------------------+--------------+----------+-----+
 *	| lap                         | k            | seat     |state|  CLAIMED READING*
 *	+-----------------------------+--------------+----------+-----+
 *
 * A position counts slots since the queue was made; k is the number of slots that the word
 * speaks for. docs/layout.md tells who may write which word when.
 */
#ifndef SHMQ_WORD_H
#define SHMQ_WORD_H

#include "layout.h"
#include <stdbool.h>
#include <stdint.h>

enum { STATE_BITS = L_STATE_BITS, OWNED_BITS = L_STATE_BITS + L_SEAT_BITS };

static inline unsigned word_state(uint64_t w) { return (unsigned)(w & ((1u << L_STATE_BITS) - 1)); }

static inline bool word_owned(uint64_t w)
{
	return (1u << L_CLAIMED | 1u << L_READING | 1u << L_READING_ACKED) >> word_state(w) & 1;
}

static inline unsigned word_low(uint64_t w) { return word_owned(w) ? OWNED_BITS : STATE_BITS; }
static inline uint32_t word_seat(uint64_t w) { return (uint32_t)(w >> STATE_BITS) & ((1u << L_SEAT_BITS) - 1); }
static inline uint64_t first_of_lap(uint64_t p, unsigned shift) { return p >> shift << shift; }

/* k, unbounded: callers bound what comes from memory that others write. */
static inline uint64_t word_slots(uint64_t w, unsigned shift)
{
	return w >> word_low(w) & ((UINT64_C(1) << shift) - 1);
}

/* Whether the word is of the lap of p: 0; of one before: negative; of a later one: positive. */
static inline int64_t word_lap(uint64_t w, uint64_t p, unsigned shift)
{
	unsigned low = word_low(w);
	return (int64_t)((first_of_lap(w >> low, shift) - first_of_lap(p, shift)) << low);
}

/* The position that a word found at index i speaks of: of those that it can mean, the one nearest
 * to ref. */
static inline uint64_t word_position(uint64_t w, uint64_t i, uint64_t ref, unsigned shift)
{
	int64_t laps = word_lap(w, ref, shift) >> word_low(w);
	return (first_of_lap(ref, shift) + (uint64_t)laps) | i;
}

static inline uint64_t unowned(unsigned state, uint64_t p, uint64_t k, unsigned shift)
{
	return (first_of_lap(p, shift) | k) << STATE_BITS | state;
}

static inline uint64_t owned(unsigned state, uint64_t p, uint64_t k, uint32_t seat, unsigned shift)
{
	return (first_of_lap(p, shift) | k) << OWNED_BITS | (uint64_t)seat << STATE_BITS | state;
}

static inline uint64_t free_word(uint64_t p, unsigned shift) { return unowned(L_FREE, p, 0, shift); }
static inline uint64_t full_word(uint64_t p, uint64_t k, unsigned shift) { return unowned(L_FULL, p, k, shift); }
static inline uint64_t skip_word(uint64_t p, uint64_t k, unsigned shift) { return unowned(L_SKIP, p, k, shift); }

static inline uint64_t orphan_word(uint64_t p, uint64_t k, bool acked, unsigned shift)
{
	return unowned(acked ? L_ORPHAN_ACKED : L_ORPHAN, p, k, shift);
}

static inline uint64_t claimed_word(uint64_t p, uint64_t k, uint32_t seat, unsigned shift)
{
	return owned(L_CLAIMED, p, k, seat, shift);
}

static inline uint64_t reading_word(uint64_t p, uint64_t k, uint32_t seat, bool acked, unsigned shift)
{
	return owned(acked ? L_READING_ACKED : L_READING, p, k, seat, shift);
}

#endif
