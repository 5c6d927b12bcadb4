// moodycamel::ConcurrentQueue, for many producers and consumers. Between threads: it keeps
// its blocks on the heap.
#include <concurrentqueue/concurrentqueue.h>

#include "harness.hpp"

struct Concurrent {
  static constexpr const char* name = "moodycamel-concurrentqueue";
  static constexpr bool processes = false;
  template <class R>
  struct Queue {
    moodycamel::ConcurrentQueue<R> q{2 * R::window, 1, 0};
    moodycamel::ProducerToken produce{q};
    moodycamel::ConsumerToken consume{q};
    std::unique_ptr<R[]> got = std::make_unique<R[]>(most);
    Queue(const Place&, const char*) {}
    bool send(const R& r) { return q.try_enqueue(produce, r); }
    template <class F>
    bool take(F f) {
      if (!q.try_dequeue(consume, got[0])) return false;
      f(got[0]);
      return true;
    }
    unsigned send_batch(const R* r, unsigned n) { return q.try_enqueue_bulk(produce, r, n) ? n : 0; }
    template <class F>
    unsigned take_batch(F f, unsigned n) {
      std::size_t some = q.try_dequeue_bulk(consume, got.get(), n);
      for (std::size_t i = 0; i < some; i++) f(got[i]);
      return unsigned(some);
    }
  };
};

int main(int argc, char** argv) { return run_all<Concurrent>(argc, argv); }
