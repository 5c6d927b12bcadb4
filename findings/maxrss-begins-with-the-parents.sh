#!/usr/bin/env bash
# Linux 6.18: the peak of memory that wait4(2) and getrusage(2) tell of a child (ru_maxrss) is at
# least what its parent had in memory when it started the child, though the child executed
# another program at once: /bin/true that is started by a process of 64 MiB has used
# 64 MiB. It is so after vfork, as after fork.
# One would have guessed that execve, which gives the process a new memory, begins the count
# anew; getrusage(2) calls it the maximum resident set size used.
source "$(dirname "$0")/common"
need cc

cat >peak.c <<'C'
#define _GNU_SOURCE
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void start(const char *how, int large)
{
	struct rusage usage;
	char *args[] = {"true", NULL};
	pid_t child = strcmp(how, "vfork") == 0 ? vfork() : fork();
	if (child == 0) {
		execv("/bin/true", args);
		_exit(1);
	}
	if (child < 0 || wait4(child, NULL, 0, &usage) != child)
		err(2, "%s", how);
	printf("by %s from a %s process: %s than 64 MiB\n", how, large ? "large" : "small", usage.ru_maxrss < 64 << 10 ? "less" : "not less");
}

int main(void)
{
	size_t size = 65 << 20;
	volatile char *memory; /* so that the stores are made */
	start("vfork", 0);
	start("fork", 0);
	if ((memory = malloc(size)) == NULL)
		err(2, "malloc");
	for (size_t i = 0; i < size; i += 4096)
		memory[i] = 1;
	start("vfork", 1);
	start("fork", 1);
	return 0;
}
C
cc -O1 -o peak peak.c
./peak | seen 'by vfork from a small process: less than 64 MiB
by fork from a small process: less than 64 MiB
by vfork from a large process: not less than 64 MiB
by fork from a large process: not less than 64 MiB'
