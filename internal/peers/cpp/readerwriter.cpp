// moodycamel's queues for one producer and one consumer: ReaderWriterQueue, which does not
// wait, and the blocking ring. Between threads: they keep their blocks on the heap.
#include <readerwriterqueue/readerwritercircularbuffer.h>
#include <readerwriterqueue/readerwriterqueue.h>

#include "harness.hpp"

struct Polling {
  static constexpr const char* name = "moodycamel-readerwriterqueue/threads/polling";
  static constexpr bool processes = false;
  using Queue = moodycamel::ReaderWriterQueue<Record>;
  Queue there{window}, back{window};

  struct End {
    Queue &out, &in;
    End(Polling& l, int side) : out(side ? l.back : l.there), in(side ? l.there : l.back) {}
    void send(const Record& r) {
      poll([&] { return out.try_enqueue(r); });
    }
    void receive(Record& r) {
      poll([&] { return in.try_dequeue(r); });
    }
  };
};

struct Waiting {
  static constexpr const char* name = "moodycamel-blocking-ring/threads/waiting";
  static constexpr bool processes = false;
  using Queue = moodycamel::BlockingReaderWriterCircularBuffer<Record>;
  Queue there{window}, back{window};

  struct End {
    Queue &out, &in;
    End(Waiting& l, int side) : out(side ? l.back : l.there), in(side ? l.there : l.back) {}
    void send(const Record& r) { out.wait_enqueue(r); }
    void receive(Record& r) { in.wait_dequeue(r); }
  };
};

int main(int argc, char** argv) { return run_all<Polling, Waiting>(argc, argv); }
