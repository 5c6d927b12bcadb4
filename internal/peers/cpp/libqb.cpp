// libqb's ring buffer between processes, with its semaphore and without. It has one producer
// and one consumer, and records of any size.
#include <qb/qbrb.h>

#include "harness.hpp"

template <class R, unsigned Flags>
struct QbQueue {
  static constexpr bool waits = !(Flags & QB_RB_FLAG_NO_SEMAPHORE);
  qb_ringbuffer_t* ring;
  std::unique_ptr<R> got = std::make_unique<R>();

  // Its files get this name with others around it in the memory file system.
  QbQueue(const Place& p, const char* direction) {
    std::string name = p.base() + "-" + direction + std::to_string(R::size);
    // A chunk takes some words more than its bytes.
    ring = qb_rb_open(name.c_str(), R::window * (R::size + 16), Flags | QB_RB_FLAG_SHARED_PROCESS | (p.create ? QB_RB_FLAG_CREATE : 0), 0);
    if (!ring) throw std::runtime_error("qb_rb_open: " + std::string(std::strerror(errno)));
  }
  bool send(const R& r) {
    ssize_t n = qb_rb_chunk_write(ring, &r, sizeof r);
    if (n < 0 && n != -EAGAIN) throw std::runtime_error("qb_rb_chunk_write: " + std::string(std::strerror(int(-n))));
    return n >= 0;
  }
  // The record is read where it lies, and reclaimed then.
  template <class F>
  bool take(F f) {
    void* at;
    ssize_t n = qb_rb_chunk_peek(ring, &at, waits ? -1 : 0);
    // Without a semaphore, an empty ring is a bad message: what lies there is no chunk.
    if (n == -ETIMEDOUT || n == -EAGAIN || n == -EBADMSG || n == 0) return false;
    if (n != ssize_t(sizeof(R))) throw std::runtime_error("qb_rb_chunk_peek: " + std::to_string(n));
    std::memcpy(static_cast<void*>(got.get()), at, sizeof(R));
    f(*got);
    qb_rb_chunk_reclaim(ring);
    return true;
  }
};

struct Waiting {
  static constexpr const char* name = "libqb/semaphore";
  static constexpr bool processes = true;
  template <class R>
  using Queue = QbQueue<R, 0>;
};

struct Polling {
  static constexpr const char* name = "libqb/no-semaphore";
  static constexpr bool processes = true;
  template <class R>
  using Queue = QbQueue<R, QB_RB_FLAG_NO_SEMAPHORE>;
};

int main(int argc, char** argv) { return run_all<Waiting, Polling>(argc, argv); }
