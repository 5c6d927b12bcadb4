// moodycamel's queues for one producer and one consumer: ReaderWriterQueue, which does not
// wait, and the blocking ring. Between threads: they keep their blocks on the heap.
#include <readerwriterqueue/readerwritercircularbuffer.h>
#include <readerwriterqueue/readerwriterqueue.h>

#include "harness.hpp"

struct Polling {
  static constexpr const char* name = "moodycamel-readerwriterqueue";
  static constexpr bool processes = false;
  template <class R>
  struct Queue {
    moodycamel::ReaderWriterQueue<R> q{R::window};
    Queue(const Place&, const char*) {}
    bool send(const R& r) { return q.try_enqueue(r); }
    template <class F>
    bool take(F f) {
      R* r = q.peek();
      if (!r) return false;
      f(*r);
      return q.pop();
    }
  };
};

struct Waiting {
  static constexpr const char* name = "moodycamel-blocking-ring";
  static constexpr bool processes = false;
  template <class R>
  struct Queue {
    moodycamel::BlockingReaderWriterCircularBuffer<R> q{R::window};
    std::unique_ptr<R> got = std::make_unique<R>();
    Queue(const Place&, const char*) {}
    bool send(const R& r) {
      q.wait_enqueue(r);
      return true;
    }
    template <class F>
    bool take(F f) {
      q.wait_dequeue(*got);
      f(*got);
      return true;
    }
  };
};

int main(int argc, char** argv) { return run_all<Polling, Waiting>(argc, argv); }
