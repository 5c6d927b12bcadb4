// ZeroMQ, a PAIR of sockets over ipc://, a Unix socket: records go through the kernel, in
// batches that its I/O threads make.
#include <zmq.h>

#include "harness.hpp"

struct ZeroMQ {
  static constexpr const char* name = "zeromq-ipc/waiting";
  static constexpr bool processes = true;
  std::string dir, address;

  ZeroMQ() {
    const char* base = std::getenv("TMPDIR");
    std::string made = std::string(base ? base : "/tmp") + "/shmq-peers-XXXXXX";
    if (!mkdtemp(&made[0])) throw std::runtime_error("cannot make " + made);
    dir = made;
    address = "ipc://" + dir + "/s";
  }
  ~ZeroMQ() {
    unlink((dir + "/s").c_str());
    rmdir(dir.c_str());
  }

  // A context belongs to one process, so each end makes its own. Its I/O thread inherits
  // the core of the end.
  struct End {
    void* context = zmq_ctx_new();
    void* socket = zmq_socket(context, ZMQ_PAIR);

    End(ZeroMQ& l, int side) {
      int most = window, forever = -1;
      zmq_setsockopt(socket, ZMQ_SNDHWM, &most, sizeof most);
      zmq_setsockopt(socket, ZMQ_RCVHWM, &most, sizeof most);
      zmq_setsockopt(socket, ZMQ_LINGER, &forever, sizeof forever);
      if ((side ? zmq_connect : zmq_bind)(socket, l.address.c_str()) != 0) fail();
    }
    ~End() {
      zmq_close(socket);
      zmq_ctx_term(context);
    }
    void send(const Record& r) {
      while (zmq_send(socket, &r, sizeof r, 0) != sizeof r) again();
    }
    void receive(Record& r) {
      while (zmq_recv(socket, &r, sizeof r, 0) != sizeof r) again();
    }
    static void again() {
      if (zmq_errno() != EINTR) fail();
    }
    [[noreturn]] static void fail() { throw std::runtime_error(zmq_strerror(zmq_errno())); }
  };
};

int main(int argc, char** argv) { return run_all<ZeroMQ>(argc, argv); }
