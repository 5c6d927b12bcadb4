// rigtorp::SPSCQueue and rigtorp::MPMCQueue. Both are placed whole in shared memory, the
// slots by an allocator, and hold pointers: each process has them at the same address.
#include <rigtorp/MPMCQueue.h>
#include <rigtorp/SPSCQueue.h>

#include "harness.hpp"

// Fixed hands out the memory behind the queue itself, once.
template <class T>
struct Fixed {
  using value_type = T;
  char* at;
  explicit Fixed(void* p) : at(static_cast<char*>(p)) {}
  template <class U>
  Fixed(const Fixed<U>& o) : at(o.at) {}
  T* allocate(std::size_t) { return reinterpret_cast<T*>(at); }
  void deallocate(T*, std::size_t) {}
};

constexpr std::size_t header = 4096;

template <class R, class T>
T* placed(const Place& p, const char* direction, std::size_t slot) {
  char* at = static_cast<char*>(p.memory<R>(direction, header + (R::window + 64) * slot + 4096));
  static_assert(sizeof(T) <= header);
  using Allocator = Fixed<char>;
  return p.create ? new (at) T(R::window, Allocator(at + header)) : reinterpret_cast<T*>(at);
}

struct Spsc {
  static constexpr const char* name = "rigtorp-spsc";
  static constexpr bool processes = true;
  template <class R>
  struct Queue {
    using Ring = rigtorp::SPSCQueue<R, Fixed<R>>;
    Ring* ring;
    Queue(const Place& p, const char* direction) : ring(placed<R, Ring>(p, direction, sizeof(R))) {}
    bool send(const R& r) { return ring->try_push(r); }
    template <class F>
    bool take(F f) {
      R* r = ring->front();
      if (!r) return false;
      f(*r);
      ring->pop();
      return true;
    }
  };
};

struct Mpmc {
  static constexpr const char* name = "rigtorp-mpmc";
  static constexpr bool processes = true;
  template <class R>
  struct Queue {
    using Slot = rigtorp::mpmc::Slot<R>;
    using Ring = rigtorp::mpmc::Queue<R, Fixed<Slot>>;
    Ring* ring;
    std::unique_ptr<R> got = std::make_unique<R>();
    Queue(const Place& p, const char* direction) : ring(placed<R, Ring>(p, direction, sizeof(Slot))) {}
    bool send(const R& r) { return ring->try_push(r); }
    template <class F>
    bool take(F f) {
      if (!ring->try_pop(*got)) return false;
      f(*got);
      return true;
    }
  };
};

int main(int argc, char** argv) { return run_all<Spsc, Mpmc>(argc, argv); }
