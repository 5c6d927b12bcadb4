#include "copy.h"

/*
 * A store to a line that another core has waits for that line, only to write over all of it, and a loop of loads
 * waits for one line after the other. A string instruction knows the length in advance: it takes lines over without their
 * contents, and asks for many at once. It begins slowly, so it pays from some hundreds of bytes on. Its own stores may be
 * seen in any order, but those that follow it are seen after them.
 */
#if defined __has_feature
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define SANITIZED
#endif
#endif
#if defined __x86_64__ && !defined SANITIZED && !defined __SANITIZE_ADDRESS__ && !defined __SANITIZE_THREAD__
static void copy_long(void *to, const void *from, size_t n)
{
	size_t words = n / 8;
	memcpy((uint8_t *)to + n - 8, (const uint8_t *)from + n - 8, 8);
	__asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(words) : : "memory");
}
#else
static void copy_long(void *to, const void *from, size_t n) { memcpy(to, from, n); }
#endif

enum { LEAST = 768 };

/* Copies n bytes, which do not overlap, between a program's memory and a ring. */
void copy_block(void *to, const void *from, size_t n)
{
	if (n >= LEAST)
		copy_long(to, from, n);
	else if (n > 0)
		memcpy(to, from, n);
}
