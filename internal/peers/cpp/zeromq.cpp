// ZeroMQ, a PAIR of sockets over ipc:// for each direction, a Unix socket: records go through
// the kernel, in batches that its I/O threads make.
#include <zmq.h>

#include "harness.hpp"

struct ZeroMQ {
  static constexpr const char* name = "zeromq-ipc";
  static constexpr bool processes = true;
  template <class R>
  struct Queue {
    // The I/O thread inherits the core of the end.
    void* context = zmq_ctx_new();
    void* socket = zmq_socket(context, ZMQ_PAIR);
    std::unique_ptr<R> got = std::make_unique<R>();

    Queue(const Place& p, const char* direction) {
      int most = R::window, none = 0;
      zmq_setsockopt(socket, ZMQ_SNDHWM, &most, sizeof most);
      zmq_setsockopt(socket, ZMQ_RCVHWM, &most, sizeof most);
      zmq_setsockopt(socket, ZMQ_LINGER, &none, sizeof none);
      std::string address = "ipc://" + p.dir + "/" + direction + std::to_string(R::size);
      if ((p.receiver ? zmq_bind : zmq_connect)(socket, address.c_str()) != 0) fail();
    }
    bool send(const R& r) {
      while (zmq_send(socket, &r, sizeof r, 0) != sizeof r) again();
      return true;
    }
    template <class F>
    bool take(F f) {
      while (zmq_recv(socket, got.get(), sizeof(R), 0) != sizeof(R)) again();
      f(*got);
      return true;
    }
    static void again() {
      if (zmq_errno() != EINTR) fail();
    }
    [[noreturn]] static void fail() { throw std::runtime_error(zmq_strerror(zmq_errno())); }
  };
};

int main(int argc, char** argv) { return run_all<ZeroMQ>(argc, argv); }
