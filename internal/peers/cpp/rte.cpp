// DPDK's rte_ring with elements of the record's size, in plain shared memory: rte_ring_init
// asks nothing of the environment layer. The bulk functions are its batches.
#include <rte_config.h>

#include <rte_ring.h>
#include <rte_ring_elem.h>

#include "harness.hpp"

template <class R, unsigned Flags>
struct RteQueue {
  rte_ring* ring;
  std::unique_ptr<R[]> got = std::make_unique<R[]>(most);

  // One slot stays free.
  RteQueue(const Place& p, const char* direction) {
    constexpr unsigned count = 2 * R::window;
    ssize_t size = rte_ring_get_memsize_elem(sizeof(R), count);
    if (size < 0) throw std::runtime_error("no size");
    ring = static_cast<rte_ring*>(p.memory<R>(direction, std::size_t(size)));
    if (p.create && rte_ring_init(ring, direction, R::window, Flags | RING_F_EXACT_SZ) != 0) throw std::runtime_error("rte_ring_init failed");
  }
  bool send(const R& r) { return rte_ring_enqueue_bulk_elem(ring, &r, sizeof r, 1, nullptr) == 1; }
  template <class F>
  bool take(F f) {
    if (rte_ring_dequeue_bulk_elem(ring, got.get(), sizeof(R), 1, nullptr) != 1) return false;
    f(got[0]);
    return true;
  }
  unsigned send_batch(const R* r, unsigned n) { return rte_ring_enqueue_bulk_elem(ring, r, sizeof(R), n, nullptr); }
  template <class F>
  unsigned take_batch(F f, unsigned n) {
    unsigned some = rte_ring_dequeue_bulk_elem(ring, got.get(), sizeof(R), n, nullptr);
    for (unsigned i = 0; i < some; i++) f(got[i]);
    return some;
  }
};

struct Single {
  static constexpr const char* name = "rte_ring/sp-sc";
  static constexpr bool processes = true;
  template <class R>
  using Queue = RteQueue<R, RING_F_SP_ENQ | RING_F_SC_DEQ>;
};

struct Multi {
  static constexpr const char* name = "rte_ring/mp-mc";
  static constexpr bool processes = true;
  template <class R>
  using Queue = RteQueue<R, 0>;
};

struct Hts {
  static constexpr const char* name = "rte_ring/hts";
  static constexpr bool processes = true;
  template <class R>
  using Queue = RteQueue<R, RING_F_MP_HTS_ENQ | RING_F_MC_HTS_DEQ>;
};

int main(int argc, char** argv) { return run_all<Single, Multi, Hts>(argc, argv); }
