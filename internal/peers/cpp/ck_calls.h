// The functions of ck_calls.c: its header is no C++.
#pragma once

#ifdef __cplusplus
extern "C" {
#else
#include <stdbool.h>
#endif

void ck_create(void* ring, unsigned size);

#define CK_CALLS(SIZE)                                                    \
  bool ck_send_spsc_##SIZE(void* ring, void* slots, const void* record);  \
  bool ck_take_spsc_##SIZE(void* ring, void* slots, void* record);        \
  bool ck_send_mpmc_##SIZE(void* ring, void* slots, const void* record);  \
  bool ck_take_mpmc_##SIZE(void* ring, void* slots, void* record);
CK_CALLS(48)
CK_CALLS(1024)
CK_CALLS(65536)

#ifdef __cplusplus
}
#endif
