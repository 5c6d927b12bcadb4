// moodycamel::ConcurrentQueue, for many producers and consumers. Between threads: it keeps
// its blocks on the heap.
#include <concurrentqueue/concurrentqueue.h>

#include "harness.hpp"

struct Concurrent {
  static constexpr const char* name = "moodycamel-concurrentqueue/threads/polling";
  static constexpr bool processes = false;
  using Queue = moodycamel::ConcurrentQueue<Record>;
  Queue there{2 * window, 1, 0}, back{2 * window, 1, 0};

  struct End {
    Queue &out, &in;
    moodycamel::ProducerToken produce;
    moodycamel::ConsumerToken consume;
    End(Concurrent& l, int side)
        : out(side ? l.back : l.there), in(side ? l.there : l.back), produce(out), consume(in) {}
    void send(const Record& r) {
      poll([&] { return out.try_enqueue(produce, r); });
    }
    void receive(Record& r) {
      poll([&] { return in.try_dequeue(consume, r); });
    }
  };
};

int main(int argc, char** argv) { return run_all<Concurrent>(argc, argv); }
