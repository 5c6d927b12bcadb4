#include "region.h"
#include <string.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

/* CRC-32C (Castagnoli). For records the processor's instruction serves where there is one, which is asked once for
 * each handle: the question takes microseconds in a virtual machine. */

static uint32_t by_bytes(uint32_t c, const uint8_t *b, size_t n)
{
	/* The remainders of the sixteen values of four bits. */
	static const uint32_t table[16] = {
		0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
		0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9, 0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
	};
	while (n-- > 0) {
		c ^= *b++;
		c = c >> 4 ^ table[c & 15];
		c = c >> 4 ^ table[c & 15];
	}
	return c;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t by_instruction(uint32_t c, const uint8_t *b, size_t n)
{
	uint64_t v, wide = c;
	for (; n >= 8; n -= 8, b += 8) {
		memcpy(&v, b, 8);
		wide = __builtin_ia32_crc32di(wide, v);
	}
	c = (uint32_t)wide;
	for (; n > 0; n--)
		c = __builtin_ia32_crc32qi(c, *b++);
	return c;
}

bool crc_by_instruction(void)
{
	unsigned a, b, c, d;
	return __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & bit_SSE4_2) != 0;
}
#else
static uint32_t by_instruction(uint32_t c, const uint8_t *b, size_t n) { return by_bytes(c, b, n); }
bool crc_by_instruction(void) { return false; }
#endif

uint32_t crc32c(uint32_t crc, const void *b, size_t n) { return ~by_bytes(~crc, b, n); }

uint32_t crc32c_fast(uint32_t crc, const void *b, size_t n) { return ~by_instruction(~crc, b, n); }
