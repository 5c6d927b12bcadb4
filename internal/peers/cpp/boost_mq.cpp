// boost::interprocess::message_queue: a priority queue under a mutex and two conditions,
// in shared memory.
#include <boost/interprocess/ipc/message_queue.hpp>

#include "harness.hpp"

namespace bi = boost::interprocess;

template <class R, bool Waits>
struct MessageQueue {
  std::string file;
  bi::message_queue q;
  std::unique_ptr<R> got = std::make_unique<R>();

  static bi::message_queue open(const Place& p, const std::string& file) {
    if (p.create) return bi::message_queue(bi::create_only, file.c_str(), R::window, sizeof(R));
    return bi::message_queue(bi::open_only, file.c_str());
  }
  MessageQueue(const Place& p, const char* direction)
      : file(p.base() + "-" + direction + std::to_string(R::size)), q(open(p, file)) {}
  bool send(const R& r) {
    if (!Waits) return q.try_send(&r, sizeof r, 0);
    q.send(&r, sizeof r, 0);
    return true;
  }
  template <class F>
  bool take(F f) {
    bi::message_queue::size_type size;
    unsigned priority;
    if (Waits) {
      q.receive(got.get(), sizeof(R), size, priority);
    } else if (!q.try_receive(got.get(), sizeof(R), size, priority)) {
      return false;
    }
    if (size != sizeof(R)) throw std::runtime_error("short record");
    f(*got);
    return true;
  }
};

struct Waiting {
  static constexpr const char* name = "boost-message-queue/waiting";
  static constexpr bool processes = true;
  template <class R>
  using Queue = MessageQueue<R, true>;
};

struct Polling {
  static constexpr const char* name = "boost-message-queue/polling";
  static constexpr bool processes = true;
  template <class R>
  using Queue = MessageQueue<R, false>;
};

int main(int argc, char** argv) { return run_all<Waiting, Polling>(argc, argv); }
