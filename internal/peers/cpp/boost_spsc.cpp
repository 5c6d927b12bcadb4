// boost::lockfree::spsc_queue in a managed_shared_memory: a ring for one producer and one
// consumer that never wait in the kernel.
#include <boost/interprocess/managed_shared_memory.hpp>
#include <boost/lockfree/spsc_queue.hpp>

#include "harness.hpp"

namespace bi = boost::interprocess;

struct Spsc {
  static constexpr const char* name = "boost-spsc-queue/polling";
  static constexpr bool processes = true;
  using Queue = boost::lockfree::spsc_queue<Record, boost::lockfree::capacity<window>>;

  // Both processes inherit the mapping, so the name is removed at once.
  std::string file = "shmq-peers-" + std::to_string(getpid());
  bi::managed_shared_memory memory{bi::create_only, file.c_str(), 2 * sizeof(Queue) + 65536};
  bool removed = bi::shared_memory_object::remove(file.c_str());
  Queue* there = memory.construct<Queue>("there")();
  Queue* back = memory.construct<Queue>("back")();

  struct End {
    Queue &out, &in;
    End(Spsc& l, int side) : out(side ? *l.back : *l.there), in(side ? *l.there : *l.back) {}
    void send(const Record& r) {
      poll([&] { return out.push(r); });
    }
    void receive(Record& r) {
      poll([&] { return in.pop(r); });
    }
  };
};

int main(int argc, char** argv) { return run_all<Spsc>(argc, argv); }
