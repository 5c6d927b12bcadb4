/* Runs a fuzz target over files, and over mutations of them, where there is no libFuzzer: fuzz_x RUNS FILE... */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST = 4096 };

static uint64_t state = 88172645463325252u;

static uint64_t dice(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

int main(int argc, char **argv)
{
	static uint8_t all[1024][MOST];
	static size_t sizes[1024];
	size_t n = 0;
	long runs = argc > 1 ? strtol(argv[1], NULL, 10) : 0;
	for (int i = 2; i < argc && n < 1024; i++) {
		FILE *f = fopen(argv[i], "rb");
		if (f == NULL) {
			perror(argv[i]);
			return 1;
		}
		sizes[n] = fread(all[n], 1, MOST, f);
		fclose(f);
		LLVMFuzzerTestOneInput(all[n], sizes[n]);
		n++;
	}
	for (long i = 0; i < runs; i++) {
		uint8_t *b = malloc(MOST);
		size_t size = dice() % 400;
		if (b == NULL)
			return 1;
		for (size_t j = 0; j < size; j++)
			b[j] = (uint8_t)dice();
		if (n > 0 && i % 2 == 0) { /* one of the files, with some bytes changed */
			size_t from = dice() % n;
			size = sizes[from];
			memcpy(b, all[from], size);
			for (uint64_t k = dice() % 8; size > 0 && k > 0; k--)
				b[dice() % size] = (uint8_t)dice();
		}
		LLVMFuzzerTestOneInput(b, size);
		free(b);
	}
	printf("%zu files, %ld runs\n", n, runs);
	return 0;
}
