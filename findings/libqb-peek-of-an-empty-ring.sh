#!/usr/bin/env bash
# libqb 2.0.6: a look at an empty ring buffer, qb_rb_chunk_peek, returns -EBADMSG ("Bad message") if
# the ring has no semaphore, as QB_RB_FLAG_NO_SEMAPHORE asks for, and 0 if it has one.
# One would have guessed 0 both times: the header says "0 if buffer empty".
source "$(dirname "$0")/common"
need cc
deb libqb-dev=2.0.6-2 libqb100=2.0.6-2

cat >finding.c <<'C'
#include <qb/qbrb.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *told(ssize_t n) {
  static char bytes[32];
  if (n < 0) return strerror((int)-n);
  snprintf(bytes, sizeof bytes, "%zd bytes", n);
  return bytes;
}

static void see(const char *how, uint32_t flags) {
  char name[64], got[64];
  void *at;
  snprintf(name, sizeof name, "finding-%d", getpid());
  qb_ringbuffer_t *ring = qb_rb_open(name, 4096, QB_RB_FLAG_CREATE | QB_RB_FLAG_SHARED_PROCESS | flags, 0);
  if (!ring) {
    perror("qb_rb_open");
    return;
  }
  printf("%s, empty: peek: %s\n", how, told(qb_rb_chunk_peek(ring, &at, 0)));
  printf("%s, empty: read: %s\n", how, told(qb_rb_chunk_read(ring, got, sizeof got, 0)));
  qb_rb_chunk_write(ring, "record", 6);
  printf("%s, one chunk: peek: %s\n", how, told(qb_rb_chunk_peek(ring, &at, 0)));
  qb_rb_close(ring);
}

int main(void) {
  see("semaphore", 0);
  see("no semaphore", QB_RB_FLAG_NO_SEMAPHORE);
}
C
lib=$(dirname "$(find . -name 'libqb.so.100' -print -quit)")
cc -I usr/include -o finding finding.c -L "$lib" -l:libqb.so.100
LD_LIBRARY_PATH=$lib ./finding 2>&1 | seen 'semaphore, empty: peek: 0 bytes
semaphore, empty: read: Connection timed out
semaphore, one chunk: peek: 6 bytes
no semaphore, empty: peek: Bad message
no semaphore, empty: read: Connection timed out
no semaphore, one chunk: peek: 6 bytes'
