// boost::lockfree::spsc_queue in shared memory: a ring for one producer and one consumer
// that never wait in the kernel. Of a fixed capacity, it holds no pointers.
#include <boost/lockfree/spsc_queue.hpp>

#include "harness.hpp"

struct Spsc {
  static constexpr const char* name = "boost-spsc-queue";
  static constexpr bool processes = true;
  template <class R>
  struct Queue {
    using Ring = boost::lockfree::spsc_queue<R, boost::lockfree::capacity<R::window>>;
    Ring* ring;
    Queue(const Place& p, const char* direction) : ring(p.object<R, Ring>(direction)) {}
    bool send(const R& r) { return ring->push(r); }
    template <class F>
    bool take(F f) {
      return ring->consume_one([&](const R& r) { f(r); });
    }
    unsigned send_batch(const R* r, unsigned n) { return unsigned(ring->push(r, n)); }
    template <class F>
    unsigned take_batch(F f, unsigned n) {
      std::size_t got = ring->pop(batch, n);
      for (std::size_t i = 0; i < got; i++) f(batch[i]);
      return unsigned(got);
    }
    std::unique_ptr<R[]> batches = std::make_unique<R[]>(most);
    R* batch = batches.get();
  };
};

int main(int argc, char** argv) { return run_all<Spsc>(argc, argv); }
