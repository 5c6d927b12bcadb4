// boost::interprocess::message_queue: a priority queue under a mutex and two conditions,
// in shared memory.
#include <boost/interprocess/ipc/message_queue.hpp>

#include "harness.hpp"

namespace bi = boost::interprocess;

// Both processes inherit the mapping, so the name is removed at once.
class Queue {
 public:
  Queue(const std::string& name) : q_(bi::create_only, name.c_str(), window, sizeof(Record)) {
    bi::message_queue::remove(name.c_str());
  }
  bi::message_queue* operator->() { return &q_; }

 private:
  bi::message_queue q_;
};

struct Base {
  static constexpr bool processes = true;
  std::string base = "shmq-peers-" + std::to_string(getpid());
  Queue there{base + "-there"}, back{base + "-back"};
};

struct Waiting : Base {
  static constexpr const char* name = "boost-message-queue/waiting";
  struct End {
    Queue &out, &in;
    End(Waiting& l, int side) : out(side ? l.back : l.there), in(side ? l.there : l.back) {}
    void send(const Record& r) { out->send(&r, sizeof r, 0); }
    void receive(Record& r) {
      bi::message_queue::size_type size;
      unsigned priority;
      in->receive(&r, sizeof r, size, priority);
      if (size != sizeof r) throw std::runtime_error("short record");
    }
  };
};

struct Polling : Base {
  static constexpr const char* name = "boost-message-queue/polling";
  struct End {
    Queue &out, &in;
    End(Polling& l, int side) : out(side ? l.back : l.there), in(side ? l.there : l.back) {}
    void send(const Record& r) {
      poll([&] { return out->try_send(&r, sizeof r, 0); });
    }
    void receive(Record& r) {
      bi::message_queue::size_type size;
      unsigned priority;
      poll([&] { return in->try_receive(&r, sizeof r, size, priority); });
      if (size != sizeof r) throw std::runtime_error("short record");
    }
  };
};

int main(int argc, char** argv) { return run_all<Waiting, Polling>(argc, argv); }
