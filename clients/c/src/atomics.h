/*
 * Accesses to shared words. Loads are sequentially consistent, which costs nothing on x86 and
 * little elsewhere; stores say what they need: release where a word is published, a full store
 * where the writer looks at something else afterwards.
 */
#ifndef SHMQ_ATOMICS_H
#define SHMQ_ATOMICS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

typedef _Atomic uint32_t a32;
typedef _Atomic uint64_t a64;

_Static_assert(sizeof(a64) == 8 && sizeof(a32) == 4, "atomics are the words themselves");
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "64-bit atomics need no lock");

/* Of accessors that take fewer bytes than a call of theirs: a compiler that builds for the least size does not see that. */
#define INLINE static inline __attribute__((always_inline))

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
/* Of a function in a file that is built for speed: what no record goes through, and is built for size. */
#define COLD __attribute__((cold, noinline))

/* Of the way to a wait: how soon it looks again decides how often a line moves, so it is built for speed. */
#define NOINLINE __attribute__((noinline))

INLINE uint64_t load(const a64 *a) { return atomic_load_explicit(a, memory_order_seq_cst); }
INLINE uint32_t load32(const a32 *a) { return atomic_load_explicit(a, memory_order_seq_cst); }
INLINE uint64_t relaxed(const a64 *a) { return atomic_load_explicit(a, memory_order_relaxed); }
INLINE void publish(a64 *a, uint64_t v) { atomic_store_explicit(a, v, memory_order_release); }
INLINE void store(a64 *a, uint64_t v) { atomic_store_explicit(a, v, memory_order_seq_cst); }
INLINE void store32(a32 *a, uint32_t v) { atomic_store_explicit(a, v, memory_order_seq_cst); }
static inline void add(a64 *a, uint64_t n) { atomic_fetch_add_explicit(a, n, memory_order_seq_cst); }
INLINE void fence(void) { atomic_thread_fence(memory_order_seq_cst); }

/* Stores that come before are seen before those that follow; loads that come before are done before those that follow. */
INLINE void store_barrier(void) { atomic_thread_fence(memory_order_release); }
INLINE void load_barrier(void) { atomic_thread_fence(memory_order_acquire); }

static inline bool cas(a64 *a, uint64_t was, uint64_t to)
{
	return atomic_compare_exchange_strong_explicit(a, &was, to, memory_order_seq_cst, memory_order_seq_cst);
}

static inline bool cas32(a32 *a, uint32_t was, uint32_t to)
{
	return atomic_compare_exchange_strong_explicit(a, &was, to, memory_order_seq_cst, memory_order_seq_cst);
}

/* For words of which this process is the only writer: others read them now and then. */
static inline void bump(a64 *a, uint64_t n)
{
	atomic_store_explicit(a, relaxed(a) + n, memory_order_relaxed);
}

static inline void relax_cpu(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("isb" ::: "memory");
#else
	atomic_signal_fence(memory_order_seq_cst);
#endif
}

/* Asks for a line that this core will write, so that the store finds it here. Compilers make of
 * __builtin_prefetch a request to read, unless they are told of the processor; PREFETCHW does nothing on one that
 * does not have it. */
static inline void ask_to_write(const void *line)
{
#if defined(__x86_64__)
	__asm__ volatile("prefetchw %0" ::"m"(*(const char *)line));
#else
	__builtin_prefetch(line, 1);
#endif
}

/* The processor's counter, which seats tell times by; 0 where there is none. */
static inline uint64_t cycles(void)
{
#if defined(__x86_64__)
	return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
	uint64_t v;
	__asm__ volatile("mrs %0, cntvct_el0" : "=r"(v));
	return v;
#else
	return 0;
#endif
}

#endif
