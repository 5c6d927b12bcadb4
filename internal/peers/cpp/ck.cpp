// Concurrency Kit's ck_ring with records by value: for one producer and one consumer, and for
// many. The rings are C; ck_calls.c has them for each size of record.
#include "harness.hpp"
#include "ck_calls.h"

template <class R>
struct Calls;
#define CALLS(SIZE)                                                      \
  template <>                                                            \
  struct Calls<Record<SIZE>> {                                           \
    static constexpr auto send_spsc = ck_send_spsc_##SIZE;               \
    static constexpr auto take_spsc = ck_take_spsc_##SIZE;               \
    static constexpr auto send_mpmc = ck_send_mpmc_##SIZE;               \
    static constexpr auto take_mpmc = ck_take_mpmc_##SIZE;               \
  };
CALLS(48)
CALLS(1024)
CALLS(65536)

template <class R, bool Many>
struct CkQueue {
  char *ring, *slots;
  std::unique_ptr<R> got = std::make_unique<R>();

  // A ring holds one fewer than its size.
  CkQueue(const Place& p, const char* direction) {
    ring = static_cast<char*>(p.memory<R>(direction, 4096 + sizeof(R) * R::window));
    slots = ring + 4096;
    if (p.create) ck_create(ring, R::window);
  }
  bool send(const R& r) { return (Many ? Calls<R>::send_mpmc : Calls<R>::send_spsc)(ring, slots, &r); }
  template <class F>
  bool take(F f) {
    if (!(Many ? Calls<R>::take_mpmc : Calls<R>::take_spsc)(ring, slots, got.get())) return false;
    f(*got);
    return true;
  }
};

struct Spsc {
  static constexpr const char* name = "ck_ring/spsc";
  static constexpr bool processes = true;
  template <class R>
  using Queue = CkQueue<R, false>;
};

struct Mpmc {
  static constexpr const char* name = "ck_ring/mpmc";
  static constexpr bool processes = true;
  template <class R>
  using Queue = CkQueue<R, true>;
};

int main(int argc, char** argv) { return run_all<Spsc, Mpmc>(argc, argv); }
