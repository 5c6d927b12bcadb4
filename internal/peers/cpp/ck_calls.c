#include "ck_calls.h"

#include <ck_ring.h>

void ck_create(void* ring, unsigned size) { ck_ring_init(ring, size); }

#define CK_DEFINE(SIZE)                                                    \
  struct record_##SIZE {                                                   \
    char bytes[SIZE];                                                      \
  };                                                                       \
  CK_RING_PROTOTYPE(r##SIZE, record_##SIZE)                                \
  bool ck_send_spsc_##SIZE(void* ring, void* slots, const void* record) {  \
    return ck_ring_enqueue_spsc_r##SIZE(ring, slots, (void*)record);       \
  }                                                                        \
  bool ck_take_spsc_##SIZE(void* ring, void* slots, void* record) {        \
    return ck_ring_dequeue_spsc_r##SIZE(ring, slots, record);              \
  }                                                                        \
  bool ck_send_mpmc_##SIZE(void* ring, void* slots, const void* record) {  \
    return ck_ring_enqueue_mpmc_r##SIZE(ring, slots, (void*)record);       \
  }                                                                        \
  bool ck_take_mpmc_##SIZE(void* ring, void* slots, void* record) {        \
    return ck_ring_dequeue_mpmc_r##SIZE(ring, slots, record);              \
  }

CK_DEFINE(48)
CK_DEFINE(1024)
CK_DEFINE(65536)
